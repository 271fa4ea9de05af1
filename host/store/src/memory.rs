//! The store in memory: for trying things out, for tests, and where losing events at exit is acceptable.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use patchpanel_event::Event;
use tokio::sync::Notify;

use crate::queue::{Queue, Settled};
use crate::seen::SeenIds;
use crate::{
    Appended, Clock, DeadLetter, Delivery, Fetched, Ledger, NewEvent, Settlement, Store, StoreError, SubscriptionName,
    Verdict,
};

/// Bounds of a [`MemoryStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Pending events; full: new ones are refused.
    pub events: usize,
    /// Bytes of JSON of pending events; full: new ones are refused.
    pub bytes: usize,
    /// Ids of settled events that are remembered to find duplicates; full: the oldest is forgotten.
    pub remembered_ids: usize,
    /// Dead letters that are kept to be looked at; full: the oldest is forgotten, though still counted.
    pub dead_letters: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        MemoryLimits {
            events: 1_000_000,
            bytes: 512 << 20,
            remembered_ids: 100_000,
            dead_letters: 1_000,
        }
    }
}

/// A [`Store`] that keeps everything in memory.
///
/// An event's bytes are freed when its last delivery is settled, also when it is dead: dead letters keep their reason.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    limits: MemoryLimits,
    state: Mutex<State>,
}

struct State {
    sequence: u64,
    kept: HashMap<u64, Kept>,
    bytes: usize,
    seen: SeenIds,
    queues: HashMap<SubscriptionName, Queue>,
    /// Oldest first.
    dead: VecDeque<DeadLetter>,
    events: u64,
    unmatched: u64,
    duplicates: u64,
}

struct Kept {
    event: Event,
    /// Deliveries that are not settled.
    open: usize,
}

impl MemoryStore {
    /// An empty store.
    pub fn new(limits: MemoryLimits, clock: Arc<dyn Clock>) -> MemoryStore {
        MemoryStore {
            clock,
            limits,
            state: Mutex::new(State {
                sequence: 0,
                kept: HashMap::new(),
                bytes: 0,
                seen: SeenIds::new(limits.remembered_ids),
                queues: HashMap::new(),
                dead: VecDeque::new(),
                events: 0,
                unmatched: 0,
                duplicates: 0,
            }),
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned one guards a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError> {
        let mut state = self.lock();
        let appended = state.triage(&events);
        state.check_room(&events, &appended, &self.limits)?;
        for (new, appended) in events.into_iter().zip(&appended) {
            match appended {
                Appended::Accepted => state.keep(new),
                Appended::Duplicate => state.duplicates += 1,
            }
        }
        Ok(appended)
    }

    async fn fetch(&self, subscription: &str, max: usize) -> Result<Fetched, StoreError> {
        let now = self.clock.now();
        let mut guard = self.lock();
        let State { queues, kept, .. } = &mut *guard;
        let Some(queue) = queues.get_mut(subscription) else {
            return Ok(Fetched::default());
        };
        let (leases, next_due) = queue.lease(max, now);
        let deliveries = leases
            .into_iter()
            .filter_map(|(sequence, attempts)| {
                let event = kept.get(&sequence)?.event.clone();
                Some(Delivery {
                    sequence,
                    attempts,
                    event,
                })
            })
            .collect();
        Ok(Fetched { deliveries, next_due })
    }

    fn work(&self, subscription: &str) -> Arc<Notify> {
        Arc::clone(&self.lock().queue(&subscription.into()).work)
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut state = self.lock();
        for settlement in settlements {
            state.settle(settlement, now, &self.limits);
        }
        Ok(())
    }

    async fn abandon(&self, subscription: &str, reason: &str) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut state = self.lock();
        let name = SubscriptionName::from(subscription);
        let leases = state.queue(&name).lease_all();
        let count = leases.len();
        for (sequence, attempts) in leases {
            let settlement = Settlement {
                subscription: Arc::clone(&name),
                sequence,
                verdict: Verdict::Dead {
                    reason: reason.to_owned(),
                    attempts,
                },
            };
            state.settle(settlement, now, &self.limits);
        }
        Ok(count as u64)
    }

    async fn ledger(&self) -> Result<Ledger, StoreError> {
        let state = self.lock();
        let accounts = state
            .queues
            .iter()
            .filter(|(_, queue)| queue.account.accepted > 0)
            .map(|(name, queue)| (Arc::clone(name), queue.account))
            .collect();
        Ok(Ledger {
            events: state.events,
            unmatched: state.unmatched,
            duplicates: state.duplicates,
            accounts,
        })
    }

    async fn dead_letters(&self, max: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.lock().dead.iter().rev().take(max).cloned().collect())
    }
}

impl State {
    /// Which events are new; changes nothing.
    fn triage(&self, events: &[NewEvent]) -> Vec<Appended> {
        let mut here: HashSet<Cow<'_, str>> = HashSet::with_capacity(events.len());
        events
            .iter()
            .map(|new| {
                let id = new.event.id();
                if self.seen.contains(&id) || !here.insert(id) {
                    Appended::Duplicate
                } else {
                    Appended::Accepted
                }
            })
            .collect()
    }

    fn check_room(&self, events: &[NewEvent], appended: &[Appended], limits: &MemoryLimits) -> Result<(), StoreError> {
        let kept = || {
            let accepted = events.iter().zip(appended);
            accepted.filter(|(new, appended)| **appended == Appended::Accepted && !new.matched.is_empty())
        };
        let bytes: usize = kept().map(|(new, _)| new.event.json().len()).sum();
        for (what, limit, needed) in [
            ("events", limits.events, self.kept.len() + kept().count()),
            ("bytes", limits.bytes, self.bytes + bytes),
        ] {
            if needed > limit {
                return Err(StoreError::Full { limit, what });
            }
        }
        Ok(())
    }

    fn keep(&mut self, new: NewEvent) {
        self.events += 1;
        self.sequence += 1;
        let (sequence, id) = (self.sequence, new.event.id());
        self.seen.insert(&id);
        let mut open = 0;
        for subscription in &new.matched {
            open += usize::from(self.queue(subscription).push(sequence));
        }
        if open == 0 {
            self.unmatched += 1;
            self.seen.settle(&id);
            return;
        }
        self.bytes += new.event.json().len();
        drop(id);
        let event = new.event;
        self.kept.insert(sequence, Kept { event, open });
    }

    fn queue(&mut self, subscription: &SubscriptionName) -> &mut Queue {
        self.queues.entry(Arc::clone(subscription)).or_default()
    }

    fn settle(&mut self, settlement: Settlement, now: u64, limits: &MemoryLimits) {
        let Settlement {
            subscription,
            sequence,
            verdict,
        } = settlement;
        let Some(queue) = self.queues.get_mut(&subscription) else {
            return;
        };
        if queue.settle(sequence, &verdict) != Settled::Ended {
            return;
        }
        let Some(kept) = self.kept.get_mut(&sequence) else {
            return;
        };
        if let Verdict::Dead { reason, attempts } = verdict {
            self.dead.push_back(DeadLetter {
                subscription,
                event_id: kept.event.id().into_owned(),
                attempts,
                reason,
                time: now,
            });
            if self.dead.len() > limits.dead_letters {
                self.dead.pop_front();
            }
        }
        kept.open -= 1;
        if kept.open == 0
            && let Some(kept) = self.kept.remove(&sequence)
        {
            self.bytes -= kept.event.json().len();
            self.seen.settle(&kept.event.id());
        }
    }
}
