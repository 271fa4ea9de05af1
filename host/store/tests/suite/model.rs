//! Random steps against a model that is too simple to be wrong: one flat list of deliveries.
//!
//! In which order ready deliveries come is the store's business, within limits; so the model does not foretell what a
//! fetch leases but judges it. Subscription `c` orders its deliveries by `subject`.

use std::collections::BTreeMap;
use std::sync::Arc;

use patchpanel_event::{FieldPath, Receipt};
use patchpanel_store::{
    Account, Appended, Clock, Delivery, DeliveryKey, DeliveryRef, DeliveryState, Fetch, KeptValue, Replay, Settlement,
    Store, Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Made, Make, ManualClock, new_event_about};

const SUBSCRIPTIONS: [&str; 3] = ["a", "b", "c"];
const ORDERED: usize = 2;

#[derive(Clone, Debug)]
enum Step {
    /// Events by id, each with the subscriptions that it matches.
    Append(Vec<(u8, Vec<usize>)>),
    Fetch {
        subscription: usize,
        max: usize,
        early: bool,
    },
    /// The nth delivery of all that there are, so that some are settled again or were never leased.
    Settle(Vec<(usize, Ending)>),
    Redrive(usize),
    Discard(usize),
    /// Events that are delivered once more.
    Replay {
        subscription: usize,
        ids: Vec<u8>,
    },
    /// A plugin keeps a value for so long, or forgets one.
    Keep {
        owner: usize,
        key: u8,
        value: Option<(u8, Option<u64>)>,
    },
    Advance(u64),
    /// The process ends, and another one begins.
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Delivered,
    Receipt,
    Filtered,
    Throttled,
    Expired,
    Dead { attempted: bool },
    Retry(u64),
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let matched = prop::sample::subsequence(vec![0, 1, 2], 0..=3);
    let ending = prop_oneof![
        2 => Just(Ending::Delivered),
        1 => Just(Ending::Receipt),
        1 => Just(Ending::Filtered),
        1 => Just(Ending::Throttled),
        1 => Just(Ending::Expired),
        2 => any::<bool>().prop_map(|attempted| Ending::Dead { attempted }),
        3 => (0_u64..20).prop_map(Ending::Retry),
        1 => Just(Ending::Release),
    ];
    let pick = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    let step = prop_oneof![
        4 => prop::collection::vec((0_u8..40, matched), 0..4).prop_map(Step::Append),
        7 => (0_usize..3, 0_usize..4, prop::bool::weighted(0.05))
            .prop_map(|(subscription, max, early)| Step::Fetch { subscription, max, early }),
        7 => prop::collection::vec((pick(), ending), 0..6).prop_map(Step::Settle),
        1 => pick().prop_map(Step::Redrive),
        1 => pick().prop_map(Step::Discard),
        1 => (0_usize..3, prop::collection::vec(0_u8..45, 0..4))
            .prop_map(|(subscription, ids)| Step::Replay { subscription, ids }),
        2 => (0_usize..3, 0_u8..4, prop::option::weighted(0.8, (any::<u8>(), prop::option::of(0_u64..40))))
            .prop_map(|(owner, key, value)| Step::Keep { owner, key, value }),
        3 => (0_u64..15).prop_map(Step::Advance),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 0..60)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Due(u64),
    Leased { due: u64 },
    Ended(DeliveryState),
}

#[derive(Debug)]
struct Modelled {
    subscription: usize,
    id: u8,
    key: DeliveryKey,
    state: State,
    attempts: u32,
    /// It was handed out for an attempt at some time.
    begun: bool,
    redriven: bool,
}

impl Modelled {
    fn is_pending(&self) -> bool {
        !matches!(self.state, State::Ended(_))
    }

    /// What orders it; not everything has a subject.
    fn subject(&self) -> Option<u8> {
        (self.subscription == ORDERED && !self.id.is_multiple_of(4)).then_some(self.id % 4)
    }

    /// Whether others with its ordering key have to wait for it.
    fn blocks(&self) -> bool {
        match self.state {
            State::Leased { .. } => true,
            State::Due(_) => self.attempts > 0,
            State::Ended(_) => false,
        }
    }
}

#[derive(Default)]
struct Model {
    /// In order of acceptance.
    deliveries: Vec<Modelled>,
    /// With their sequence numbers.
    ids: BTreeMap<u8, u64>,
    accounts: BTreeMap<&'static str, Account>,
    duplicates: u64,
    replays: Vec<Replay>,
    /// By owner and key.
    kept: BTreeMap<(usize, u8), KeptValue>,
}

impl Model {
    fn account(&mut self, subscription: usize) -> &mut Account {
        self.accounts.entry(SUBSCRIPTIONS[subscription]).or_default()
    }

