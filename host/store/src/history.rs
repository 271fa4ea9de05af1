//! What a store can be asked about the past.

use patchpanel_event::{Event, Receipt};
use serde::Serialize;

use crate::{DeliveryKey, SubscriptionName};

/// An event as it is kept.
#[derive(Clone, Debug)]
pub struct StoredEvent {
    /// Ascends in the order of acceptance.
    pub sequence: u64,
    /// When it was accepted, in nanoseconds since the Unix epoch.
    pub accepted: u64,
    /// The event.
    pub event: Event,
    /// The subscriptions that it matched when it was accepted.
    pub matched: Vec<SubscriptionName>,
}

/// Which events to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsQuery {
    /// From this sequence number on: upwards, or downwards if `newest_first`.
    pub from: u64,
    /// Not further than this one.
    pub to: u64,
    /// From high to low.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
    /// Only those with this correlation id.
    pub correlation_id: Option<String>,
}

/// Events in the order that was asked for.
#[derive(Clone, Debug, Default)]
pub struct EventsPage {
    /// What could be read.
    pub events: Vec<StoredEvent>,
    /// The sequence numbers of rows in between that are damaged.
    pub damaged: Vec<u64>,
    /// The last sequence number that was looked at; `None` where there is nothing further.
    pub last: Option<u64>,
}

/// What is known about one delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryStatus {
    /// Of which event.
    pub event_id: String,
    /// Whose.
    pub subscription: SubscriptionName,
    /// Which.
    pub key: DeliveryKey,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts that are over; 0 where nothing was remembered because the first one went well.
    pub attempts: u32,
    /// When the obligation came to be, in nanoseconds since the Unix epoch.
    pub since: u64,
    /// When the state was reached, if that was remembered.
    pub changed: Option<u64>,
    /// When the next attempt is due, where one waits.
    pub due: Option<u64>,
    /// Why it is as it is.
    pub reason: Option<String>,
    /// What the channel gave, if it gave anything.
    pub receipt: Option<Receipt>,
    /// The attempts that failed, oldest first; where there were very many, the first ones.
    pub failures: Vec<FailedAttempt>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// In nanoseconds since the Unix epoch.
    pub time: u64,
    /// Why.
    pub reason: String,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not attempted yet, or redriven or replayed and due at once.
    Waiting,
    /// Leased: an attempt is under way.
    InFlight,
    /// An attempt failed, and the next one waits for its time.
    Retrying,
    /// Held back until the delivery before it with the same ordering key is settled.
    Held,
    /// Settled: the channel or the consumer has it.
    Delivered,
    /// Settled: a transform dropped it.
    Filtered,
    /// Settled: the throttle was full.
    Throttled,
    /// Settled: it became too old.
    Expired,
    /// Settled as a dead letter.
    Dead,
    /// A dead letter that somebody discarded.
    Discarded,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [DeliveryState; 10] = [
        DeliveryState::Waiting,
        DeliveryState::InFlight,
        DeliveryState::Retrying,
        DeliveryState::Held,
        DeliveryState::Delivered,
        DeliveryState::Filtered,
        DeliveryState::Throttled,
        DeliveryState::Expired,
        DeliveryState::Dead,
        DeliveryState::Discarded,
    ];

    /// As it is written in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::InFlight => "in_flight",
            DeliveryState::Retrying => "retrying",
            DeliveryState::Held => "held",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Filtered => "filtered",
            DeliveryState::Throttled => "throttled",
            DeliveryState::Expired => "expired",
            DeliveryState::Dead => "dead",
            DeliveryState::Discarded => "discarded",
        }
    }

    /// The state in one of four words: `pending`, `delivered`, `filtered` or `failed`.
    pub fn status(self) -> &'static str {
        match self {
            DeliveryState::Waiting | DeliveryState::InFlight | DeliveryState::Retrying | DeliveryState::Held => {
                "pending"
            }
            DeliveryState::Delivered => "delivered",
            DeliveryState::Filtered => "filtered",
            DeliveryState::Throttled | DeliveryState::Expired | DeliveryState::Dead | DeliveryState::Discarded => {
                "failed"
            }
        }
    }
}

/// Which remembered deliveries to list: those that did more than to be delivered at once without a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveriesQuery {
    /// Of this subscription only.
    pub subscription: Option<SubscriptionName>,
    /// In this state: [`DeliveryState::Retrying`], [`DeliveryState::Held`], or a settled one.
    pub state: DeliveryState,
    /// Behind this one of the last page.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// Deliveries in the order in which they were first remembered.
#[derive(Clone, Debug, Default)]
pub struct DeliveriesPage {
    /// What was found.
    pub deliveries: Vec<DeliveryStatus>,
    /// For [`DeliveriesQuery::after`]; `None` where there is nothing further.
    pub next: Option<u64>,
}

/// A replay: events of the past that are delivered once more. What it means is the router's business; a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// 1 for the first one; ascends.
    pub number: u32,
    /// To whom.
    pub subscription: SubscriptionName,
    /// What was asked for, as JSON.
    pub request: String,
    /// The last sequence number that was looked at.
    pub position: u64,
    /// Deliveries that it has made so far.
    pub enqueued: u64,
    /// `None` while it runs; then how it ended.
    pub ended: Option<String>,
}

/// The room that a store takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Events that are kept.
    pub events: u64,
    /// Bytes in use for them.
    pub bytes: u64,
    /// Bytes that it may use; at that, new events are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// Rows that were found damaged since the start.
    pub damaged: u64,
}
