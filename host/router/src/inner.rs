//! What the router and its tasks share.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use patchpanel_store::{Clock, Settlement, Store, StoreError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::generation::Generation;
use crate::pipeline::Scratch;
use crate::pull::Pulls;
use crate::redactions::Redactions;
use crate::replay::Jobs;

/// A store that cannot be reached now is asked again so often.
pub(crate) const STORE_AGAIN: Duration = Duration::from_secs(1);

/// Longest sleep until the next due delivery, so that a clock that jumps is noticed.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_secs(30);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) generation: watch::Sender<Arc<Generation>>,
    /// Tables that were in service and by which events may still be on their way into the store. Locked while a table is
    /// swapped.
    pub(crate) older: Mutex<Vec<Arc<Generation>>>,
    pub(crate) phase: watch::Sender<Phase>,
    /// Whose deliveries the store held at the start. Until that is known nothing is published.
    pub(crate) recovered: watch::Sender<Option<Known>>,
    /// By route.
    pub(crate) keepers: Mutex<HashMap<Arc<str>, JoinHandle<()>>>,
    /// The names of all routes that were ever in service here.
    pub(crate) served: Mutex<HashSet<Arc<str>>>,
    pub(crate) publishing: Arc<Semaphore>,
    /// Calls into blocking plugins at once, at the door. A subscription's slow transform must not close it, so the
    /// transforms of subscriptions have permits of their own.
    pub(crate) door: Arc<Semaphore>,
    /// Calls into blocking plugins at once, of all subscriptions.
    pub(crate) transforms: Arc<Semaphore>,
    pub(crate) pulls: Pulls,
    pub(crate) jobs: Jobs,
    pub(crate) redactions: Mutex<Redactions>,
    /// Something was settled.
    pub(crate) settled: Notify,
    /// Why the store will never work again.
    pub(crate) failed: OnceLock<StoreError>,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) unknown_channels: AtomicU64,
}

/// Names of subscriptions.
pub(crate) type Known = Arc<HashSet<Arc<str>>>;

/// What a router still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Everything.
    Running,
    /// It takes in and hands out nothing more, but makes all deliveries that it can.
    Draining,
    /// Attempts that are under way end.
    Landing,
    /// They are cut off.
    Stopped,
}

impl Inner {
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.borrow())
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Goes on to a phase, never back.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let later = phase > *current;
            if later {
                *current = phase;
            }
            later
        });
    }

    /// Whose deliveries the store held at the start; returns at once where the start is over.
    pub(crate) async fn recovered(&self) -> Known {
        let mut recovered = self.recovered.subscribe();
        // The sender is in here, so it is never closed.
        let known = recovered.wait_for(Option::is_some).await;
        known.map(|known| known.clone().unwrap_or_default()).unwrap_or_default()
    }

    /// Every keeper, to be waited for.
    pub(crate) fn take_keepers(&self) -> Vec<JoinHandle<()>> {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.drain().map(|(_, keeper)| keeper).collect()
    }

    /// Waits, but not beyond the time when no more work begins. Whether there is still work to be done then.
    pub(crate) async fn rest(&self, time: Duration) -> bool {
        let mut phase = self.phase.subscribe();
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            _ = phase.wait_for(|phase| *phase >= Phase::Landing) => false,
        }
    }

    /// Runs plugins that block, off the async threads, as many at once as there are permits.
    pub(crate) async fn blocking<R: Send + 'static>(
        self: &Arc<Self>,
        permits: &Arc<Semaphore>,
        work: impl FnOnce(&mut Scratch) -> R + Send + 'static,
    ) -> R {
        // The semaphore is never closed.
        let permit = Arc::clone(permits).acquire_owned().await;
        let inner = Arc::clone(self);
        let running = tokio::task::spawn_blocking(move || {
            // Held by the call, not by who waits for it: a publisher that leaves does not end the call.
            let _permit = permit;
            let mut scratch = Scratch::default();
            let result = work(&mut scratch);
            inner
                .redactions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .absorb(&mut scratch.redactions);
            result
        });
        joined(running).await
    }

    /// Settles, however long it takes the store to be reachable.
    ///
    /// # Errors
    /// It never will be. Then the leases stay as they are: after a restart everything leased is pending again.
    pub(crate) async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        if settlements.is_empty() {
            return Ok(());
        }
        while let Err(error) = self.store.settle(settlements.clone()).await {
            if !self.is_worth_another_try("deliveries could not be settled", &error) {
                return Err(error);
            }
            tokio::time::sleep(STORE_AGAIN).await;
        }
        self.settled.notify_waiters();
        Ok(())
    }

    /// Logs what the store failed at. One that has failed for good ends all further work, and is logged once.
    pub(crate) fn is_worth_another_try(&self, what: &str, error: &StoreError) -> bool {
        if !matches!(error, StoreError::Failed(_)) {
            tracing::error!(%error, "{what}");
        } else if self.failed.set(error.clone()).is_ok() {
            tracing::error!(%error, "{what}; nothing more is delivered before a restart");
            self.enter(Phase::Landing);
        }
        error.is_temporary()
    }
}

/// How long until what is due then; at least a little, because clocks need not agree on the last millisecond.
pub(crate) fn until(due: u64, now: u64) -> Duration {
    Duration::from_nanos(due.saturating_sub(now)).max(Duration::from_millis(1))
}

/// Runs to its end even if whoever waits for it leaves: what the store was asked for happens, and is followed up.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    joined(tokio::spawn(work)).await
}

async fn joined<T>(running: JoinHandle<T>) -> T {
    match running.await {
        Ok(result) => result,
        // The caller's task observes the panic as its own; a runtime that shuts down cancels it instead.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => std::future::pending().await,
    }
}
