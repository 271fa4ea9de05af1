//! What is remembered about a pull subscription as long as it is in service.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patchpanel_store::{Delivery, Store};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::consumers::{Consumer, Taken};
use super::leases::{Lease, Leases};

/// Pulls of one subscription that wait at once; each holds a connection.
const MOST_PULLS: usize = 1_024;

/// The pull subscriptions, by name.
#[derive(Default)]
pub(crate) struct Pulls(Mutex<HashMap<Arc<str>, Arc<PullState>>>);

pub(crate) struct PullState {
    held: Mutex<Held>,
    /// The store's word: it may have something. Whoever takes it passes it on, because there may be more.
    pub(crate) arrivals: Arc<Notify>,
    /// `notify_waiters`: there is room for leases, or the consumer may have gone.
    pub(crate) changed: Notify,
    /// `notify_one`: another lease may be the first to end.
    pub(crate) leased: Notify,
    /// Those who wait to take over, in the order in which they came.
    pub(crate) succession: tokio::sync::Mutex<()>,
    pub(crate) waiting: Semaphore,
}

#[derive(Default)]
struct Held {
    leases: Leases,
    /// Room for leases of fetches that are under way.
    reserved: usize,
    consumer: Consumer,
    /// The subscription is not this one any more, and what is fetched for it must be given back.
    closed: bool,
}

impl Pulls {
    pub(crate) fn of(&self, name: &str, store: &dyn Store) -> Arc<PullState> {
        let mut pulls = self.lock();
        if let Some(state) = pulls.get(name) {
            return Arc::clone(state);
        }
        let state = Arc::new(PullState {
            held: Mutex::default(),
            arrivals: store.work(name),
            changed: Notify::new(),
            leased: Notify::new(),
            succession: tokio::sync::Mutex::default(),
            waiting: Semaphore::new(MOST_PULLS),
        });
        pulls.insert(name.into(), Arc::clone(&state));
        state
    }

    /// Forgets a subscription; returns what was leased.
    pub(crate) fn close(&self, name: &str) -> Vec<Lease> {
        let state = self.lock().remove(name);
        state.map(|state| state.close()).unwrap_or_default()
    }

    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<PullState>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PullState {
    /// Nothing panics while it holds the lock, so a poisoned one guards a sound state.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) -> Vec<Lease> {
        let mut held = self.lock();
        held.closed = true;
        held.leases.take_all()
    }

    /// Room for at most `max` more leases, for [`PullState::lease`] to fill.
    pub(crate) fn reserve(&self, max: usize, most_leased: usize) -> usize {
        let mut held = self.lock();
        let taken = held.leases.len() + held.reserved;
        let room = most_leased.saturating_sub(taken).min(max);
        held.reserved += room;
        room
    }

    /// Gives room back that was not needed.
    pub(crate) fn unreserve(&self, room: usize) {
        let mut held = self.lock();
        held.reserved = held.reserved.saturating_sub(room);
        drop(held);
        self.changed.notify_waiters();
    }

    /// Fills what was reserved; returns the ids. Nothing is leased where the subscription has ended meanwhile.
    pub(crate) fn lease(
        &self,
        reserved: usize,
        deliveries: &[&Delivery],
        consumer: Option<&Arc<str>>,
        until: Instant,
    ) -> Option<Vec<Arc<str>>> {
        let mut held = self.lock();
        held.reserved = held.reserved.saturating_sub(reserved);
        if held.closed {
            return None;
        }
        let mut add = |delivery: &&Delivery| held.leases.add((*delivery).clone(), consumer.cloned(), until);
        let ids = deliveries.iter().map(&mut add).collect();
        drop(held);
        if deliveries.len() < reserved {
            self.changed.notify_waiters();
        }
        self.leased.notify_one();
        Some(ids)
    }

    /// Ends leases by their ids; one answer for each.
    pub(crate) fn take(&self, ids: &[impl AsRef<str>]) -> Vec<Option<Lease>> {
        let now = Instant::now();
        let mut held = self.lock();
        let take = |id: &_| {
            let lease = held.leases.take(AsRef::<str>::as_ref(id), now)?;
            if let Some(consumer) = &lease.consumer {
                held.consumer.saw(consumer, now);
            }
            Some(lease)
        };
        let taken = ids.iter().map(take).collect();
        drop(held);
        self.changed.notify_waiters();
        taken
    }

    /// Takes out the leases that have ended by themselves; also says when the next one does.
    pub(crate) fn take_ended(&self) -> (Vec<Lease>, Option<Instant>) {
        let mut held = self.lock();
        let ended = held.leases.take_ended(Instant::now());
        let next = held.leases.next_end();
        drop(held);
        if !ended.is_empty() {
            self.changed.notify_waiters();
        }
        (ended, next)
    }

    /// Moves the end of a lease; whether it was there.
    pub(crate) fn extend(&self, id: &str, by: Duration) -> bool {
        let now = Instant::now();
        let mut held = self.lock();
        let Some(consumer) = held.leases.extend(id, now, now + by) else {
            return false;
        };
        if let Some(consumer) = consumer {
            held.consumer.saw(&consumer, now);
        }
        drop(held);
        self.leased.notify_one();
        true
    }

    /// Whether this consumer has the subscription, or had it last.
    pub(crate) fn is_consumer(&self, name: &str) -> bool {
        self.lock().consumer.is(name)
    }

    /// Begins a pull of the one consumer.
    ///
    /// # Errors
    /// Somebody else is that.
    pub(crate) fn enter(self: &Arc<Self>, name: &Arc<str>, patience: Duration) -> Result<Presence, Taken> {
        let mut guard = self.lock();
        let held = &mut *guard;
        let leases = &held.leases;
        held.consumer
            .enter(name, Instant::now(), patience, |holder| leases.has_any(holder))?;
        Ok(Presence {
            state: Arc::clone(self),
            name: Arc::clone(name),
        })
    }
}

/// A pull of the one consumer that is under way.
pub(crate) struct Presence {
    state: Arc<PullState>,
    name: Arc<str>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.state.lock().consumer.leave(&self.name, Instant::now());
        self.state.changed.notify_waiters();
    }
}
