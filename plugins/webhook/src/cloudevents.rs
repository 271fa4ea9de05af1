//! The event as a CloudEvent 1.0, as the router reads it too: level, message and correlation id are extension attributes,
//! and so is what metadata can be one.

use http::{HeaderMap, HeaderName, HeaderValue};
use patchpanel_plugin::Event;
use serde_json::{Map, Value};

/// What a CloudEvent without a source is from: the specification wants one.
const SOURCE: &str = "patchpanel";

/// Attributes in order. Metadata that is no text, number or boolean, or whose name no attribute can have, is left out.
fn attributes(event: &Event) -> Vec<(String, Value)> {
    let source = if event.source.is_empty() { SOURCE } else { &event.source };
    let mut attributes: Vec<(String, Value)> = Vec::new();
    let mut add = |name: &str, value: Value| {
        if !attributes.iter().any(|(known, _)| known == name) {
            attributes.push((name.to_owned(), value));
        }
    };
    add("specversion", "1.0".into());
    add("id", event.id.as_str().into());
    add("source", source.into());
    add("type", event.type_.as_str().into());
    add("time", event.rfc3339().into());
    add("level", event.level.as_str().into());
    let texts = [
        ("subject", event.subject.as_deref()),
        ("message", Some(event.message.as_str())),
        ("correlationid", event.correlation_id.as_deref()),
    ];
    for (name, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            add(name, text.into());
        }
    }
    for (name, value) in event.metadata_json() {
        if is_name(&name) && matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
            add(&name, value);
        }
    }
    attributes
}

/// CloudEvents, "Naming conventions". Those of the HTTP binding and of data are not for extensions.
fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=20).contains(&name.len())
        && name.bytes().all(inside)
        && !matches!(
            name,
            "data" | "subject" | "message" | "correlationid" | "datacontenttype" | "dataschema"
        )
}

/// The structured mode: all in one JSON object.
pub(crate) fn structured(event: &Event) -> String {
    let mut object: Map<String, Value> = attributes(event).into_iter().collect();
    let payload = event.payload_json();
    if !payload.is_null() {
        object.insert("datacontenttype".to_owned(), "application/json".into());
        object.insert("data".to_owned(), payload);
    }
    Value::Object(object).to_string()
}

/// The binary mode: attributes become headers, the payload is the body.
pub(crate) fn binary(event: &Event, headers: &mut HeaderMap) -> String {
    for (name, value) in attributes(event) {
        let text = match value {
            Value::String(text) => text,
            value => value.to_string(),
        };
        let name = HeaderName::try_from(format!("ce-{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(encoded(&text))) {
            headers.insert(name, value);
        }
    }
    if event.payload == "null" {
        String::new()
    } else {
        event.payload.clone()
    }
}

/// CloudEvents HTTP binding, section 3.1.3.2: what is not printable ASCII, and space, quote and percent sign, as bytes.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'%') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    fn sample() -> Event {
        Event {
            message: "50 %\r\nx-evil: ü".to_owned(),
            correlation_id: Some("c".to_owned()),
            metadata: r#"{"tenant": "acme", "Not-A-Name": 1, "deep": {}, "id": "other", "subject": "s", "n": 1}"#
                .to_owned(),
            payload: r#"{"a": [1]}"#.to_owned(),
            ..Event::new("e", "a.b")
        }
    }

    #[test]
    fn structured_is_one_object() {
        let value: Value = serde_json::from_str(&structured(&sample())).unwrap();
        assert_eq!(
            value,
            json!({
                "specversion": "1.0", "id": "e", "source": "patchpanel", "type": "a.b", "time": "1970-01-01T00:00:00Z",
                "level": "info", "message": "50 %\r\nx-evil: ü", "correlationid": "c", "tenant": "acme", "n": 1,
                "datacontenttype": "application/json", "data": {"a": [1]}
            })
        );
        let bare: Value = serde_json::from_str(&structured(&Event::new("e", "t"))).unwrap();
        assert!(bare.get("data").is_none() && bare.get("datacontenttype").is_none());
    }

    #[test]
    fn binary_headers_hold_no_lines() {
        let mut headers = HeaderMap::new();
        assert_eq!(binary(&sample(), &mut headers), r#"{"a": [1]}"#);
        assert_eq!(headers.get("ce-message").unwrap(), "50%20%25%0D%0Ax-evil:%20%C3%BC");
        assert_eq!(headers.get("ce-tenant").unwrap(), "acme");
        assert_eq!(headers.len(), 10);
    }
}
