//! What a run of `route` did, in sums.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::worker::Routed;

#[derive(Default)]
pub(crate) struct Summary {
    events: u64,
    invalid: u64,
    withheld: u64,
    dropped: u64,
    deliveries: BTreeMap<String, u64>,
    redactions: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
}

impl Summary {
    pub(crate) fn add(&mut self, routed: Routed) {
        self.events += routed.events;
        self.invalid += routed.invalid;
        self.withheld += routed.withheld;
        self.dropped += routed.dropped;
        for (name, count) in routed.deliveries {
            *self.deliveries.entry(name).or_default() += count;
        }
        for (label, count) in routed.redactions {
            *self.redactions.entry(label).or_default() += count;
        }
    }

    /// Every line was an event and every plugin did its work.
    pub(crate) fn is_clean(&self) -> bool {
        self.invalid == 0 && self.withheld == 0
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "events": self.events,
            "invalid": self.invalid,
            "withheld": self.withheld,
            "dropped": self.dropped,
            "deliveries": self.deliveries,
            "redactions": self.redactions,
            "seconds": self.seconds,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deliveries: u64 = self.deliveries.values().sum();
        let redactions: u64 = self.redactions.values().sum();
        writeln!(
            f,
            "{} events, {deliveries} deliveries, {redactions} redactions in {:.2} s",
            self.events, self.seconds
        )?;
        for (name, count) in &self.deliveries {
            writeln!(f, "  {count:>9}  {name}")?;
        }
        write!(
            f,
            "{} lines were no events, {} withheld because a plugin failed, {} dropped by a transform",
            self.invalid, self.withheld, self.dropped
        )
    }
}
