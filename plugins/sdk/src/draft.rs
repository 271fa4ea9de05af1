//! Changes to an event, one path after the other.

use crate::event::push_string;
use crate::path::{field_json, find, members, text};
use crate::{Event, Level, Outcome, Patch, Path};
use std::borrow::Cow;

/// An event that is being changed: values are read and set by [`Path`], and what was set is read again.
///
/// What is not set keeps its spelling: of metadata and payload, only the objects on the way to a value are written anew.
#[derive(Debug)]
pub struct Draft<'e> {
    event: &'e Event,
    patch: Patch,
}

impl<'e> Draft<'e> {
    /// Nothing is changed yet.
    #[must_use]
    pub fn new(event: &'e Event) -> Self {
        Self {
            event,
            patch: Patch::new(),
        }
    }

    /// The value's JSON text; `None` where there is nothing.
    #[must_use]
    pub fn json(&self, path: &Path) -> Option<String> {
        let field = self.field(path.field())?;
        find(&field, path.inside()).map(str::to_owned)
    }

    /// The text of a string, or the JSON of any other value; `None` where there is nothing, or null.
    #[must_use]
    pub fn text(&self, path: &Path) -> Option<String> {
        text(Cow::Owned(self.json(path)?)).map(Cow::into_owned)
    }

    /// Sets a value, given as JSON text; whether it could be set. Objects on the way that are not there are made.
    ///
    /// It cannot be set where something other than an object is in the way, where a field wants another kind of value (all
    /// but `metadata`, `payload` and `channels` are texts, and take numbers and booleans as such), or where the field never
    /// changes.
    #[must_use]
    pub fn set(&mut self, path: &Path, json: &str) -> bool {
        match path.field() {
            "metadata" | "payload" => {
                let old = self.field(path.field()).unwrap_or(Cow::Borrowed("null"));
                let Some(new) = replaced(&old, path.inside(), json) else {
                    return false;
                };
                match path.field() {
                    "metadata" if members(&new).is_none() => return false,
                    "metadata" => self.patch.metadata = Some(new),
                    _ => self.patch.payload = Some(new),
                }
                true
            }
            "channels" => keep(&mut self.patch.channels, serde_json::from_str(json).ok()),
            field => {
                let text = scalar(json);
                match field {
                    "type" => keep(&mut self.patch.type_, text.filter(|text| !text.is_empty())),
                    "level" => keep(&mut self.patch.level, text.and_then(|text| Level::parse(&text))),
                    "message" => keep(&mut self.patch.message, text),
                    "subject" => keep(&mut self.patch.subject, text),
                    "correlation_id" => keep(&mut self.patch.correlation_id, text),
                    _ => false,
                }
            }
        }
    }

    /// [`Draft::set`] with a text.
    #[must_use]
    pub fn set_text(&mut self, path: &Path, text: &str) -> bool {
        let mut json = String::with_capacity(text.len() + 2);
        push_string(&mut json, text);
        self.set(path, &json)
    }

    /// What becomes of the event.
    #[must_use]
    pub fn finish(self) -> Outcome {
        self.patch.into()
    }

    fn field(&self, field: &str) -> Option<Cow<'_, str>> {
        let patch = &self.patch;
        let quoted = |text: &String| {
            let mut out = String::with_capacity(text.len() + 2);
            push_string(&mut out, text);
            Cow::Owned(out)
        };
        let new = match field {
            "type" => patch.type_.as_ref().map(quoted),
            "level" => patch.level.map(|level| quoted(&level.as_str().to_owned())),
            "message" => patch.message.as_ref().map(quoted),
            "subject" => patch.subject.as_ref().map(quoted),
            "correlation_id" => patch.correlation_id.as_ref().map(quoted),
            "channels" => patch
                .channels
                .as_ref()
                .and_then(|list| serde_json::to_string(list).ok().map(Cow::Owned)),
            "metadata" => patch.metadata.as_deref().map(Cow::Borrowed),
            "payload" => patch.payload.as_deref().map(Cow::Borrowed),
            _ => None,
        };
        new.or_else(|| field_json(self.event, field))
    }
}

fn keep<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let is_some = value.is_some();
    if is_some {
        *slot = value;
    }
    is_some
}