    fn add(&mut self, subscription: usize, id: u8, key: DeliveryKey) {
        self.account(subscription).accepted += 1;
        self.account(subscription).pending += 1;
        self.deliveries.push(Modelled {
            subscription,
            id,
            key,
            state: State::Due(0),
            attempts: 0,
            begun: false,
            redriven: false,
        });
    }

    fn append(&mut self, id: u8, matched: &[usize]) -> Appended {
        if self.ids.contains_key(&id) {
            self.duplicates += 1;
            return Appended::Duplicate { id: id.to_string() };
        }
        let sequence = self.ids.len() as u64 + 1;
        self.ids.insert(id, sequence);
        for &subscription in matched {
            self.add(subscription, id, DeliveryKey::original(sequence));
        }
        Appended::Accepted
    }

    fn replay(&mut self, subscription: usize, ids: &[u8]) -> (Replay, Vec<u64>) {
        let replay = Replay {
            number: self.replays.len() as u32 + 1,
            subscription: SUBSCRIPTIONS[subscription].into(),
            request: "{}".into(),
            position: 7,
            enqueued: ids.len() as u64,
            ended: None,
        };
        let mut sequences: Vec<u64> = ids.iter().map(|id| self.ids.get(id).copied().unwrap_or(999)).collect();
        sequences.push(sequences.first().copied().unwrap_or(999));
        let mut known: Vec<(u8, u64)> = Vec::new();
        for id in ids {
            if let Some(sequence) = self.ids.get(id)
                && !known.contains(&(*id, *sequence))
            {
                known.push((*id, *sequence));
            }
        }
        for (id, sequence) in known {
            let key = DeliveryKey {
                sequence,
                replay: replay.number,
            };
            self.add(subscription, id, key);
        }
        self.replays.push(replay.clone());
        (replay, sequences)
    }

    fn find(&self, subscription: usize, key: DeliveryKey) -> usize {
        let found = |modelled: &Modelled| modelled.subscription == subscription && modelled.key == key;
        self.deliveries
            .iter()
            .position(found)
            .expect("a delivery that was made")
    }

    /// Judges what was leased.
    fn lease(&mut self, subscription: usize, early: bool, max: usize, leased: &[Delivery], now: u64) {
        assert!(leased.len() <= max);
        for delivery in leased {
            let index = self.find(subscription, delivery.key);
            let modelled = &self.deliveries[index];
            let State::Due(due) = modelled.state else {
                panic!("leased, though it is not to be had: {modelled:?}");
            };
            assert!(early || due <= now, "too early: {modelled:?}");
            assert_eq!(
                (delivery.event.id().as_ref(), delivery.attempts),
                (modelled.id.to_string().as_str(), modelled.attempts)
            );
            if let Some(subject) = modelled.subject().filter(|_| !early) {
                let others = self.deliveries.iter().enumerate();
                let mut same = others.filter(|(other, _)| *other != index).map(|(_, other)| other);
                assert!(
                    !same
                        .clone()
                        .any(|other| other.subject() == Some(subject) && other.blocks()),
                    "out of turn: {modelled:?}"
                );
                // Replays and redriven ones come when they are asked for.
                let fresh = |other: &Modelled| other.key.replay == 0 && !other.redriven;
                assert!(
                    modelled.begun
                        || !fresh(modelled)
                        || !same.any(|other| {
                            other.subject() == Some(subject)
                                && other.is_pending()
                                && fresh(other)
                                && other.key.sequence < modelled.key.sequence
                        }),
                    "before an older one: {modelled:?}"
                );
            }
            self.deliveries[index].state = State::Leased { due };
            self.deliveries[index].begun |= !early;
        }
    }

    /// Judges what was not leased, and when more is said to be due.
    fn left(&self, subscription: usize, asked: bool, none: bool, next_due: Option<u64>, now: u64) {
        let own = || {
            self.deliveries
                .iter()
                .filter(|modelled| modelled.subscription == subscription)
        };
        let waits = |modelled: &&Modelled| {
            let subject = modelled.subject();
            subject.is_some()
                && own().any(|other| other.subject() == subject && other.key != modelled.key && other.blocks())
        };
        let dues = own().filter_map(|modelled| match modelled.state {
            State::Due(due) => Some((modelled, due)),
            _ => None,
        });
        let first = dues.filter(|(modelled, _)| !waits(modelled)).map(|(_, due)| due).min();
        let promised = next_due.unwrap_or(u64::MAX);
        assert!(
            promised <= first.unwrap_or(u64::MAX).max(now),
            "{next_due:?} is late for {first:?}"
        );
        if asked && none {
            assert!(
                first.is_none_or(|due| due > now),
                "something is due, and nothing was leased"
            );
        }
        if subscription != ORDERED {
            assert_eq!(next_due.map(|due| due.max(now)), first.map(|due| due.max(now)));
        }
    }

