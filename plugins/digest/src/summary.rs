//! The event that stands for a group.

use crate::group::{Group, cut};
use patchpanel_plugin::{Event, HumanDuration};
use serde_json::{Value, json};
use std::time::Duration;

/// Of each value in the message.
const VALUE_BYTES: usize = 100;

/// Always the same for the same group.
pub(crate) fn of(group: &Group, id: &str, type_: &str) -> Event {
    let closed = group.closed().unwrap_or(group.end());
    let time = |time: u64| {
        Event {
            time,
            ..Event::new("", "")
        }
        .rfc3339()
    };
    let payload = json!({
        "count": group.count(),
        "key": group.key,
        "from": time(group.start()),
        "to": time(closed),
        "first": group.first,
        "last": group.last,
        "samples": group.samples,
    });
    let subject = group.key.get("subject").and_then(Value::as_str);
    Event {
        source: "digest".to_owned(),
        level: group.level(),
        time: closed,
        message: message(group, closed),
        subject: subject.map(str::to_owned),
        payload: payload.to_string(),
        ..Event::new(id, type_)
    }
}

/// Such as `12 events of build.failed with source ci in 5m`.
fn message(group: &Group, closed: u64) -> String {
    let count = group.count();
    let plural = if count == 1 { "" } else { "s" };
    let mut message = format!("{count} event{plural}");
    let shown = |value: &Value| match value {
        Value::String(text) => cut(text, VALUE_BYTES),
        value => value.to_string(),
    };
    if let Some(type_) = group.key.get("type") {
        message += &format!(" of {}", shown(type_));
    }
    let others = group
        .key
        .iter()
        .filter(|(path, value)| *path != "type" && !value.is_null());
    for (number, (path, value)) in others.enumerate() {
        let word = if number == 0 { "with" } else { "and" };
        message += &format!(" {word} {path} {}", shown(value));
    }
    // Whole seconds, except for what was shorter.
    let milliseconds = closed.saturating_sub(group.start()) / 1_000_000;
    let milliseconds = if milliseconds < 1_000 {
        milliseconds
    } else {
        milliseconds / 1_000 * 1_000
    };
    message + &format!(" in {}", HumanDuration(Duration::from_millis(milliseconds)))
}
