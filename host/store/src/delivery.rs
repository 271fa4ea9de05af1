//! What goes into a store and what comes out.

use std::sync::Arc;

use patchpanel_event::{Event, Receipt};

/// The name of a subscription; shared, because every delivery carries it.
pub type SubscriptionName = Arc<str>;

/// An event at the door of the store.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// As it is to be kept: redacted already.
    pub event: Event,
    /// The subscriptions that it matched, each once.
    pub matched: Vec<SubscriptionName>,
}

/// What became of an appended event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is the store's now.
    Accepted,
    /// One with the same id was accepted before; this one is forgotten.
    Duplicate,
}

/// The obligation of one event to one subscription, leased to this process until it is settled or given back.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Together with the subscription: which one. Ascends in the order of acceptance.
    pub sequence: u64,
    /// Attempts that were made and failed.
    pub attempts: u32,
    /// What is to be delivered.
    pub event: Event,
}

/// Answer to [`Store::fetch`](crate::Store::fetch).
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Leased, oldest first.
    pub deliveries: Vec<Delivery>,
    /// When the first of those that were not handed out is due, in nanoseconds since the Unix epoch: the present or
    /// before where `max` cut the list short, `None` where nothing waits.
    pub next_due: Option<u64>,
}

/// How an attempt at a leased delivery ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// Whose delivery.
    pub subscription: SubscriptionName,
    /// Which.
    pub sequence: u64,
    /// How.
    pub verdict: Verdict,
}

/// The end of a delivery, or of its lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Settled: the channel has it.
    Delivered(Receipt),
    /// Settled: a transform of the subscription dropped it, for this reason.
    Filtered(String),
    /// Settled: the subscription's throttle was full.
    Throttled,
    /// Settled: it became too old.
    Expired,
    /// Settled as a dead letter.
    Dead {
        /// Why nobody tries again.
        reason: String,
        /// How many attempts were made in all.
        attempts: u32,
    },
    /// Not settled: one attempt more has failed, and the next is due then.
    Retry {
        /// Nanoseconds since the Unix epoch.
        due: u64,
        /// Why it failed.
        reason: String,
    },
    /// Not settled: given back without an attempt, and due at once.
    Release,
}

/// A delivery that was settled as dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whose delivery it was.
    pub subscription: SubscriptionName,
    /// Of which event.
    pub event_id: String,
    /// How often it was attempted.
    pub attempts: u32,
    /// Why nobody tries again.
    pub reason: String,
    /// When it was settled, in nanoseconds since the Unix epoch.
    pub time: u64,
}
