//! Random steps against a model that is too simple to be wrong: one flat list of deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use patchpanel_event::Receipt;
use patchpanel_store::{Account, Appended, Clock, Store, Verdict};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Make, ManualClock, new_event, settlement};

const SUBSCRIPTIONS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    /// Events by id, each with the subscriptions that it matches.
    Append(Vec<(u8, Vec<usize>)>),
    Fetch {
        subscription: usize,
        max: usize,
    },
    /// The nth delivery of all that were ever leased, so that some are settled again.
    Settle(Vec<(usize, Ending)>),
    Abandon {
        subscription: usize,
    },
    Advance(u64),
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Delivered,
    Filtered,
    Throttled,
    Expired,
    Dead,
    Retry(u64),
    Release,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let matched = prop::sample::subsequence(vec![0, 1, 2], 0..=3);
    let ending = prop_oneof![
        Just(Ending::Delivered),
        Just(Ending::Filtered),
        Just(Ending::Throttled),
        Just(Ending::Expired),
        Just(Ending::Dead),
        (0_u64..20).prop_map(Ending::Retry),
        Just(Ending::Release),
    ];
    let step = prop_oneof![
        4 => prop::collection::vec((0_u8..40, matched), 0..4).prop_map(Step::Append),
        6 => (0_usize..3, 0_usize..4).prop_map(|(subscription, max)| Step::Fetch { subscription, max }),
        6 => prop::collection::vec((any::<prop::sample::Index>(), ending), 0..4).prop_map(|endings| {
            let endings = endings.into_iter().map(|(index, ending)| (index.index(1 << 20), ending));
            Step::Settle(endings.collect())
        }),
        1 => (0_usize..3).prop_map(|subscription| Step::Abandon { subscription }),
        3 => (0_u64..15).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 0..60)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Due(u64),
    Leased,
    Ended,
}

struct Modelled {
    subscription: usize,
    id: u8,
    state: State,
    attempts: u32,
    /// As the store called it when it was leased.
    sequence: Option<u64>,
}

#[derive(Default)]
struct Model {
    /// In order of acceptance.
    deliveries: Vec<Modelled>,
    ids: BTreeSet<u8>,
    accounts: BTreeMap<&'static str, Account>,
    duplicates: u64,
    /// Indices of all that were ever leased.
    leased: Vec<usize>,
}

impl Model {
    fn account(&mut self, subscription: usize) -> &mut Account {
        self.accounts.entry(SUBSCRIPTIONS[subscription]).or_default()
    }

    fn append(&mut self, id: u8, matched: &[usize]) -> Appended {
        if !self.ids.insert(id) {
            self.duplicates += 1;
            return Appended::Duplicate;
        }
        for &subscription in matched {
            self.account(subscription).accepted += 1;
            self.account(subscription).pending += 1;
            self.deliveries.push(Modelled {
                subscription,
                id,
                state: State::Due(0),
                attempts: 0,
                sequence: None,
            });
        }
        Appended::Accepted
    }

    /// What must be leased, as indices, and the next due time.
    fn fetch(&mut self, subscription: usize, max: usize, now: u64) -> (Vec<usize>, Option<u64>) {
        let of = |modelled: &Modelled| match modelled.state {
            State::Due(due) if modelled.subscription == subscription => Some(due),
            _ => None,
        };
        let due: Vec<usize> = (0..self.deliveries.len())
            .filter(|&index| of(&self.deliveries[index]).is_some_and(|due| due <= now))
            .take(max)
            .collect();
        for &index in &due {
            self.deliveries[index].state = State::Leased;
            self.leased.push(index);
        }
        let next = self.deliveries.iter().filter_map(of).min();
        (due, next)
    }

    fn settle(&mut self, index: usize, ending: Ending) {
        let subscription = self.deliveries[index].subscription;
        if self.deliveries[index].state != State::Leased {
            return;
        }
        let account = self.account(subscription);
        let state = match ending {
            Ending::Retry(due) => State::Due(due),
            Ending::Release => State::Due(0),
            ended => {
                account.pending -= 1;
                match ended {
                    Ending::Delivered => account.delivered += 1,
                    Ending::Filtered => account.filtered += 1,
                    Ending::Throttled => account.throttled += 1,
                    Ending::Expired => account.expired += 1,
                    _ => account.dead += 1,
                }
                State::Ended
            }
        };
        let delivery = &mut self.deliveries[index];
        delivery.state = state;
        delivery.attempts += u32::from(matches!(ending, Ending::Retry(_)));
    }