/// The text that a text field takes.
fn scalar(json: &str) -> Option<String> {
    match json.as_bytes().first() {
        Some(b'{' | b'[') => None,
        _ => text(Cow::Borrowed(json)).map(Cow::into_owned),
    }
}

/// `json` with another value at `names`; `None` where something other than an object is in the way. Null is not in the way.
fn replaced(json: &str, names: &[String], value: &str) -> Option<String> {
    let Some((name, rest)) = names.split_first() else {
        return Some(value.to_owned());
    };
    let json = json.trim_ascii();
    let members = if json == "null" { Vec::new() } else { members(json)? };
    let old = members.iter().rfind(|(known, _)| known == name);
    let new = replaced(old.map_or("null", |(_, old)| old), rest, value)?;
    let mut out = String::with_capacity(json.len() + new.len() + name.len() + 8);
    let mut push = |name: &str, value: &str| {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_string(&mut out, name);
        out.push(':');
        out.push_str(value);
    };
    let mut new = Some(new);
    for (known, old) in &members {
        if known != name {
            push(known, old);
        } else if let Some(new) = new.take() {
            push(known, &new);
        }
    }
    if let Some(new) = new {
        push(name, &new);
    }
    out.push('}');
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    fn event(payload: &str) -> Event {
        Event {
            payload: payload.to_owned(),
            ..Event::new("1", "t")
        }
    }

    #[test]
    fn what_is_not_set_keeps_its_spelling() {
        let event = event(r#"{"z": 1.10, "a": {"n": 12345678901234567890123, "x": [ 1 ]}, "z": "\u0041"}"#);
        let mut draft = Draft::new(&event);
        assert!(draft.set(&path("payload.a.x"), "true"));
        assert!(draft.set(&path("payload.b.c"), r#"{"d":1}"#));
        assert!(draft.set(&path("metadata.m"), "null"));
        assert_eq!(draft.json(&path("payload.b.c.d")).as_deref(), Some("1"));
        let patch = Patch {
            payload: Some(
                r#"{"z":1.10,"a":{"n":12345678901234567890123,"x":true},"z":"\u0041","b":{"c":{"d":1}}}"#.to_owned(),
            ),
            metadata: Some(r#"{"m":null}"#.to_owned()),
            ..Patch::new()
        };
        assert_eq!(draft.finish(), Outcome::Patched(patch));
    }

    #[test]
    fn a_name_that_was_there_twice_is_there_once() {
        let event = event(r#"{"a":1,"b":2,"a":3}"#);
        let mut draft = Draft::new(&event);
        assert!(draft.set(&path("payload.a"), "4"));
        assert_eq!(draft.json(&path("payload")).as_deref(), Some(r#"{"a":4,"b":2}"#));
    }

    #[test]
    fn what_is_in_the_way_stays() {
        let event = event(r#"{"a":"text","n":null}"#);
        let mut draft = Draft::new(&event);
        assert!(!draft.set(&path("payload.a.b"), "1"));
        assert!(draft.set(&path("payload.n.b"), "1"));
        assert!(!draft.set(&path("metadata"), "1"));
        for fixed in ["id", "source", "time"] {
            assert!(!draft.set_text(&path(fixed), "x"), "{fixed}");
        }
        let mut draft = Draft::new(&event);
        assert!(!draft.set(&path("payload.a.b"), "1"));
        assert_eq!(draft.finish(), Outcome::Unchanged);
    }

    #[test]
    fn fields_take_what_fits_them() {
        let event = event("null");
        let mut draft = Draft::new(&event);
        assert!(draft.set_text(&path("level"), "error") && !draft.set_text(&path("level"), "fatal"));
        assert!(draft.set(&path("subject"), "7") && !draft.set(&path("message"), "[]"));
        assert!(!draft.set(&path("correlation_id"), "null") && !draft.set_text(&path("type"), ""));
        assert!(draft.set(&path("channels"), r#"["a"]"#) && !draft.set(&path("channels"), "7"));
        assert_eq!(draft.text(&path("subject")).as_deref(), Some("7"));
        assert_eq!(draft.text(&path("level")).as_deref(), Some("error"));
        let patch = Patch::new().level(Level::Error).subject("7").channels(["a"]);
        assert_eq!(draft.finish(), Outcome::Patched(patch));
    }
}
