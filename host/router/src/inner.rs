//! What the router and its dispatchers share.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patchpanel_store::{Clock, Settlement, Store, StoreError};
use tokio::sync::{Notify, Semaphore, watch};

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
    /// Calls into blocking plugins at once.
    pub(crate) workers: Semaphore,
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

    /// Runs plugins that block, off the async threads, as many at once as there are workers.
    pub(crate) async fn blocking<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Scratch) -> R + Send + 'static,
    ) -> R {
        // The semaphore is never closed.
        let _permit = self.workers.acquire().await;
        let inner = Arc::clone(self);
        let running = tokio::task::spawn_blocking(move || {
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
