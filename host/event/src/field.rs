use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::{Event, FIELD_NAMES};

/// A path to one value of an event: a field such as `subject`, or something inside `metadata` or `payload`, such as
/// `payload.order.id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    names: Vec<String>,
}

/// A path that no event has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a field of an event; write one such as `subject`, `source` or `payload.order.id`")]
pub struct FieldPathError(String);

impl FieldPath {
    /// Reads a dotted path.
    ///
    /// # Errors
    /// It names no field.
    pub fn parse(path: &str) -> Result<FieldPath, FieldPathError> {
        let names: Vec<String> = path.split('.').map(str::to_owned).collect();
        let root = names.first().map_or("", String::as_str);
        let nested = matches!(root, "metadata" | "payload");
        if !FIELD_NAMES.contains(&root) || names.iter().any(String::is_empty) || (names.len() > 1 && !nested) {
            return Err(FieldPathError(path.to_owned()));
        }
        Ok(FieldPath { names })
    }

    /// The text of a string, or the JSON of any other value; `None` where the event has nothing there, or null.
    pub fn value<'e>(&self, event: &'e Event) -> Option<Cow<'e, str>> {
        let mut json = std::str::from_utf8(event.json()).ok()?;
        for name in &self.names {
            // An event's text is JSON: that was checked when it was made. What has no names inside is no object.
            let members: HashMap<Cow<'e, str>, &'e RawValue> = serde_json::from_str(json).ok()?;
            json = members.get(name.as_str())?.get();
        }
        match json.as_bytes().first() {
            Some(b'n') => None,
            Some(b'"') => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
            _ => Some(Cow::Borrowed(json)),
        }
    }
}

impl std::fmt::Display for FieldPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names.join("."))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Limits;

    #[test]
    fn finds_values_of_every_kind() {
        let json = r#"{"type":"t","subject":"a\u0062","payload":{"order":{"id":7,"tags":["x"],"none":null},"":1}}"#;
        let event = Event::parse(json.into(), &Limits::default()).unwrap();
        for (path, expected) in [
            ("type", Some("t")),
            ("subject", Some("ab")),
            ("source", None),
            ("payload.order.id", Some("7")),
            ("payload.order.tags", Some(r#"["x"]"#)),
            ("payload.order.none", None),
            ("payload.order.id.deeper", None),
            ("payload.nothing.at.all", None),
            ("metadata.a", None),
        ] {
            let value = FieldPath::parse(path).unwrap().value(&event).map(Cow::into_owned);
            assert_eq!(value.as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn refuses_what_no_event_has() {
        for path in ["", "sbject", "subject.x", "payload.", "payload..x", ".payload"] {
            assert!(FieldPath::parse(path).is_err(), "{path}");
        }
        assert_eq!(FieldPath::parse("payload.a").unwrap().to_string(), "payload.a");
    }
}
