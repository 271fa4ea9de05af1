use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::{Level, span::Span};

/// An accepted event: the JSON text as it was given, completed by what was missing, and where its fields stand in it.
///
/// Cloning is cheap: the text is shared. The text is valid JSON within the [`Limits`](crate::Limits), so reading a field
/// cannot fail.
#[derive(Clone)]
pub struct Event {
    pub(crate) json: Bytes,
    pub(crate) fields: Fields,
    pub(crate) level: Level,
    pub(crate) time: u64,
}

/// Where the raw values of the fields stand; an absent field has an empty span.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fields {
    pub(crate) id: Span,
    pub(crate) kind: Span,
    pub(crate) source: Span,
    pub(crate) level: Span,
    pub(crate) message: Span,
    pub(crate) time: Span,
    pub(crate) subject: Span,
    pub(crate) correlation_id: Span,
    pub(crate) channels: Span,
    pub(crate) metadata: Span,
    pub(crate) payload: Span,
}

/// The names of an event's fields on the wire, in the order in which they are documented.
pub const FIELD_NAMES: [&str; 11] = [
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

impl Fields {
    /// By name on the wire.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<(&'static str, &mut Span)> {
        Some(match name {
            "id" => ("id", &mut self.id),
            "type" => ("type", &mut self.kind),
            "source" => ("source", &mut self.source),
            "level" => ("level", &mut self.level),
            "message" => ("message", &mut self.message),
            "time" => ("time", &mut self.time),
            "subject" => ("subject", &mut self.subject),
            "correlation_id" => ("correlation_id", &mut self.correlation_id),
            "channels" => ("channels", &mut self.channels),
            "metadata" => ("metadata", &mut self.metadata),
            "payload" => ("payload", &mut self.payload),
            _ => return None,
        })
    }

    pub(crate) fn all_mut(&mut self) -> [&mut Span; 11] {
        [
            &mut self.id,
            &mut self.kind,
            &mut self.source,
            &mut self.level,
            &mut self.message,
            &mut self.time,
            &mut self.subject,
            &mut self.correlation_id,
            &mut self.channels,
            &mut self.metadata,
            &mut self.payload,
        ]
    }
}

impl Event {
    /// The whole JSON text.
    pub fn json(&self) -> &Bytes {
        &self.json
    }

    /// The unique id.
    pub fn id(&self) -> Cow<'_, str> {
        self.string(self.fields.id).unwrap_or_default()
    }

    /// The field `type`.
    pub fn kind(&self) -> Cow<'_, str> {
        self.string(self.fields.kind).unwrap_or_default()
    }

    /// Who says so.
    pub fn source(&self) -> Option<Cow<'_, str>> {
        self.string(self.fields.source)
    }

    /// How serious it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// When it happened: nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The field `time` as it was written.
    pub fn time_text(&self) -> Cow<'_, str> {
        self.string(self.fields.time).unwrap_or_default()
    }

    /// The text for people.
    pub fn message(&self) -> Option<Cow<'_, str>> {
        self.string(self.fields.message)
    }

    /// What it is about.
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        self.string(self.fields.subject)
    }

    /// Shared by events that belong together.
    pub fn correlation_id(&self) -> Option<Cow<'_, str>> {
        self.string(self.fields.correlation_id)
    }

    /// The channels that the publisher named.
    pub fn channels(&self) -> Vec<String> {
        if self.fields.channels.is_empty() {
            Vec::new()
        } else {
            serde_json::from_str(self.raw(self.fields.channels)).unwrap_or_default()
        }
    }

    /// Whether the publisher named channels; cheaper than [`Event::channels`].
    pub fn names_channels(&self) -> bool {
        !self.fields.channels.is_empty()
    }

    /// The JSON object of `metadata`, as text.
    pub fn metadata(&self) -> Option<&str> {
        Some(self.raw(self.fields.metadata)).filter(|raw| !raw.is_empty())
    }

    /// The JSON value of `payload`, as text.
    pub fn payload(&self) -> Option<&str> {
        Some(self.raw(self.fields.payload)).filter(|raw| !raw.is_empty())
    }

    pub(crate) fn raw(&self, span: Span) -> &str {
        // The text was checked to be UTF-8 as a whole, and spans begin and end at ASCII characters.
        self.json
            .get(Range::from(span))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    fn string(&self, span: Span) -> Option<Cow<'_, str>> {
        unquote(self.raw(span))
    }
}

/// The value of a JSON string; borrowed where it has no escapes.
pub(crate) fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inside));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

/// Shows id and type only: the rest of an event may hold what must not be logged.
impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id())
            .field("type", &self.kind())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.json == other.json
    }
}
