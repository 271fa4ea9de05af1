//! What a configured plugin has made of its grants and limits, as counters.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Counters of one use of a plugin.
#[derive(Default)]
pub(crate) struct Usage(Mutex<UsageReport>);

/// What a configured plugin has used, and what it was refused, since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageReport {
    /// How often, by capability: `http`, `secrets_read`, `secrets_filled`, `kv`, `mail`, `notify`.
    pub used: BTreeMap<&'static str, u64>,
    /// What it wanted and was not given, by capability.
    pub refused: BTreeMap<&'static str, Refusals>,
    /// How often it ran into a limit, by the limit's name in the configuration.
    pub limits_hit: BTreeMap<&'static str, u64>,
}

/// What was refused of one capability.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// How often.
    pub count: u64,
    /// Why, the last time. Names what is missing; never a value.
    pub last_reason: String,
}

impl Usage {
    pub(crate) fn used(&self, capability: &'static str) {
        *self.lock().used.entry(capability).or_default() += 1;
    }

    pub(crate) fn refused(&self, capability: &'static str, reason: &str) {
        let mut report = self.lock();
        let refusals = report.refused.entry(capability).or_default();
        refusals.count += 1;
        reason.clone_into(&mut refusals.last_reason);
    }

    pub(crate) fn hit(&self, limit: &'static str) {
        *self.lock().limits_hit.entry(limit).or_default() += 1;
    }

    pub(crate) fn report(&self) -> UsageReport {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, UsageReport> {
        // Counting cannot panic halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
