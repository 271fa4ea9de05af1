//! From bytes to an [`Event`]: one validating pass over the text, then a look at each field's raw value.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{self, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::event::{FIELD_NAMES, Fields, unquote};
use crate::{Event, EventError, Level, Limits, format_time, now, parse_time, span::Span};

impl Event {
    /// Reads one event from its native JSON form and completes it: a missing `id` becomes a new UUIDv7, a missing `time`
    /// the present. Fields that are there stay as they were written.
    ///
    /// # Errors
    /// Names the first field that is wrong, or the place where the text is no JSON.
    pub fn parse(json: Bytes, limits: &Limits) -> Result<Event, EventError> {
        let limit = limits.event_bytes.min(u32::MAX as usize / 2);
        if json.len() > limit {
            return Err(EventError::TooLarge {
                bytes: json.len(),
                limit,
            });
        }
        let text = std::str::from_utf8(&json).map_err(|error| {
            let before = json.get(..error.valid_up_to()).unwrap_or_default();
            let line_start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
            EventError::Syntax {
                message: "bytes that are not UTF-8".into(),
                line: memchr::memchr_iter(b'\n', before).count() + 1,
                column: before.len() - line_start + 1,
            }
        })?;
        check_depth(text, limits.depth)?;
        check_surrogates(text)?;
        let fields = locate(text)?;
        let mut event = Event {
            level: Level::default(),
            time: 0,
            json: json.clone(),
            fields,
        };
        event.check(limits)?;
        event.complete();
        Ok(event)
    }

    fn check(&mut self, limits: &Limits) -> Result<(), EventError> {
        let fields = self.fields;
        if fields.kind.is_empty() {
            return Err(EventError::Missing {
                field: "type",
                help: "write a dotted name such as \"document.created\"",
            });
        }
        for (name, span) in [
            ("id", fields.id),
            ("type", fields.kind),
            ("source", fields.source),
            ("subject", fields.subject),
            ("correlation_id", fields.correlation_id),
        ] {
            if !span.is_empty() {
                let value = self.expect_string(name, span)?;
                check_name(name, &value, limits)?;
            }
        }
        if !fields.message.is_empty() {
            self.expect_string("message", fields.message)?;
        }
        if !fields.level.is_empty() {
            self.level = self
                .expect_string("level", fields.level)?
                .parse()
                .map_err(EventError::level)?;
        }
        if !fields.time.is_empty() {
            let text = self.expect_string("time", fields.time)?;
            self.time = parse_time(&text).ok_or_else(|| {
                EventError::wrong(
                    "time",
                    "must be RFC 3339 with an offset, between 1970 and 2554, such as \"2026-01-31T12:00:00Z\"",
                )
            })?;
        }
        if !fields.metadata.is_empty() && !self.raw(fields.metadata).starts_with('{') {
            return Err(EventError::wrong("metadata", "must be an object"));
        }
        if !fields.channels.is_empty() {
            let channels: Vec<Cow<'_, str>> = serde_json::from_str(self.raw(fields.channels))
                .map_err(|_| EventError::wrong("channels", "must be a list of channel names"))?;
            if channels.len() > limits.channels {
                return Err(EventError::wrong(
                    "channels",
                    format!(
                        "names {} channels, more than the {} that are allowed",
                        channels.len(),
                        limits.channels
                    ),
                ));
            }
            for channel in &channels {
                check_name("channels", channel, limits)?;
            }
        }
        Ok(())
    }

    fn expect_string(&self, field: &'static str, span: Span) -> Result<Cow<'_, str>, EventError> {
        unquote(self.raw(span)).ok_or_else(|| EventError::wrong(field, "must be a string"))
    }

    /// Writes missing `id` and `time` behind the opening brace, in one splice.
    fn complete(&mut self) {
        let (id, time) = (self.fields.id, self.fields.time);
        if !id.is_empty() && !time.is_empty() {
            return;
        }
        let open = memchr::memchr(b'{', &self.json).map_or(0, |at| at + 1);
        let mut head = String::with_capacity(96);
        let mut member = |name: &str, value: &str| {
            head.push_str(&format!("\"{name}\":\"{value}\","));
            let end = open + head.len() - 1;
            Span::new(end - value.len() - 2, end)
        };
        let new_id = id.is_empty().then(|| {
            member(
                "id",
                Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer()),
            )
        });
        let new_time = time.is_empty().then(|| {
            self.time = now();
            member("time", &format_time(self.time))
        });
        let by = u32::try_from(head.len()).unwrap_or(0);
        for span in self.fields.all_mut() {
            *span = span.shifted(by);
        }
        self.fields.id = new_id.unwrap_or(self.fields.id);
        self.fields.time = new_time.unwrap_or(self.fields.time);
        let (before, behind) = self.json.split_at(open);
        self.json = [before, head.as_bytes(), behind].concat().into();
    }
}

