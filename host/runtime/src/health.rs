//! How a configured plugin fares: counters, the last failure, quarantine.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::CallError;

/// So many failed calls in a row put a plugin in quarantine.
const FAILURES_IN_A_ROW: u32 = 5;
/// First time out of service; doubles with every failed probe.
const FIRST_QUARANTINE: Duration = Duration::from_secs(1);
/// Longest time out of service.
const LONGEST_QUARANTINE: Duration = Duration::from_secs(300);

/// Counts calls and failures. The way of a call that works is two atomic additions.
pub(crate) struct Health {
    born: Instant,
    calls: AtomicU64,
    items: AtomicU64,
    failures: AtomicU64,
    in_a_row: AtomicU32,
    /// Milliseconds after `born`; 0: in service.
    quarantined_until: AtomicU64,
    last_failure: Mutex<Option<String>>,
}

/// How a configured plugin has fared since it started.
#[derive(Clone, Debug, Serialize)]
pub struct HealthReport {
    /// Calls, with those that failed.
    pub calls: u64,
    /// Texts, events or deliveries that they were about.
    pub items: u64,
    /// Calls that gave no answer.
    pub failures: u64,
    /// The last of their reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
    /// Whether it is out of service now.
    pub quarantined: bool,
}

impl Health {
    pub(crate) fn new() -> Self {
        Health {
            born: Instant::now(),
            calls: AtomicU64::new(0),
            items: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            quarantined_until: AtomicU64::new(0),
            last_failure: Mutex::new(None),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether a call may be made. Once a quarantine is over, calls are let through: the first failure ends that.
    pub(crate) fn admit(&self) -> Result<(), CallError> {
        let until = self.quarantined_until.load(Relaxed);
        if until != 0 {
            let now = self.now();
            if now < until {
                return Err(CallError::Quarantined(Duration::from_millis(until - now)));
            }
        }
        Ok(())
    }

    pub(crate) fn worked(&self, items: usize) {
        self.calls.fetch_add(1, Relaxed);
        self.items.fetch_add(items as u64, Relaxed);
        if self.in_a_row.load(Relaxed) != 0 {
            self.in_a_row.store(0, Relaxed);
            self.quarantined_until.store(0, Relaxed);
        }
    }

    pub(crate) fn failed(&self, error: &CallError, items: usize) {
        self.calls.fetch_add(1, Relaxed);
        self.items.fetch_add(items as u64, Relaxed);
        self.failures.fetch_add(1, Relaxed);
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        // A plugin that says itself that it cannot is in order.
        if matches!(error, CallError::Refused(_)) {
            return;
        }
        let row = self.in_a_row.fetch_add(1, Relaxed) + 1;
        if row >= FAILURES_IN_A_ROW {
            let doublings = (row - FAILURES_IN_A_ROW).min(16);
            let time = FIRST_QUARANTINE.saturating_mul(1 << doublings).min(LONGEST_QUARANTINE);
            self.quarantined_until.store(
                self.now() + u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
                Relaxed,
            );
        }
    }

    pub(crate) fn report(&self) -> HealthReport {
        HealthReport {
            calls: self.calls.load(Relaxed),
            items: self.items.load(Relaxed),
            failures: self.failures.load(Relaxed),
            last_failure: self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            quarantined: self.admit().is_err(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_failures_quarantine_and_one_success_releases() {
        let health = Health::new();
        for _ in 1..FAILURES_IN_A_ROW {
            health.failed(&CallError::Abort, 1);
            assert_eq!(health.admit(), Ok(()));
        }
        health.failed(&CallError::Abort, 1);
        assert!(matches!(health.admit(), Err(CallError::Quarantined(left)) if left <= FIRST_QUARANTINE));
        assert!(health.report().quarantined);
        health.worked(1);
        assert_eq!(health.admit(), Ok(()));
        for _ in 0..10 {
            health.failed(&CallError::Refused(None), 1);
        }
        assert_eq!(health.admit(), Ok(()));
    }
}
