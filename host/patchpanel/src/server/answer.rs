//! What several answers have in common: deliveries, events, pages.

use patchpanel_event::{Event, Receipt, delivery_id, format_time};
use patchpanel_store::{DeliveryState, DeliveryStatus, FailedAttempt, StoredEvent};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fields::Fields;

/// Items on a page, unless the caller asks for another number; and at most.
const PAGE: u64 = 100;
const LARGEST_PAGE: u64 = 1_000;

/// `limit` and `cursor`.
pub(super) fn page(fields: &mut Fields) -> (usize, Option<u64>) {
    let limit = fields.number("limit", 1..=LARGEST_PAGE).unwrap_or(PAGE);
    (
        usize::try_from(limit).unwrap_or(1),
        fields.number("cursor", 0..=u64::MAX),
    )
}

/// A page of a list: what the cursor of the next request is, or null at the end.
pub(super) fn listed(name: &str, items: Vec<Value>, next: Option<u64>) -> Map<String, Value> {
    let mut answer = Map::new();
    answer.insert(name.to_owned(), Value::from(items));
    answer.insert("next_cursor".to_owned(), json!(next.map(|next| next.to_string())));
    answer
}

/// A delivery: `id`, `event_id`, `subscription`, `status` (in one of four words), `state`, `attempts`, `since`,
/// `failures`, and where there is something to say `replay`, `changed`, `due`, `reason`, `receipt`.
pub(super) fn delivery(status: &DeliveryStatus) -> Map<String, Value> {
    let mut answer = Map::new();
    let mut say = |key: &str, value: Value| answer.insert(key.to_owned(), value);
    let id = delivery_id(&status.event_id, &status.subscription, status.key.replay);
    say("id", json!(id));
    say("event_id", json!(status.event_id));
    say("subscription", json!(&*status.subscription));
    if status.key.replay > 0 {
        say("replay", json!(status.key.replay));
    }
    say("status", json!(status.state.status()));
    say("state", json!(status.state.as_str()));
    // Nothing is remembered of a first attempt that went well.
    let least = u32::from(status.state == DeliveryState::Delivered);
    say("attempts", json!(status.attempts.max(least)));
    say("since", json!(format_time(status.since)));
    for (key, time) in [("changed", status.changed), ("due", status.due)] {
        if let Some(time) = time {
            say(key, json!(format_time(time)));
        }
    }
    if let Some(reason) = &status.reason {
        say("reason", json!(reason));
    }
    if let Some(receipt) = &status.receipt {
        say("receipt", receipt_of(receipt));
    }
    let failure = |failure: &FailedAttempt| json!({"time": format_time(failure.time), "reason": failure.reason});
    say("failures", status.failures.iter().map(failure).collect());
    answer
}

fn receipt_of(receipt: &Receipt) -> Value {
    json!({"reference": receipt.reference, "detail": receipt.detail})
}

/// An event as it is kept.
#[derive(serde::Serialize)]
pub(super) struct Stored {
    sequence: u64,
    accepted: String,
    matched: Vec<String>,
    event: Box<RawValue>,
}

impl Stored {
    pub(super) fn new(stored: &StoredEvent) -> Stored {
        Stored {
            sequence: stored.sequence,
            accepted: format_time(stored.accepted),
            matched: stored.matched.iter().map(ToString::to_string).collect(),
            event: raw(&stored.event),
        }
    }
}

/// The event's own bytes.
pub(super) fn raw(event: &Event) -> Box<RawValue> {
    // An event's text is JSON: that was checked when it was made.
    let text = String::from_utf8_lossy(event.json()).into_owned();
    RawValue::from_string(text).unwrap_or_default()
}