    fn abandon(&mut self, subscription: usize) -> u64 {
        let mut count = 0;
        for delivery in &mut self.deliveries {
            if delivery.subscription == subscription && matches!(delivery.state, State::Due(_)) {
                delivery.state = State::Ended;
                count += 1;
            }
        }
        let account = self.account(subscription);
        account.pending -= count;
        account.dead += count;
        count
    }
}

fn verdict(ending: Ending) -> Verdict {
    let reason = || "because".to_owned();
    match ending {
        Ending::Delivered => Verdict::Delivered(Receipt::default()),
        Ending::Filtered => Verdict::Filtered(reason()),
        Ending::Throttled => Verdict::Throttled,
        Ending::Expired => Verdict::Expired,
        Ending::Dead => Verdict::Dead {
            reason: reason(),
            attempts: 1,
        },
        Ending::Retry(due) => Verdict::Retry { due, reason: reason() },
        Ending::Release => Verdict::Release,
    }
}

async fn play(steps: Vec<Step>, store: &dyn Store, clock: &ManualClock) {
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append(events) => {
                let new = events.iter().map(|(id, matched)| {
                    let names: Vec<&str> = matched.iter().map(|index| SUBSCRIPTIONS[*index]).collect();
                    new_event(&id.to_string(), &names)
                });
                let appended = store.append(new.collect()).await.unwrap();
                let expected: Vec<_> = events.iter().map(|(id, matched)| model.append(*id, matched)).collect();
                assert_eq!(appended, expected);
            }
            Step::Fetch { subscription, max } => {
                let now = clock.now();
                let fetched = store.fetch(SUBSCRIPTIONS[subscription], max).await.unwrap();
                let (expected, next_due) = model.fetch(subscription, max, now);
                let seen: Vec<_> = fetched
                    .deliveries
                    .iter()
                    .map(|delivery| (delivery.event.id().into_owned(), delivery.attempts))
                    .collect();
                let wanted: Vec<_> = expected
                    .iter()
                    .map(|&index| (model.deliveries[index].id.to_string(), model.deliveries[index].attempts))
                    .collect();
                assert_eq!(seen, wanted);
                assert_eq!(
                    fetched.next_due.map(|due| due.max(now)),
                    next_due.map(|due| due.max(now))
                );
                for (index, delivery) in expected.into_iter().zip(&fetched.deliveries) {
                    let known = model.deliveries[index].sequence.replace(delivery.sequence);
                    assert!(
                        known.is_none_or(|known| known == delivery.sequence),
                        "sequences never change"
                    );
                }
            }
            Step::Settle(endings) => {
                let mut settlements = Vec::new();
                for (pick, ending) in endings {
                    let Some(&index) = model.leased.get(pick % model.leased.len().max(1)) else {
                        continue;
                    };
                    let delivery = &model.deliveries[index];
                    let subscription = SUBSCRIPTIONS[delivery.subscription];
                    settlements.push(settlement(subscription, delivery.sequence.unwrap(), verdict(ending)));
                    model.settle(index, ending);
                }
                store.settle(settlements).await.unwrap();
            }
            Step::Abandon { subscription } => {
                let count = store.abandon(SUBSCRIPTIONS[subscription], "gone").await.unwrap();
                assert_eq!(count, model.abandon(subscription));
            }
            Step::Advance(nanos) => clock.advance(nanos),
        }
        let ledger = store.ledger().await.unwrap();
        assert_eq!(
            (ledger.events, ledger.duplicates),
            (model.ids.len() as u64, model.duplicates)
        );
        for (name, account) in &ledger.accounts {
            assert!(account.is_balanced(), "{name}: {account:?}");
            assert_eq!(Some(account), model.accounts.get(&**name));
        }
    }
}

/// Plays random steps on fresh stores. Their bounds must be large enough never to refuse or to forget here.
pub fn run(make: impl Make) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    TestRunner::default()
        .run(&steps(), |steps| {
            let clock = Arc::new(ManualClock::default());
            let store = make(Arc::clone(&clock));
            runtime.block_on(play(steps, &*store, &clock));
            Ok(())
        })
        .unwrap();
}
