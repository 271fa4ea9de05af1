use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The replays that run.
#[derive(Default)]
pub(crate) struct Jobs {
    /// By number, each with what cancels it.
    running: Mutex<HashMap<u32, Arc<watch::Sender<bool>>>>,
    /// Held from the choice of a number until the store knows it.
    pub(crate) numbering: tokio::sync::Mutex<()>,
}

impl Jobs {
    /// Returns what tells the job that it is cancelled. It is over when it has dropped that.
    pub(crate) fn add(&self, number: u32) -> watch::Receiver<bool> {
        let (cancel, cancelled) = watch::channel(false);
        self.lock().insert(number, Arc::new(cancel));
        cancelled
    }

    pub(crate) fn remove(&self, number: u32) {
        self.lock().remove(&number);
    }

    /// Cancels a replay if it runs, and waits for its end.
    pub(crate) async fn cancel(&self, number: u32) {
        let running = self.lock().get(&number).cloned();
        if let Some(cancel) = running {
            cancel.send_replace(true);
            cancel.closed().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Arc<watch::Sender<bool>>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
