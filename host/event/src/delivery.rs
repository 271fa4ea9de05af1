//! What the router and a channel say to each other about one delivery.

use crate::Event;

/// One try at handing one event to one subscription's channel.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The same over all attempts of a delivery: the idempotency key.
    pub delivery_id: String,
    /// 1 for the first.
    pub number: u32,
    /// The number of the replay that it belongs to; 0: none.
    pub replay: u32,
    /// The subscription that matched.
    pub subscription: String,
    /// Whom it is for, where the subscription names somebody.
    pub recipients: Vec<String>,
    /// What is delivered.
    pub event: Event,
}

/// The idempotency key of a delivery: `event/subscription`, or `event/subscription#3` in the third replay; 0 is no replay.
pub fn delivery_id(event_id: &str, subscription: &str, replay: u32) -> String {
    match replay {
        0 => format!("{event_id}/{subscription}"),
        replay => format!("{event_id}/{subscription}#{replay}"),
    }
}

/// The event, the subscription and the replay that [`delivery_id`] was made of; `None` if it is none. Names of
/// subscriptions have neither `/` nor `#`.
pub fn parse_delivery_id(id: &str) -> Option<(&str, &str, u32)> {
    let (event_id, rest) = id.rsplit_once('/')?;
    let (subscription, replay) = match rest.split_once('#') {
        Some((subscription, replay)) => (subscription, replay.parse().ok().filter(|replay| *replay > 0)?),
        None => (rest, 0),
    };
    (!event_id.is_empty() && !subscription.is_empty()).then_some((event_id, subscription, replay))
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn delivery_ids_are_read_as_they_are_written() {
        for (event, subscription, replay) in [("1", "a", 0), ("a/b#2/c", "x-y", 0), ("e", "channel:log", 7)] {
            let id = delivery_id(event, subscription, replay);
            assert_eq!(parse_delivery_id(&id), Some((event, subscription, replay)), "{id}");
        }
        for wrong in ["", "e", "/a", "e/", "e/a#", "e/a#0", "e/a#x", "e/a#4294967296"] {
            assert_eq!(parse_delivery_id(wrong), None, "{wrong}");
        }
    }
}
