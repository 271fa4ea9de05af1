//! Events that are still in memory after they were written.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use patchpanel_event::Event;

/// Bytes of events that wait in memory for their first attempt, over all subscriptions. Beyond that they wait on the
/// disk only.
const MOST_BYTES: usize = 32 << 20;

/// Bytes in use.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// An event that no disk needs to be asked for.
pub(super) struct Live {
    pub(super) event: Event,
    pub(super) accepted: u64,
    budget: Budget,
}

impl Budget {
    pub(super) fn has_room(&self) -> bool {
        self.0.load(Relaxed) < MOST_BYTES
    }
}

impl Live {
    pub(super) fn new(event: Event, accepted: u64, budget: &Budget) -> Arc<Live> {
        budget.0.fetch_add(event.json().len(), Relaxed);
        Arc::new(Live {
            event,
            accepted,
            budget: budget.clone(),
        })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.event.json().len(), Relaxed);
    }
}
