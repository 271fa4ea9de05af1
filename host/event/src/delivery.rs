//! What the router and a channel say to each other about one delivery.

use crate::Event;

/// One try at handing one event to one subscription's channel.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The same over all attempts of a delivery: the idempotency key.
    pub delivery_id: String,
    /// 1 for the first.
    pub number: u32,
    /// The subscription that matched.
    pub subscription: String,
    /// Whom it is for, where the subscription names somebody.
    pub recipients: Vec<String>,
    /// What is delivered.
    pub event: Event,
}

/// The idempotency key of a delivery: an event has one for each subscription that it matched.
pub fn delivery_id(event_id: &str, subscription: &str) -> String {
    format!("{event_id}/{subscription}")
}

/// A channel's proof that the other side has the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The other side's own identifier, if it gave one.
    pub reference: Option<String>,
    /// For people, such as `200 OK`.
    pub detail: Option<String>,
}

/// Why an attempt did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Try again when the retry policy says so.
    Retry(String),
    /// Try again, but not before so many milliseconds.
    RetryAfter(u64, String),
    /// Never try this one again.
    Reject(String),
    /// The endpoint is gone: stop using the channel until an operator acts.
    Disable(String),
}

impl Problem {
    /// The reason, for people.
    pub fn reason(&self) -> &str {
        match self {
            Problem::Retry(reason)
            | Problem::RetryAfter(_, reason)
            | Problem::Reject(reason)
            | Problem::Disable(reason) => reason,
        }
    }
}
