//! How often in a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Lets so many through a minute. Minutes begin with the first that is let through after the one before is over.
pub(crate) struct PerMinute {
    most: u32,
    /// When the running minute began, and how many it has let through.
    minute: Mutex<(Instant, u32)>,
}

impl PerMinute {
    pub(crate) fn new(most: u32) -> Self {
        PerMinute {
            most,
            minute: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Whether one more is let through.
    pub(crate) fn admit(&self) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.0.elapsed() >= MINUTE {
            *minute = (Instant::now(), 0);
        }
        let admitted = minute.1 < self.most;
        minute.1 += u32::from(admitted);
        admitted
    }
}
