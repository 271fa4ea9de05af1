//! What goes into a store and what comes out.

use std::fmt;
use std::sync::Arc;

use patchpanel_event::{Event, FieldPath, Receipt};

/// The name of a subscription; shared, because every delivery carries it.
pub type SubscriptionName = Arc<str>;

/// An event at the door of the store.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// As it is to be kept: redacted already.
    pub event: Event,
    /// The subscriptions that it matched, each once.
    pub matched: Vec<SubscriptionName>,
    /// A second identity, where the publisher gave one: an event with a key that is known is a duplicate, too.
    pub key: Option<Arc<str>>,
}

/// What became of an appended event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is the store's now.
    Accepted,
    /// One with the same id or key was accepted before; this one is forgotten.
    Duplicate {
        /// The id of the one that is kept.
        id: String,
    },
}

/// Which delivery of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// Of the event: a row's id, or a stream's number. Ascends in the order of acceptance.
    pub sequence: u64,
    /// The replay that it belongs to; 0: the event's own delivery.
    pub replay: u32,
}

impl DeliveryKey {
    /// The event's own delivery, which is no replay.
    pub fn original(sequence: u64) -> DeliveryKey {
        DeliveryKey { sequence, replay: 0 }
    }
}

impl fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.replay {
            0 => write!(f, "{}", self.sequence),
            replay => write!(f, "{}#{replay}", self.sequence),
        }
    }
}

/// The obligation of one event to one subscription, leased to this process until it is settled or given back.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Together with the subscription: which one.
    pub key: DeliveryKey,
    /// Attempts that were made and failed.
    pub attempts: u32,
    /// When the obligation came to be, in nanoseconds since the Unix epoch: the event's acceptance, or its replay.
    pub since: u64,
    /// What is to be delivered.
    pub event: Event,
}

/// What to lease.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'f> {
    /// Whose deliveries.
    pub subscription: &'f str,
    /// At most so many.
    pub max: usize,
    /// Of the deliveries that have the same value there, at most one is leased or waiting for a retry at any time, and
    /// the others come after it, in their order. Deliveries without a value there are not held back.
    pub ordering: Option<&'f FieldPath>,
    /// Also what is not due yet, and what is held back: to settle it, not to attempt it.
    pub early: bool,
}

impl<'f> Fetch<'f> {
    /// What is due, in no particular order.
    pub fn due(subscription: &'f str, max: usize) -> Fetch<'f> {
        Fetch {
            subscription,
            max,
            ordering: None,
            early: false,
        }
    }
}

/// Answer to [`Store::fetch`](crate::Store::fetch).
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Leased: first those that were given back, then those that were tried before and are due again, then new ones, each
    /// kind oldest first.
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
    pub key: DeliveryKey,
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
        /// Whether that is how an attempt ended, which then counts.
        attempted: bool,
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

/// A delivery of a subscription, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryRef {
    /// Whose.
    pub subscription: SubscriptionName,
    /// Which.
    pub key: DeliveryKey,
}
