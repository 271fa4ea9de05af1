//! CloudEvents 1.0 in its JSON (structured) and HTTP binary modes, turned into the native form.
//!
//! `id`, `source`, `type`, `subject` and `time` keep their names; `data` becomes the payload; the extension attributes
//! `level`, `message` and `correlationid` become the fields of those names; everything else goes to the metadata under
//! its own name. Binary data (`data_base64`) stays base64 text, marked by `"dataencoding": "base64"` in the metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Event, EventError, EventParts, Level, Limits, parse_time};

/// Why something is not a CloudEvent. Attributes are called by their CloudEvents names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudEventError {
    /// Not JSON, or no object.
    #[error("a CloudEvent must be a JSON object: {0}")]
    Syntax(String),
    /// A required attribute is not there.
    #[error("`{0}` is missing: CloudEvents need `specversion`, `id`, `source` and `type`")]
    Missing(&'static str),
    /// An attribute has a value that it must not have.
    #[error("`{attribute}` {problem}")]
    Wrong {
        /// Which.
        attribute: String,
        /// As the end of a sentence that begins with the attribute.
        problem: String,
    },
    /// What came out is no event of ours.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl CloudEventError {
    /// The attribute or field that is to be mended, where it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            CloudEventError::Syntax(_) => None,
            CloudEventError::Missing(attribute) => Some(attribute),
            CloudEventError::Wrong { attribute, .. } => Some(attribute),
            CloudEventError::Event(error) => error.field(),
        }
    }

    fn wrong(attribute: impl Into<String>, problem: impl Into<String>) -> Self {
        CloudEventError::Wrong {
            attribute: attribute.into(),
            problem: problem.into(),
        }
    }
}

/// Reads a CloudEvent in JSON form (`application/cloudevents+json`, or one element of a batch).
///
/// # Errors
/// Names the attribute that is wrong.
pub fn from_structured(json: &[u8], limits: &Limits) -> Result<Event, CloudEventError> {
    if json.len() > limits.event_bytes {
        return Err(EventError::TooLarge {
            bytes: json.len(),
            limit: limits.event_bytes,
        }
        .into());
    }
    let members: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(json).map_err(|error| CloudEventError::Syntax(error.to_string()))?;
    let mut attributes = Vec::new();
    let (mut data, mut base64) = (None, None);
    for (name, raw) in &members {
        match name.as_ref() {
            "data" => data = Some(raw.get()),
            "data_base64" => base64 = Some(raw.get()),
            name => match serde_json::from_str::<Value>(raw.get()) {
                Ok(Value::String(text)) => attributes.push((name, text)),
                Ok(Value::Bool(_) | Value::Number(_)) => attributes.push((name, raw.get().to_owned())),
                // A null attribute is one that is not there (CloudEvents JSON format, section 2.2).
                Ok(Value::Null) => {}
                _ => return Err(CloudEventError::wrong(name, "must be a string, a number or a boolean")),
            },
        }
    }
    match (data, base64) {
        (Some(_), Some(_)) => Err(CloudEventError::wrong("data_base64", "must not stand beside `data`")),
        (_, Some(base64)) if !base64.starts_with('"') => Err(CloudEventError::wrong("data_base64", "must be a string")),
        (_, Some(base64)) => build(attributes, base64.to_owned(), true, limits),
        (data, None) => build(attributes, data.unwrap_or_default().to_owned(), false, limits),
    }
}

/// Reads a CloudEvent in HTTP binary mode: `headers` are the `ce-` headers without that prefix, in lower case, and
/// `data` is the body, whose media type is `content_type`.
///
/// # Errors
/// Names the attribute that is wrong.
pub fn from_binary<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
    content_type: Option<&str>,
    data: &[u8],
    limits: &Limits,
) -> Result<Event, CloudEventError> {
    let mut attributes: Vec<(&str, String)> = headers
        .into_iter()
        .map(|(name, value)| (name, percent_decode(value)))
        .collect();
    if let Some(content_type) = content_type {
        attributes.push(("datacontenttype", content_type.to_owned()));
    }
    let media_type = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    let (payload, base64) = match std::str::from_utf8(data) {
        Ok("") => (String::new(), false),
        Ok(text) if is_json => (text.to_owned(), false),
        Ok(text) => (Value::from(text).to_string(), false),
        Err(_) => (Value::from(BASE64_STANDARD.encode(data)).to_string(), true),
    };
    build(attributes, payload, base64, limits)
}

fn build(
    attributes: Vec<(&str, String)>,
    payload: String,
    base64: bool,
    limits: &Limits,
) -> Result<Event, CloudEventError> {
    let mut parts = EventParts {
        payload,
        ..EventParts::default()
    };
    let mut metadata = serde_json::Map::new();
    let mut version = None;
    for (name, value) in attributes {
        match name {
            "specversion" => version = Some(value),
            "id" => parts.id = value,
            "source" => parts.source = value,
            "type" => parts.kind = value,
            "subject" => parts.subject = Some(value),
            "message" => parts.message = value,
            "correlationid" => parts.correlation_id = Some(value),
            "level" => {
                parts.level = value
                    .parse::<Level>()
                    .map_err(|error| CloudEventError::wrong("level", error.to_string()))?
            }
            "time" => {
                parts.time = Some(
                    parse_time(&value)
                        .ok_or_else(|| CloudEventError::wrong("time", "must be RFC 3339, between 1970 and 2554"))?,
                );
            }
            // CloudEvents 1.0, section 3.1: names are lower-case letters and digits.
            name if name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && !name.is_empty() =>
            {
                metadata.insert(name.to_owned(), Value::from(value));
            }
            name => {
                return Err(CloudEventError::wrong(
                    name,
                    "is no attribute name: only lower-case letters and digits",
                ));
            }
        }
    }
    match version.as_deref() {
        None => return Err(CloudEventError::Missing("specversion")),
        Some("1.0") => {}
        Some(_) => return Err(CloudEventError::wrong("specversion", "must be \"1.0\"")),
    }
    for (name, value) in [("id", &parts.id), ("source", &parts.source), ("type", &parts.kind)] {
        if value.is_empty() {
            return Err(CloudEventError::Missing(name));
        }
    }
    if base64 {
        metadata.insert("dataencoding".to_owned(), Value::from("base64"));
    }
    if !metadata.is_empty() {
        parts.metadata = Value::Object(metadata).to_string();
    }
    Ok(parts.build(limits)?)
}

/// Header values are percent-encoded where they are not printable ASCII (CloudEvents HTTP binding, section 3.1.3.2).
fn percent_decode(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%')
            .then(|| value.get(at + 1..at + 3))
            .flatten()
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(code) => {
                decoded.push(code);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
