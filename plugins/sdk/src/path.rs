//! Places in an event, as people write them in a configuration.

use crate::{ConfigError, Event};
use serde::Deserializer as _;
use serde::de::{self, MapAccess};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// The fields of an event, as in its JSON.
const FIELDS: [&str; 11] = [
    "id",
    "type",
    "source",
    "level",
    "message",
    "time",
    "subject",
    "correlation_id",
    "channels",
    "metadata",
    "payload",
];

/// Those that no transform can change.
const FIXED: [&str; 3] = ["id", "source", "time"];

/// A path to one value of an event: a field such as `subject`, or something inside `metadata` or `payload`, such as
/// `payload.order.id`. What stands in an array has no path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    names: Vec<String>,
}

impl Path {
    /// Reads a dotted path.
    ///
    /// # Errors
    /// What is wrong with it and what to write instead: a message for a [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let names: Vec<String> = text.split('.').map(str::to_owned).collect();
        let field = names.first().map_or("", String::as_str);
        if !FIELDS.contains(&field) {
            return Err(format!(
                "`{text}` is no field of an event: write one of {}, or something inside metadata or payload, such as `payload.order.id`",
                FIELDS.join(", ")
            ));
        }
        if names.iter().any(String::is_empty) {
            return Err(format!("`{text}` has an empty name between its dots"));
        }
        if names.len() > 1 && !matches!(field, "metadata" | "payload") {
            return Err(format!("`{field}` has nothing inside: write `{field}` alone"));
        }
        Ok(Self { names })
    }

    /// Reads the path of a value that is to be changed.
    ///
    /// # Errors
    /// As [`Path::parse`], and for `id`, `source` and `time`, which never change.
    pub fn parse_target(text: &str) -> Result<Self, String> {
        let path = Self::parse(text)?;
        if FIXED.contains(&path.field()) {
            return Err(format!("`{text}` never changes: no transform can set it"));
        }
        Ok(path)
    }

    /// Reads all paths of a list in a configuration, `place` being the list's own path; mistakes are added to `errors`.
    pub fn parse_all(texts: &[String], place: &str, errors: &mut Vec<ConfigError>) -> Vec<Self> {
        let mut read = |(index, text): (usize, &String)| {
            let mistake = |message| errors.push(ConfigError::new(format!("{place}.{index}"), message));
            Self::parse(text).map_err(mistake).ok()
        };
        texts.iter().enumerate().filter_map(&mut read).collect()
    }

    /// The event's field.
    #[must_use]
    pub fn field(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// The names inside that field.
    pub(crate) fn inside(&self) -> &[String] {
        self.names.get(1..).unwrap_or_default()
    }

    /// The value's JSON text; `None` where the event has nothing there. Empty texts of an event count as nothing.
    #[must_use]
    pub fn json<'e>(&self, event: &'e Event) -> Option<Cow<'e, str>> {
        match field_json(event, self.field())? {
            Cow::Borrowed(json) => find(json, self.inside()).map(Cow::Borrowed),
            Cow::Owned(json) => find(&json, self.inside()).map(|json| Cow::Owned(json.to_owned())),
        }
    }

    /// The value; `None` where the event has nothing there.
    #[must_use]
    pub fn value(&self, event: &Event) -> Option<Value> {
        serde_json::from_str(&self.json(event)?).ok()
    }

    /// The text of a string, or the JSON of any other value; `None` where the event has nothing there, or null.
    #[must_use]
    pub fn text<'e>(&self, event: &'e Event) -> Option<Cow<'e, str>> {
        text(self.json(event)?)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join("."))
    }
}

/// Values by path, as an operator writes them: `{ "metadata.team" = "a" }` and `{ metadata = { team = "a" } }` are the same,
/// so that values beside those that are named stay.
#[must_use]
pub fn by_path(values: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    for (name, value) in values {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                let inner = by_path(inner).into_iter();
                found.extend(inner.map(|(rest, value)| (format!("{name}.{rest}"), value)));
            }
            _ => found.push((name.clone(), value)),
        }
    }
    found
}

/// The text of a JSON string, or the JSON of any other value but null.
pub(crate) fn text(json: Cow<'_, str>) -> Option<Cow<'_, str>> {
    match json.as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => serde_json::from_str::<String>(&json).ok().map(Cow::Owned),
        _ => Some(json),
    }
}

