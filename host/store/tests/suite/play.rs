//! Random steps, of which store and model must make the same.

use std::sync::Arc;

use patchpanel_event::FieldPath;
use patchpanel_store::{Clock, Delivery, DeliveryRef, DeliveryState, Fetch, KeptValue, Settlement, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::model::{Ending, Model, ORDERED, SUBSCRIPTIONS, State, verdict};
use super::{Made, Make, ManualClock, new_event_about};

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