fn check_name(field: &'static str, value: &str, limits: &Limits) -> Result<(), EventError> {
    if value.is_empty() {
        return Err(EventError::wrong(field, "must not be empty"));
    }
    if value.len() > limits.name_bytes {
        return Err(EventError::wrong(
            field,
            format!(
                "has {} bytes, more than the {} that are allowed",
                value.len(),
                limits.name_bytes
            ),
        ));
    }
    if has_control(value) {
        return Err(EventError::wrong(field, "must not contain control characters"));
    }
    Ok(())
}

/// Whole names are looked at, without a branch per byte: that is what the compiler turns into vector code.
fn has_control(name: &str) -> bool {
    let ascii = name
        .bytes()
        .fold(false, |found, byte| found | (byte < b' ') | (byte == 0x7f));
    ascii || (!name.is_ascii() && name.chars().any(char::is_control))
}

/// An event with fewer opening brackets than levels cannot be too deep, which spares nearly all events the slow count.
fn check_depth(text: &str, limit: usize) -> Result<(), EventError> {
    if memchr::memchr2_iter(b'{', b'[', text.as_bytes()).count() <= limit {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > limit {
            return Err(EventError::TooDeep { limit });
        }
    }
    Ok(())
}

/// Raw values are not decoded while they are skipped, so a lone surrogate escape would only be found when a string is
/// read. Texts that hold any surrogate escape are therefore decoded once as a whole.
fn check_surrogates(text: &str) -> Result<(), EventError> {
    let bytes = text.as_bytes();
    let surrogate = |at: usize| matches!(bytes.get(at + 1..at + 3), Some(b"ud" | b"uD"));
    if memchr::memchr_iter(b'\\', bytes).any(surrogate) {
        serde_json::from_str::<serde_json::Value>(text).map_err(|error| EventError::syntax(&error))?;
    }
    Ok(())
}

/// Validates the whole text and finds the raw values of the top-level fields.
fn locate(text: &str) -> Result<Fields, EventError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut mistake = None;
    let located = de::Deserializer::deserialize_map(
        &mut deserializer,
        Locate {
            text,
            mistake: &mut mistake,
        },
    )
    .and_then(|fields| deserializer.end().map(|()| fields));
    match (located, mistake) {
        (Ok(fields), None) => Ok(fields),
        (_, Some(mistake)) => Err(mistake),
        (Err(error), None) if error.is_data() => Err(EventError::NotAnObject),
        (Err(error), None) => Err(EventError::syntax(&error)),
    }
}

struct Locate<'a, 'm> {
    text: &'a str,
    mistake: &'m mut Option<EventError>,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Locate<'de, '_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(Name(name)) = map.next_key()? {
            let value: &'de RawValue = map.next_value()?;
            let start = value.get().as_ptr().addr() - self.text.as_ptr().addr();
            let found = Span::new(start, start + value.get().len());
            let mistake = match fields.get_mut(&name) {
                Some((_, span)) if span.is_empty() => {
                    *span = found;
                    continue;
                }
                Some((field, _)) => EventError::Repeated { field },
                None => unknown(&name),
            };
            self.mistake.get_or_insert(mistake);
        }
        Ok(fields)
    }
}

fn unknown(name: &str) -> EventError {
    let field: String = name.chars().take(64).collect();
    let lower = name.to_lowercase();
    let near = FIELD_NAMES
        .iter()
        .find(|known| lower == known.replace('_', "") || lower.replace('-', "_") == **known || near(&lower, known));
    let help = match near {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!(
            "put it under `metadata` or `payload`, or use one of {}",
            FIELD_NAMES.join(", ")
        ),
    };
    EventError::UnknownField { field, help }
}

/// One letter too many, too few or wrong, by common head and tail.
fn near(written: &str, known: &str) -> bool {
    let head = written.chars().zip(known.chars()).take_while(|(a, b)| a == b).count();
    let tail = written
        .chars()
        .rev()
        .zip(known.chars().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (written, known) = (written.chars().count(), known.chars().count());
    written.abs_diff(known) <= 1 && known > 3 && head + tail + 1 >= known.max(written)
}
