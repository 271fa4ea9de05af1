//! One task per route: takes deliveries from the store as fast as its channel takes them, and no faster.
//!
//! Its mailbox are the batches that are leased and in flight, at most `concurrency` of them. A route whose channel hangs
//! fills its own mailbox and leaves the rest in the store; other routes do not notice.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_store::{Delivery, Settlement, Verdict};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::attempt::{again, attempt};
use crate::generation::{Generation, Lane};
use crate::inner::Inner;
use crate::table::Route;

/// Longest sleep until the next due delivery, so that a clock that jumps is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// After a store that cannot be read, the next look.
const STORE_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Dispatcher {
    inner: Arc<Inner>,
    name: Arc<str>,
    generations: watch::Receiver<Arc<Generation>>,
    stop: watch::Receiver<bool>,
    flights: JoinSet<Vec<Settlement>>,
    /// What each flight has leased, to be given back if it panics.
    leased: HashMap<Id, (Arc<Route>, Vec<Delivery>)>,
}

/// Why a dispatcher ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its route is in no table any more; what was pending is dead.
    Removed,
    /// The router stops.
    Stopped,
}

impl Dispatcher {
    pub(crate) fn new(inner: &Arc<Inner>, name: Arc<str>) -> Self {
        Dispatcher {
            inner: Arc::clone(inner),
            name,
            generations: inner.generation.subscribe(),
            stop: inner.stop.subscribe(),
            flights: JoinSet::new(),
            leased: HashMap::new(),
        }
    }

    pub(crate) async fn run(mut self) -> End {
        let work = self.inner.store.work(&self.name);
        loop {
            if *self.stop.borrow() {
                self.flights.abort_all();
                while !self.flights.is_empty() {
                    self.land().await;
                }
                return End::Stopped;
            }
            let current = self.generations.borrow_and_update().find(&self.name);
            let Some((route, lane)) = current else {
                if !self.flights.is_empty() {
                    self.land().await;
                    continue;
                }
                self.abandon().await;
                if self.inner.retire(&self.name) {
                    return End::Removed;
                }
                continue;
            };
            let room = self.flights.len() < route.plan.concurrency.get() && lane.disabled.get().is_none();
            let sleep = if room { self.depart(&route, &lane).await } else { None };
            if sleep == Some(Duration::ZERO) {
                continue;
            }
            let sleep = sleep.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP);
            tokio::select! {
                Some(landed) = self.flights.join_next_with_id() => self.landed(landed).await,
                () = work.notified(), if room => {}
                () = tokio::time::sleep(sleep), if room => {}
                changed = self.generations.changed() => if changed.is_err() { return End::Stopped },
                changed = self.stop.changed() => if changed.is_err() { return End::Stopped },
            }
        }
    }

    /// Leases a batch and sends it off. Returns how long to wait where there is nothing (more) to fetch; zero: go on.
    async fn depart(&mut self, route: &Arc<Route>, lane: &Arc<Lane>) -> Option<Duration> {
        let fetched = match self.inner.store.fetch(&self.name, route.plan.batch.get()).await {
            Ok(fetched) => fetched,
            Err(error) => {
                tracing::error!(subscription = %self.name, %error, "deliveries cannot be fetched");
                return Some(STORE_AGAIN);
            }
        };
        if fetched.deliveries.is_empty() {
            return fetched.next_due.map(|due| {
                Duration::from_nanos(due.saturating_sub(self.inner.clock.now())).max(Duration::from_millis(1))
            });
        }
        let (inner, flying, lane, deliveries) = (
            Arc::clone(&self.inner),
            Arc::clone(route),
            Arc::clone(lane),
            fetched.deliveries.clone(),
        );
        let flight = self
            .flights
            .spawn(async move { attempt(&inner, &flying, &lane, deliveries).await });
        self.leased.insert(flight.id(), (Arc::clone(route), fetched.deliveries));
        Some(Duration::ZERO)
    }

    async fn land(&mut self) {
        if let Some(landed) = self.flights.join_next_with_id().await {
            self.landed(landed).await;
        }
    }

    async fn landed(&mut self, landed: Result<(Id, Vec<Settlement>), JoinError>) {
        let settlements = match landed {
            Ok((id, settlements)) => {
                self.leased.remove(&id);
                settlements
            }
            Err(error) => {
                let Some((route, deliveries)) = self.leased.remove(&error.id()) else {
                    return;
                };
                if error.is_panic() {
                    tracing::error!(subscription = %self.name, %error, "an attempt ended in a panic");
                }
                let reason = "the attempt ended in a panic of the router";
                let settlement = |delivery: &Delivery| Settlement {
                    subscription: Arc::clone(&self.name),
                    sequence: delivery.sequence,
                    verdict: if error.is_panic() {
                        again(&self.inner, &route, delivery, None, reason.to_owned())
                    } else {
                        Verdict::Release
                    },
                };
                deliveries.iter().map(settlement).collect()
            }
        };
        self.inner.settle(settlements).await;
    }

    async fn abandon(&self) {
        match self
            .inner
            .store
            .abandon(&self.name, "the subscription was removed")
            .await
        {
            Ok(0) => {}
            Ok(count) => {
                tracing::warn!(subscription = %self.name, count, "the subscription was removed; what was pending is dead")
            }
            Err(error) => {
                tracing::error!(subscription = %self.name, %error, "the pending deliveries of a removed subscription could not be settled")
            }
        }
        self.inner.settled.notify_waiters();
    }
}
