//! Counts in the metadata of an event.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Event;
use crate::parts::push_string;
use crate::span::Span;
use crate::walk::member;

impl Event {
    /// Adds counts to the object at `metadata.<key>`. It is made where there is none; what else stands there goes.
    pub fn add_counts(&mut self, key: &str, counts: &BTreeMap<String, u64>) {
        let json = std::str::from_utf8(&self.json).unwrap_or_default();
        let metadata = self.fields.metadata;
        let name = || {
            let mut name = String::new();
            push_string(&mut name, key);
            name
        };
        let (start, end, new) = if metadata.is_empty() {
            // There is a type, so there is a member before it.
            let at = json.rfind('}').unwrap_or(json.len());
            (at, at, format!(",\"metadata\":{{{}:{}}}", name(), added(None, counts)))
        } else if let Some((start, end)) = member(json, metadata.start as usize, key) {
            (start, end, added(json.get(start..end), counts))
        } else {
            let at = (metadata.end as usize).saturating_sub(1);
            let inside = json.get(metadata.start as usize + 1..at).unwrap_or_default();
            let comma = if inside.trim().is_empty() { "" } else { "," };
            (at, at, format!("{comma}{}:{}", name(), added(None, counts)))
        };
        let parts = [json.get(..start), Some(new.as_str()), json.get(end..)];
        let by = new.len() as i64 - (end - start) as i64;
        let json: String = parts.into_iter().flatten().collect();
        let moved = |at: u32| u32::try_from(i64::from(at) + by).unwrap_or(at);
        for span in self.fields.all_mut() {
            // What ends where something is put in stays as it is.
            if span.start as usize >= end {
                span.start = moved(span.start);
            }
            if span.end as usize > end {
                span.end = moved(span.end);
            }
        }
        if metadata.is_empty() {
            let behind_colon = start + ",\"metadata\":".len();
            self.fields.metadata = Span::new(behind_colon, start + new.len());
        }
        self.json = json.into();
    }
}

/// An object of counts, with those of before.
fn added(before: Option<&str>, counts: &BTreeMap<String, u64>) -> String {
    let before = before.and_then(|json| serde_json::from_str::<Map<String, Value>>(json).ok());
    let mut sums = before.unwrap_or_default();
    for (label, count) in counts {
        let before = sums.get(label).and_then(Value::as_u64).unwrap_or_default();
        sums.insert(label.clone(), before.saturating_add(*count).into());
    }
    Value::Object(sums).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Limits;

    fn reported(fields: &str) -> String {
        let json = format!(r#"{{"id":"1","message":"m","time":"2026-01-31T12:00:00Z",{fields},"type":"t"}} "#);
        let mut event = Event::parse(json.into(), &Limits::default()).unwrap();
        event.add_counts(
            "redacted",
            &BTreeMap::from([("email".to_owned(), 2), ("ip".to_owned(), 1)]),
        );
        // The places of the fields moved along: a fresh reading agrees.
        let again = Event::parse(event.json().clone(), &Limits::default()).unwrap();
        assert_eq!((again.json(), again.parts()), (event.json(), event.parts()));
        assert_eq!((&*event.message().unwrap(), &*event.kind()), ("m", "t"));
        event.metadata().unwrap().to_owned()
    }

    #[test]
    fn counts_come_into_the_metadata_and_add_up() {
        let fresh = r#""redacted":{"email":2,"ip":1}"#;
        for (fields, expected) in [
            (r#""payload":{}"#, format!("{{{fresh}}}")),
            (r#""metadata":{}"#, format!("{{{fresh}}}")),
            (r#""metadata":{ }"#, format!("{{ {fresh}}}")),
            (
                r#""metadata":{"a":{"redacted":3}}"#,
                format!(r#"{{"a":{{"redacted":3}},{fresh}}}"#),
            ),
            (r#""metadata":{"redacted":"x","a":1}"#, format!(r#"{{{fresh},"a":1}}"#)),
            (
                r#""metadata":{"redacted":{"email":5,"name":1,"ip":"?"},"a":1}"#,
                r#"{"redacted":{"email":7,"ip":1,"name":1},"a":1}"#.to_owned(),
            ),
        ] {
            assert_eq!(reported(fields), expected, "{fields}");
        }
    }
}
