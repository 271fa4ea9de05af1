//! What the router and its dispatchers share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patchpanel_store::{Clock, Settlement, Store, StoreError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::dispatch::{Dispatcher, End};
use crate::generation::Generation;
use crate::pipeline::Scratch;
use crate::redactions::Redactions;

/// A store that cannot settle is asked again so often.
const SETTLE_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) generation: watch::Sender<Arc<Generation>>,
    pub(crate) draining: AtomicBool,
    /// True: dispatchers end.
    pub(crate) stop: watch::Sender<bool>,
    /// By route.
    pub(crate) dispatchers: Mutex<HashMap<Arc<str>, JoinHandle<End>>>,
    /// Calls into blocking plugins at once, at the door. A subscription's slow transform must not close it, so the
    /// transforms of subscriptions have permits of their own.
    pub(crate) door: Arc<Semaphore>,
    /// Calls into blocking plugins at once, of all subscriptions.
    pub(crate) transforms: Arc<Semaphore>,
    pub(crate) redactions: Mutex<Redactions>,
    /// Something was settled.
    pub(crate) settled: Notify,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) unknown_channels: AtomicU64,
}

impl Inner {
    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.borrow())
    }

    /// Sees that every route has a dispatcher.
    pub(crate) fn dispatch_all(self: &Arc<Self>) {
        let mut dispatchers = self.dispatchers.lock().unwrap_or_else(PoisonError::into_inner);
        for (route, _) in self.generation().table.routes() {
            // One that runs takes the new table over; one that is finished without having retired has panicked.
            if dispatchers.get(&route.name).is_none_or(JoinHandle::is_finished) {
                let dispatcher = Dispatcher::new(self, Arc::clone(&route.name));
                dispatchers.insert(Arc::clone(&route.name), tokio::spawn(dispatcher.run()));
            }
        }
    }

    /// Whether a dispatcher whose route was gone may end. Under the lock of [`Inner::dispatch_all`]: either that has put
    /// the route back, and the dispatcher goes on, or it will find no dispatcher there and start another one.
    pub(crate) fn retire(&self, name: &str) -> bool {
        let mut dispatchers = self.dispatchers.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = self.generation().find(name).is_none();
        if gone {
            dispatchers.remove(name);
        }
        gone
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
        match running.await {
            Ok(result) => result,
            // The caller's task observes the panic as its own; a runtime that shuts down cancels it instead.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => std::future::pending().await,
        }
    }

    /// Settles, however long it takes the store to be reachable. A store that has failed for good keeps its leases to
    /// itself: after a restart everything leased is pending again.
    pub(crate) async fn settle(&self, settlements: Vec<Settlement>) {
        while let Err(error) = self.store.settle(settlements.clone()).await {
            tracing::error!(%error, "deliveries could not be settled");
            if matches!(error, StoreError::Failed(_)) {
                return;
            }
            tokio::time::sleep(SETTLE_AGAIN).await;
        }
        self.settled.notify_waiters();
    }
}
