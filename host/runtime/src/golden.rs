//! What plugins answer, as JSON: the form of golden files and of the examples that plugins declare.
//!
//! | kind | one of |
//! | --- | --- |
//! | redactor | `{"event": {…}, "labels": {"email": 1}}` |
//! | transform | `{"outcome": "unchanged"}`, `{"outcome": "patched", "event": {…}}`, `{"outcome": "dropped", "reason": "…"}`, `{"outcome": "split", "events": [{…}]}`, `{"outcome": "invalid-event", "reason": "…"}`, `{"outcome": "retry", "reason": "…"}` |
//! | channel | `{"receipt": {"reference": "…", "detail": "…"}}`, `{"retry": "…"}`, `{"retry_after_ms": 1, "retry": "…"}`, `{"reject": "…"}`, `{"disable": "…"}` |

use std::collections::BTreeMap;

use patchpanel_event::{
    Edits, Event, EventParts, Limits, Outcome, Problem, Receipt, TextBatch, TextSelector, TransformFailure,
};
use serde_json::{Map, Value, json};

/// The texts that a redactor is shown where nothing else is configured.
pub(crate) fn texts_of(events: &[Event]) -> TextBatch {
    let mut batch = TextBatch::default();
    for (index, event) in events.iter().enumerate() {
        batch.push(index, event, &TextSelector::default());
    }
    batch
}

/// What edits make of the one event that `batch` was made of. They have to make the same of it as when it was one of many:
/// a redactor that answers otherwise keeps something in mind that it must not.
pub(crate) fn redacted(event: &Event, batch: &TextBatch, edits: &Edits, together: &Event) -> Result<Value, String> {
    let mut events = [event.clone()];
    batch.apply(edits, &mut events).map_err(|error| error.to_string())?;
    if events.iter().any(|alone| alone.json() != together.json()) {
        return Err("it is redacted otherwise alone than in a batch with others".to_owned());
    }
    let mut labels: BTreeMap<&str, u64> = BTreeMap::new();
    for edit in &edits.edits {
        let label = edits.labels.get(edit.label as usize).map_or("", String::as_str);
        *labels.entry(label).or_default() += 1;
    }
    let [event] = events;
    Ok(json!({"event": tree(&event), "labels": labels}))
}

/// What a transform answered for the event; an error where it is no event any more.
pub(crate) fn transformed(event: &Event, answer: Result<Outcome, TransformFailure>) -> Result<Value, String> {
    let limits = Limits::default();
    let built = |parts: EventParts| parts.build(&limits).map(|event| tree(&event));
    Ok(match answer {
        Ok(Outcome::Unchanged) => json!({"outcome": "unchanged"}),
        Ok(Outcome::Patched(patch)) => {
            let patched = event.patched(patch, &limits).map_err(|error| error.to_string())?;
            json!({"outcome": "patched", "event": tree(&patched)})
        }
        Ok(Outcome::Dropped(reason)) => json!({"outcome": "dropped", "reason": reason}),
        Ok(Outcome::Split(parts)) => {
            let events: Result<Vec<Value>, _> = parts.into_iter().map(built).collect();
            json!({"outcome": "split", "events": events.map_err(|error| error.to_string())?})
        }
        Err(TransformFailure::InvalidEvent(reason)) => json!({"outcome": "invalid-event", "reason": reason}),
        Err(TransformFailure::Retry(reason)) => json!({"outcome": "retry", "reason": reason}),
    })
}

/// What a channel answered.
pub(crate) fn delivered(answer: Result<Receipt, Problem>) -> Value {
    match answer {
        Ok(receipt) => {
            let texts = [("reference", receipt.reference), ("detail", receipt.detail)];
            let texts = texts
                .into_iter()
                .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
            json!({"receipt": texts.collect::<Map<_, _>>()})
        }
        Err(Problem::Retry(reason)) => json!({"retry": reason}),
        Err(Problem::RetryAfter(delay, reason)) => json!({"retry_after_ms": delay, "retry": reason}),
        Err(Problem::Reject(reason)) => json!({"reject": reason}),
        Err(Problem::Disable(reason)) => json!({"disable": reason}),
    }
}

/// An event is JSON, so this is never `null`.
fn tree(event: &Event) -> Value {
    serde_json::from_slice(event.json()).unwrap_or_default()
}