/// A whole field's JSON.
pub(crate) fn field_json<'e>(event: &'e Event, field: &str) -> Option<Cow<'e, str>> {
    let quoted = |text: &str| {
        let mut out = String::with_capacity(text.len() + 2);
        crate::event::push_string(&mut out, text);
        Cow::Owned(out)
    };
    let optional = |text: &str| (!text.is_empty()).then(|| quoted(text));
    match field {
        "id" => optional(&event.id),
        "type" => optional(&event.type_),
        "source" => optional(&event.source),
        "level" => Some(quoted(event.level.as_str())),
        "message" => optional(&event.message),
        "time" => Some(quoted(&event.rfc3339())),
        "subject" => optional(event.subject.as_deref()?),
        "correlation_id" => optional(event.correlation_id.as_deref()?),
        "channels" if event.channels.is_empty() => None,
        "channels" => serde_json::to_string(&event.channels).ok().map(Cow::Owned),
        "metadata" => Some(Cow::Borrowed(&event.metadata)),
        "payload" => Some(Cow::Borrowed(&event.payload)),
        _ => None,
    }
}

/// What stands inside a JSON value. Of a name that is there twice, the last one counts.
pub(crate) fn find<'j>(json: &'j str, names: &[String]) -> Option<&'j str> {
    let Some((name, rest)) = names.split_first() else {
        return Some(json.trim_ascii());
    };
    let members = members(json)?;
    let (_, value) = members.iter().rfind(|(known, _)| known == name)?;
    find(value, rest)
}

/// The members of a JSON object with their text, in its order; `None` for any other value.
pub(crate) fn members(json: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    struct Visitor;
    impl<'j> de::Visitor<'j> for Visitor {
        type Value = Vec<(Cow<'j, str>, &'j str)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((Name(name), value)) = map.next_entry::<Name<'j>, &'j RawValue>()? {
                members.push((name, value.get()));
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(json).deserialize_map(Visitor).ok()
}

/// Borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn event() -> Event {
        Event {
            subject: Some("a\"b".to_owned()),
            metadata: r#"{"a": {"b": 1, "b": 2}, "\u0063": "x"}"#.to_owned(),
            payload: r#"{"order": {"id": 12345678901234567890123, "none": null}, "tags": [ 1 ]}"#.to_owned(),
            ..Event::new("1", "t")
        }
    }

    #[test]
    fn finds_values_of_every_kind() {
        let event = event();
        for (path, expected) in [
            ("id", Some("1")),
            ("level", Some("info")),
            ("time", Some("1970-01-01T00:00:00Z")),
            ("source", None),
            ("subject", Some("a\"b")),
            ("correlation_id", None),
            ("channels", None),
            ("metadata.a.b", Some("2")),
            ("metadata.c", Some("x")),
            ("metadata.a.b.deeper", None),
            ("payload.order.id", Some("12345678901234567890123")),
            ("payload.order.none", None),
            ("payload.tags", Some("[ 1 ]")),
            ("payload.tags.0", None),
        ] {
            let path = Path::parse(path).unwrap();
            assert_eq!(path.text(&event).as_deref(), expected, "{path}");
        }
        let null = Path::parse("payload.order.none").unwrap();
        assert_eq!(null.value(&event), Some(Value::Null));
        assert_eq!(
            Path::parse("payload").unwrap().json(&event).as_deref(),
            Some(event.payload.as_str())
        );
    }

    #[test]
    fn nested_values_have_paths() {
        let values: Map<String, Value> =
            serde_json::from_str(r#"{"metadata": {"a": 1, "b": {"c": [2]}, "e": {}}, "metadata.d": {"x": "y"}}"#)
                .unwrap();
        let flat: Vec<_> = by_path(&values)
            .into_iter()
            .map(|(path, value)| format!("{path}={value}"))
            .collect();
        assert_eq!(
            flat,
            [
                "metadata.a=1",
                "metadata.b.c=[2]",
                "metadata.e={}",
                "metadata.d.x=\"y\""
            ]
        );
    }

    #[test]
    fn refuses_what_no_event_has_and_what_never_changes() {
        for path in [
            "",
            "sbject",
            "subject.x",
            "payload.",
            "payload..x",
            ".payload",
            "channels.0",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        for path in ["id", "source", "time"] {
            assert!(Path::parse(path).is_ok() && Path::parse_target(path).is_err(), "{path}");
        }
        assert!(Path::parse_target("metadata.x").is_ok());
    }
}