    fn settle(&mut self, index: usize, ending: Ending) {
        let subscription = self.deliveries[index].subscription;
        let State::Leased { due: was_due } = self.deliveries[index].state else {
            return;
        };
        let account = self.account(subscription);
        let (sum, ended) = match ending {
            Ending::Retry(_) | Ending::Release => (None, None),
            Ending::Delivered | Ending::Receipt => (Some(&mut account.delivered), Some(DeliveryState::Delivered)),
            Ending::Filtered => (Some(&mut account.filtered), Some(DeliveryState::Filtered)),
            Ending::Throttled => (Some(&mut account.throttled), Some(DeliveryState::Throttled)),
            Ending::Expired => (Some(&mut account.expired), Some(DeliveryState::Expired)),
            Ending::Dead { .. } => (Some(&mut account.dead), Some(DeliveryState::Dead)),
        };
        if let Some(sum) = sum {
            *sum += 1;
            account.pending -= 1;
        }
        let delivery = &mut self.deliveries[index];
        delivery.state = match (ended, ending) {
            (Some(state), _) => State::Ended(state),
            (None, Ending::Retry(due)) => State::Due(due),
            (None, _) => State::Due(was_due),
        };
        delivery.attempts += u32::from(matches!(ending, Ending::Retry(_)));
    }

    fn is_dead(&self, index: usize) -> bool {
        self.deliveries[index].state == State::Ended(DeliveryState::Dead)
    }

    fn redrive(&mut self, index: usize) {
        let account = self.account(self.deliveries[index].subscription);
        account.dead -= 1;
        account.pending += 1;
        let delivery = &mut self.deliveries[index];
        delivery.state = State::Due(0);
        delivery.attempts = 0;
        delivery.redriven = true;
    }

    /// Leases end with the process.
    fn crash(&mut self) {
        for delivery in &mut self.deliveries {
            if let State::Leased { due } = delivery.state {
                delivery.state = State::Due(due);
            }
        }
    }
}

fn verdict(ending: Ending) -> Verdict {
    let reason = || "because".to_owned();
    match ending {
        Ending::Delivered => Verdict::Delivered(Receipt::default()),
        Ending::Receipt => Verdict::Delivered(Receipt {
            reference: Some("r1".into()),
            detail: None,
        }),
        Ending::Filtered => Verdict::Filtered(reason()),
        Ending::Throttled => Verdict::Throttled,
        Ending::Expired => Verdict::Expired,
        Ending::Dead { attempted } => Verdict::Dead {
            reason: reason(),
            attempted,
        },
        Ending::Retry(due) => Verdict::Retry { due, reason: reason() },
        Ending::Release => Verdict::Release,
    }
}

