//! An event as separate values: to build one, to change one.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::{Event, EventError, Level, Limits, format_time};

/// The values of an event, from which its JSON is written. `metadata` and `payload` are JSON texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventParts {
    /// Empty: a new UUIDv7.
    pub id: String,
    /// Dotted.
    pub kind: String,
    /// Empty: none.
    pub source: String,
    /// How serious.
    pub level: Level,
    /// Nanoseconds since the Unix epoch; `None`: now.
    pub time: Option<u64>,
    /// Empty: none.
    pub message: String,
    /// What it is about.
    pub subject: Option<String>,
    /// Shared by events that belong together.
    pub correlation_id: Option<String>,
    /// Named channels.
    pub channels: Vec<String>,
    /// JSON object, or empty for none.
    pub metadata: String,
    /// JSON value, or empty for none.
    pub payload: String,
}

/// What a transform replaces: fields that are present take the place of the event's. Empty texts stand for "none".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// New type.
    pub kind: Option<String>,
    /// New level.
    pub level: Option<Level>,
    /// New message.
    pub message: Option<String>,
    /// New subject.
    pub subject: Option<String>,
    /// New correlation id.
    pub correlation_id: Option<String>,
    /// New named channels.
    pub channels: Option<Vec<String>>,
    /// New metadata: JSON object.
    pub metadata: Option<String>,
    /// New payload: JSON value.
    pub payload: Option<String>,
}

/// What a transform makes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Goes on as it is.
    Unchanged,
    /// Goes on with fields replaced.
    Patched(Patch),
    /// Ends here, for this reason.
    Dropped(String),
    /// These go on in its place.
    Split(Vec<EventParts>),
}

/// Why a transform has no outcome for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransformFailure {
    /// Never will have.
    InvalidEvent(String),
    /// May have later.
    Retry(String),
}

impl EventParts {
    /// The event with these values.
    ///
    /// # Errors
    /// Where a value breaks a limit, or `metadata` or `payload` is not JSON of the right kind.
    pub fn build(&self, limits: &Limits) -> Result<Event, EventError> {
        let mut json = String::with_capacity(256 + self.message.len() + self.metadata.len() + self.payload.len());
        json.push_str("{\"type\":");
        push_string(&mut json, &self.kind);
        let optional = [
            ("id", Some(&self.id).filter(|id| !id.is_empty())),
            ("source", Some(&self.source).filter(|source| !source.is_empty())),
            ("message", Some(&self.message).filter(|message| !message.is_empty())),
            ("subject", self.subject.as_ref()),
            ("correlation_id", self.correlation_id.as_ref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                let _ = write!(json, ",\"{name}\":");
                push_string(&mut json, value);
            }
        }
        let _ = write!(json, ",\"level\":\"{}\"", self.level);
        if let Some(time) = self.time {
            let _ = write!(json, ",\"time\":\"{}\"", format_time(time));
        }
        if !self.channels.is_empty() {
            json.push_str(",\"channels\":[");
            for (index, channel) in self.channels.iter().enumerate() {
                json.push_str(if index == 0 { "" } else { "," });
                push_string(&mut json, channel);
            }
            json.push(']');
        }
        for (name, value) in [("metadata", &self.metadata), ("payload", &self.payload)] {
            if !value.is_empty() {
                // Checked by itself: spliced in unchecked, a value such as `1,"level":"debug"` would add fields.
                serde_json::from_str::<&serde_json::value::RawValue>(value).map_err(|error| {
                    EventError::wrong(
                        if name == "metadata" { "metadata" } else { "payload" },
                        format!("is not valid JSON: {error}"),
                    )
                })?;
                let _ = write!(json, ",\"{name}\":{value}");
            }
        }
        json.push('}');
        Event::parse(json.into(), limits)
    }
}

impl Event {
    /// The event's values, copied.
    pub fn parts(&self) -> EventParts {
        let own = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        EventParts {
            id: self.id().into_owned(),
            kind: self.kind().into_owned(),
            source: own(self.source()).unwrap_or_default(),
            level: self.level(),
            time: Some(self.time()),
            message: own(self.message()).unwrap_or_default(),
            subject: own(self.subject()),
            correlation_id: own(self.correlation_id()),
            channels: self.channels(),
            metadata: self.metadata().unwrap_or_default().to_owned(),
            payload: self.payload().unwrap_or_default().to_owned(),
        }
    }

    /// A copy of this event with the patch applied.
    ///
    /// # Errors
    /// As [`EventParts::build`].
    pub fn patched(&self, patch: Patch, limits: &Limits) -> Result<Event, EventError> {
        let old = self.parts();
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        EventParts {
            kind: patch.kind.unwrap_or(old.kind),
            level: patch.level.unwrap_or(old.level),
            message: patch.message.unwrap_or(old.message),
            subject: patch.subject.map_or(old.subject, some),
            correlation_id: patch.correlation_id.map_or(old.correlation_id, some),
            channels: patch.channels.unwrap_or(old.channels),
            metadata: patch.metadata.unwrap_or(old.metadata),
            payload: patch.payload.unwrap_or(old.payload),
            id: old.id,
            source: old.source,
            time: old.time,
        }
        .build(limits)
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn push_string(json: &mut String, text: &str) {
    json.push('"');
    push_escaped(json, text);
    json.push('"');
}

/// Appends `text` as the inside of a JSON string (RFC 8259, section 7: quotes, backslashes and controls are escaped).
pub(crate) fn push_escaped(json: &mut String, text: &str) {
    for piece in text.split_inclusive(|c: char| c == '"' || c == '\\' || c < ' ') {
        let mut rest = piece.chars();
        match rest.next_back() {
            Some(c) if c == '"' || c == '\\' => {
                json.push_str(rest.as_str());
                json.push('\\');
                json.push(c);
            }
            Some(c) if c < ' ' => {
                json.push_str(rest.as_str());
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            _ => json.push_str(piece),
        }
    }
}
