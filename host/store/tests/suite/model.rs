//! A model of a store that is too simple to be wrong: one flat list of deliveries.
//!
//! In which order ready deliveries come is the store's business, within limits; so the model does not foretell what a
//! fetch leases but judges it. Subscription `c` orders its deliveries by `subject`.

use std::collections::BTreeMap;

use patchpanel_event::Receipt;
use patchpanel_store::{Account, Appended, Delivery, DeliveryKey, DeliveryState, KeptValue, Replay, Verdict};

pub(super) const SUBSCRIPTIONS: [&str; 3] = ["a", "b", "c"];
pub(super) const ORDERED: usize = 2;

#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Delivered,
    Receipt,
    Filtered,
    Throttled,
    Expired,
    Dead { attempted: bool },
    Retry(u64),
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    Due(u64),
    Leased { due: u64 },
    Ended(DeliveryState),
}

#[derive(Debug)]
pub(super) struct Modelled {
    pub(super) subscription: usize,
    pub(super) id: u8,
    pub(super) key: DeliveryKey,
    pub(super) state: State,
    pub(super) attempts: u32,
    /// It was handed out for an attempt at some time.
    pub(super) begun: bool,
    pub(super) redriven: bool,
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
pub(super) struct Model {
    /// In order of acceptance.
    pub(super) deliveries: Vec<Modelled>,
    /// With their sequence numbers.
    pub(super) ids: BTreeMap<u8, u64>,
    pub(super) accounts: BTreeMap<&'static str, Account>,
    pub(super) duplicates: u64,
    pub(super) replays: Vec<Replay>,
    /// By owner and key.
    pub(super) kept: BTreeMap<(usize, u8), KeptValue>,
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

    pub(super) fn append(&mut self, id: u8, matched: &[usize]) -> Appended {
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

    pub(super) fn replay(&mut self, subscription: usize, ids: &[u8]) -> (Replay, Vec<u64>) {
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

    pub(super) fn find(&self, subscription: usize, key: DeliveryKey) -> usize {
        let found = |modelled: &Modelled| modelled.subscription == subscription && modelled.key == key;
        self.deliveries
            .iter()
            .position(found)
            .expect("a delivery that was made")
    }

    /// Judges what was leased.
    pub(super) fn lease(&mut self, subscription: usize, early: bool, max: usize, leased: &[Delivery], now: u64) {
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
    pub(super) fn left(&self, subscription: usize, asked: bool, none: bool, next_due: Option<u64>, now: u64) {
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

    pub(super) fn settle(&mut self, index: usize, ending: Ending) {
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

    pub(super) fn is_dead(&self, index: usize) -> bool {
        self.deliveries[index].state == State::Ended(DeliveryState::Dead)
    }

    pub(super) fn redrive(&mut self, index: usize) {
        let account = self.account(self.deliveries[index].subscription);
        account.dead -= 1;
        account.pending += 1;
        let delivery = &mut self.deliveries[index];
        delivery.state = State::Due(0);
        delivery.attempts = 0;
        delivery.redriven = true;
    }

    /// Leases end with the process.
    pub(super) fn crash(&mut self) {
        for delivery in &mut self.deliveries {
            if let State::Leased { due } = delivery.state {
                delivery.state = State::Due(due);
            }
        }
    }
}

pub(super) fn verdict(ending: Ending) -> Verdict {
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
