//! How a configured plugin fares: counters, the last failure, quarantine.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Notify;

use crate::CallError;

/// So many failed calls in a row put a plugin in quarantine.
const FAILURES_IN_A_ROW: u32 = 5;
/// First time out of service; doubles with every failed probe.
const FIRST_QUARANTINE: Duration = Duration::from_secs(1);
/// Longest time out of service.
const LONGEST_QUARANTINE: Duration = Duration::from_secs(300);

/// A new revision is watched for so many calls, and given up after so many failures among them.
pub(crate) const FIRST_CALLS: u64 = 100;
const FIRST_FAILURES: u32 = 3;

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
    /// Bytes of linear memory that an instance has had at most.
    memory: AtomicU64,
    /// Failures, as far as they tell against the plugin.
    faults: AtomicU32,
    failed_at_first: AtomicBool,
    /// Rung when it fails at first.
    alarm: Option<Arc<Notify>>,
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
    /// The most linear memory that an instance has had, in bytes.
    pub memory: u64,
}

impl Health {
    /// `alarm` is rung when too many of the first calls fail.
    pub(crate) fn new(alarm: Option<Arc<Notify>>) -> Self {
        Health {
            born: Instant::now(),
            calls: AtomicU64::new(0),
            items: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            quarantined_until: AtomicU64::new(0),
            last_failure: Mutex::new(None),
            memory: AtomicU64::new(0),
            faults: AtomicU32::new(0),
            failed_at_first: AtomicBool::new(false),
            alarm,
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
            self.release();
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
        let faults = self.faults.fetch_add(1, Relaxed) + 1;
        if let Some(alarm) = &self.alarm
            && faults >= FIRST_FAILURES
            && !self.is_proven()
        {
            self.failed_at_first.store(true, Relaxed);
            alarm.notify_one();
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

    /// Whether the first calls are over.
    pub(crate) fn is_proven(&self) -> bool {
        self.calls.load(Relaxed) > FIRST_CALLS
    }

    /// Whether too many of the first calls failed.
    pub(crate) fn failed_at_first(&self) -> bool {
        self.failed_at_first.load(Relaxed)
    }

    /// Back into service, whatever happened.
    pub(crate) fn release(&self) {
        self.in_a_row.store(0, Relaxed);
        self.quarantined_until.store(0, Relaxed);
    }

    /// Remembers how much memory an instance has.
    pub(crate) fn note_memory(&self, bytes: usize) {
        // Nearly always less than before, and then nothing is written.
        if self.memory.load(Relaxed) < bytes as u64 {
            self.memory.fetch_max(bytes as u64, Relaxed);
        }
    }

    pub(crate) fn report(&self) -> HealthReport {
        HealthReport {
            calls: self.calls.load(Relaxed),
            items: self.items.load(Relaxed),
            failures: self.failures.load(Relaxed),
            last_failure: self.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            quarantined: self.admit().is_err(),
            memory: self.memory.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_failures_quarantine_and_one_success_releases() {
        let health = Health::new(None);
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

    #[test]
    fn failures_among_the_first_calls_ring_and_later_ones_do_not() {
        let watched = || Health::new(Some(Arc::default()));
        let health = watched();
        for _ in 1..FIRST_FAILURES {
            health.failed(&CallError::Abort, 1);
            health.failed(&CallError::Refused(None), 1);
            health.worked(1);
        }
        assert!(!health.failed_at_first());
        health.failed(&CallError::Abort, 1);
        assert!(health.failed_at_first() && !health.is_proven());
        let health = watched();
        for _ in 0..FIRST_CALLS {
            health.worked(1);
        }
        for _ in 0..10 {
            health.failed(&CallError::Abort, 1);
        }
        assert!(!health.failed_at_first() && health.is_proven());
    }
}