async fn play(steps: Vec<Step>, made: Made, clock: &ManualClock) {
    let mut model = Model::default();
    let mut store = made.open();
    let subject = FieldPath::parse("subject").unwrap();
    for step in steps {
        match step {
            Step::Append(events) => {
                let new = events.iter().map(|(id, matched)| {
                    let names: Vec<&str> = matched.iter().map(|index| SUBSCRIPTIONS[*index]).collect();
                    let subject = (!id.is_multiple_of(4)).then(|| (id % 4).to_string());
                    new_event_about(&id.to_string(), subject.as_deref(), &names)
                });
                let appended = store.append(new.collect()).await.unwrap();
                let expected: Vec<_> = events.iter().map(|(id, matched)| model.append(*id, matched)).collect();
                assert_eq!(appended, expected);
            }
            Step::Fetch {
                subscription,
                max,
                early,
            } => {
                let now = clock.now();
                let fetch = Fetch {
                    ordering: (subscription == ORDERED).then_some(&subject),
                    early,
                    ..Fetch::due(SUBSCRIPTIONS[subscription], max)
                };
                let fetched = store.fetch(fetch).await.unwrap();
                model.lease(subscription, early, max, &fetched.deliveries, now);
                let none = fetched.deliveries.is_empty();
                model.left(subscription, max > 0, none, fetched.next_due, now);
                if early {
                    // What else it is for: nobody attempts it, so it is in nobody's way.
                    let ending = Ending::Dead { attempted: false };
                    let settlement = |delivery: &Delivery| Settlement {
                        subscription: SUBSCRIPTIONS[subscription].into(),
                        key: delivery.key,
                        verdict: verdict(ending),
                    };
                    let settlements = fetched.deliveries.iter().map(settlement).collect();
                    store.settle(settlements).await.unwrap();
                    for delivery in &fetched.deliveries {
                        model.settle(model.find(subscription, delivery.key), ending);
                    }
                }
            }
            Step::Settle(endings) => {
                let mut settlements = Vec::new();
                for (pick, ending) in endings {
                    if model.deliveries.is_empty() {
                        continue;
                    }
                    let index = pick % model.deliveries.len();
                    let delivery = &model.deliveries[index];
                    settlements.push(Settlement {
                        subscription: SUBSCRIPTIONS[delivery.subscription].into(),
                        key: delivery.key,
                        verdict: verdict(ending),
                    });
                    model.settle(index, ending);
                }
                store.settle(settlements).await.unwrap();
            }
            Step::Redrive(pick) | Step::Discard(pick) => {
                if model.deliveries.is_empty() {
                    continue;
                }
                let index = pick % model.deliveries.len();
                let letters = vec![DeliveryRef {
                    subscription: SUBSCRIPTIONS[model.deliveries[index].subscription].into(),
                    key: model.deliveries[index].key,
                }];
                let was_dead = model.is_dead(index);
                let count = if matches!(step, Step::Redrive(_)) {
                    if was_dead {
                        model.redrive(index);
                    }
                    store.redrive(letters).await.unwrap()
                } else {
                    if was_dead {
                        model.deliveries[index].state = State::Ended(DeliveryState::Discarded);
                    }
                    store.discard(letters).await.unwrap()
                };
                assert_eq!(count, u64::from(was_dead));
            }
            Step::Replay { subscription, ids } => {
                let (replay, sequences) = model.replay(subscription, &ids);
                store.replay(replay, sequences).await.unwrap();
            }
            Step::Keep { owner, key, value } => {
                let value = value.map(|(byte, ttl)| KeptValue {
                    bytes: vec![byte; usize::from(byte)],
                    expires: ttl.map(|ttl| clock.now() + ttl),
                });
                store.can_keep().unwrap();
                store.keep(SUBSCRIPTIONS[owner], &key.to_string(), value.clone());
                match value {
                    Some(value) => drop(model.kept.insert((owner, key), value)),
                    None => drop(model.kept.remove(&(owner, key))),
                }
            }
            Step::Advance(nanos) => clock.advance(nanos),
            Step::Reopen if made.survives => {
                drop(store);
                store = made.open();
                model.crash();
                agrees_in_what_is_kept(&*store, &model, clock.now()).await;
            }
            Step::Reopen => {}
        }
        agrees(&*store, &model).await;
    }
    agrees_in_detail(&*store, &model).await;
    agrees_in_what_is_kept(&*store, &model, clock.now()).await;
}

async fn agrees_in_what_is_kept(store: &dyn Store, model: &Model, now: u64) {
    for (owner, name) in SUBSCRIPTIONS.iter().enumerate() {
        let own = model.kept.iter().filter(|((of, _), _)| *of == owner);
        let live = own.filter(|(_, value)| value.expires.is_none_or(|expires| expires > now));
        let live: Vec<_> = live.map(|((_, key), value)| (key.to_string(), value.clone())).collect();
        assert_eq!(store.kept(name).await.unwrap(), live, "{name}");
    }
}

async fn agrees(store: &dyn Store, model: &Model) {
    let ledger = store.ledger().await.unwrap();
    assert_eq!(
        (ledger.events, ledger.duplicates),
        (model.ids.len() as u64, model.duplicates)
    );
    for (name, account) in &ledger.accounts {
        assert!(account.is_balanced(), "{name}: {account:?}");
        assert_eq!(Some(account), model.accounts.get(&**name), "{name}");
    }
}

async fn agrees_in_detail(store: &dyn Store, model: &Model) {
    assert_eq!(store.replays().await.unwrap(), model.replays);
    for id in model.ids.keys() {
        let statuses = store.deliveries_of(&id.to_string()).await.unwrap().unwrap();
        let own = model.deliveries.iter().filter(|modelled| modelled.id == *id);
        assert_eq!(statuses.len(), own.clone().count());
        for modelled in own {
            let name = SUBSCRIPTIONS[modelled.subscription];
            let same = |status: &&patchpanel_store::DeliveryStatus| {
                *status.subscription == *name && status.key == modelled.key
            };
            let status = statuses.iter().find(same).unwrap();
            match modelled.state {
                State::Leased { .. } => assert_eq!(status.state, DeliveryState::InFlight, "{modelled:?}"),
                State::Ended(state) => assert_eq!(status.state, state, "{modelled:?}"),
                State::Due(_) => assert_eq!(status.state.status(), "pending", "{modelled:?} {status:?}"),
            }
        }
    }
}

/// Plays random steps on fresh stores. Their bounds must be large enough never to refuse or to forget here.
pub fn run(make: impl Make) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::default()
        .run(&steps(), |steps| {
            let clock = Arc::new(ManualClock::default());
            runtime.block_on(play(steps, make(Arc::clone(&clock)), &clock));
            Ok(())
        })
        .unwrap();
}
