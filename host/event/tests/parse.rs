//! Reading events: what is accepted, what is completed, what is refused and how that is said.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use patchpanel_event::{Event, EventParts, Level, Limits, Patch, from_binary, from_structured};
use serde_json::{Value, json};

fn parse(json: &str) -> Result<Event, String> {
    Event::parse(json.to_owned().into(), &Limits::default()).map_err(|error| error.to_string())
}

#[test]
fn completes_what_is_missing_and_keeps_what_is_there() {
    let event = parse(r#" { "type" : "a.b", "payload": {"x": 1.50} } "#).unwrap();
    let value: Value = serde_json::from_slice(event.json()).unwrap();
    assert_eq!(value["id"], event.id().as_ref());
    assert_eq!(event.id().len(), 36);
    assert_eq!(value["time"], event.time_text().as_ref());
    assert_eq!(
        (event.kind().as_ref(), event.level(), event.payload()),
        ("a.b", Level::Info, Some(r#"{"x": 1.50}"#))
    );
    // A second reading finds nothing to complete.
    assert_eq!(
        Event::parse(event.json().clone(), &Limits::default()).unwrap().json(),
        event.json()
    );
    let whole = r#"{"id":"1","time":"2026-01-31T12:00:00.000000001+02:00","type":"t"}"#;
    let event = parse(whole).unwrap();
    assert_eq!(event.json(), whole);
    assert_eq!(event.time() % 1_000_000_000, 1);
    let partly = parse(r#"{"id":"x","type":"t","level":"critical"}"#).unwrap();
    assert_eq!(
        (partly.id().as_ref(), partly.kind().as_ref(), partly.level()),
        ("x", "t", Level::Critical)
    );
}

#[test]
fn every_refusal_names_the_field_and_the_fix() {
    let deep = format!(r#"{{"type":"t","payload":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let cases = [
        (
            "{}",
            "`type` is missing: write a dotted name such as \"document.created\"",
        ),
        (
            "[1]",
            "an event must be a JSON object such as {\"type\": \"document.created\"}",
        ),
        (
            "\"x\"",
            "an event must be a JSON object such as {\"type\": \"document.created\"}",
        ),
        (
            r#"{"type":"t""#,
            "not valid JSON: EOF while parsing an object at line 1, column 11",
        ),
        (
            r#"{"type":"t"} x"#,
            "not valid JSON: trailing characters at line 1, column 14",
        ),
        (
            r#"{"type":"t","levle":"info"}"#,
            "`levle` is not a field of an event; put it under `metadata` or `payload`, or use one of id, type, source, level, message, time, subject, correlation_id, channels, metadata, payload",
        ),
        (
            r#"{"type":"t","correlationId":"1"}"#,
            "`correlationId` is not a field of an event; did you mean `correlation_id`?",
        ),
        (
            r#"{"type":"t","mesage":"1"}"#,
            "`mesage` is not a field of an event; did you mean `message`?",
        ),
        (r#"{"type":"t","type":"u"}"#, "`type` appears twice"),
        (r#"{"type":7}"#, "`type` must be a string"),
        (r#"{"type":""}"#, "`type` must not be empty"),
        (
            r#"{"type":"t","id":"a\nb"}"#,
            "`id` must not contain control characters",
        ),
        (
            r#"{"type":"t","level":"warn"}"#,
            "`level` must be one of \"debug\", \"info\", \"warning\", \"error\", \"critical\"",
        ),
        (
            r#"{"type":"t","time":"yesterday"}"#,
            "`time` must be RFC 3339 with an offset, between 1970 and 2554, such as \"2026-01-31T12:00:00Z\"",
        ),
        (r#"{"type":"t","metadata":[]}"#, "`metadata` must be an object"),
        (
            r#"{"type":"t","channels":"log"}"#,
            "`channels` must be a list of channel names",
        ),
        (
            r#"{"type":"t","message":"\ud800"}"#,
            "not valid JSON: unexpected end of hex escape at line 1, column 30",
        ),
        (&deep, "the event is nested deeper than the 64 levels that are allowed"),
    ];
    for (json, expected) in cases {
        let message = parse(json).unwrap_err();
        assert_eq!(message, expected, "{json}");
    }
    let error = Event::parse(vec![b'{', b'\n', 0xff].into(), &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "not valid JSON: bytes that are not UTF-8 at line 2, column 1"
    );
    let error = Event::parse(vec![b' '; 2_000_000].into(), &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the event has 2000000 bytes, more than the 1048576 that are allowed"
    );
}

#[test]
fn escaped_names_are_the_same_names() {
    let event = parse(r#"{"ty\u0070e":"caf\u00e9","id":"\ud83d\ude00"}"#).unwrap();
    assert_eq!((event.kind().as_ref(), event.id().as_ref()), ("café", "😀"));
}

#[test]
fn a_patch_replaces_only_what_it_names() {
    let limits = Limits::default();
    let event = parse(
        r#"{"id":"1","time":"2026-01-31T12:00:00Z","type":"t","message":"a \"b\"","subject":"s","payload":[1, 2]}"#,
    )
    .unwrap();
    let patch = Patch {
        message: Some("new".into()),
        metadata: Some(r#"{"k":1}"#.into()),
        ..Patch::default()
    };
    let patched = event.patched(patch, &limits).unwrap();
    let value: Value = serde_json::from_slice(patched.json()).unwrap();
    assert_eq!(
        value,
        json!({"id": "1", "time": "2026-01-31T12:00:00Z", "type": "t", "level": "info", "message": "new", "subject": "s",
               "metadata": {"k": 1}, "payload": [1, 2]})
    );
    let smuggled = Patch {
        payload: Some(r#"1,"level":"debug""#.into()),
        ..Patch::default()
    };
    assert!(
        event
            .patched(smuggled, &limits)
            .unwrap_err()
            .to_string()
            .starts_with("`payload` is not valid JSON")
    );
    let parts = EventParts {
        kind: "t".into(),
        message: "\u{1}\"\\".into(),
        ..EventParts::default()
    };
    assert_eq!(parts.build(&limits).unwrap().message().unwrap(), "\u{1}\"\\");
}

#[test]
fn cloudevents_in_json_form() {
    let limits = Limits::default();
    let json = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"2026-01-31T12:00:00Z","level":"error",
        "correlationid":"c","message":"m","subject":"x","tenant":"acme","sampled":true,"nothing":null,"data":{"n":1.0}}"#;
    let event = from_structured(json.as_bytes(), &limits).unwrap();
    assert_eq!(event.level(), Level::Error);
    assert_eq!(
        (event.payload(), event.metadata()),
        (Some(r#"{"n":1.0}"#), Some(r#"{"sampled":"true","tenant":"acme"}"#))
    );
    assert_eq!(
        (
            event.correlation_id().unwrap().as_ref(),
            event.source().unwrap().as_ref()
        ),
        ("c", "/s")
    );
    for (json, expected) in [
        (
            "[]",
            "a CloudEvent must be a JSON object: invalid type: sequence, expected a map at line 1 column 0",
        ),
        (
            r#"{"specversion":"1.0","source":"s","type":"t"}"#,
            "`id` is missing: CloudEvents need `specversion`, `id`, `source` and `type`",
        ),
        (
            r#"{"id":"1","source":"s","type":"t"}"#,
            "`specversion` is missing: CloudEvents need `specversion`, `id`, `source` and `type`",
        ),
        (
            r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#,
            "`specversion` must be \"1.0\"",
        ),
        (
            r#"{"specversion":"1.0","id":"1","source":"s","type":"t","Bad_Name":"x"}"#,
            "`Bad_Name` is no attribute name: only lower-case letters and digits",
        ),
        (
            r#"{"specversion":"1.0","id":"1","source":"s","type":"t","x":{}}"#,
            "`x` must be a string, a number or a boolean",
        ),
    ] {
        assert_eq!(
            from_structured(json.as_bytes(), &limits).unwrap_err().to_string(),
            expected,
            "{json}"
        );
    }
}

#[test]
fn cloudevents_in_binary_mode() {
    let limits = Limits::default();
    let headers = [
        ("specversion", "1.0"),
        ("id", "1"),
        ("source", "caf%C3%A9"),
        ("type", "t"),
    ];
    let event = from_binary(
        headers,
        Some("application/json; charset=utf-8"),
        br#"{"a":[1]}"#,
        &limits,
    )
    .unwrap();
    assert_eq!(
        (event.source().unwrap().as_ref(), event.payload()),
        ("café", Some(r#"{"a":[1]}"#))
    );
    let event = from_binary(headers, Some("text/plain"), b"say \"hi\"", &limits).unwrap();
    assert_eq!(event.payload(), Some(r#""say \"hi\"""#));
    let event = from_binary(headers, None, &[0xff, 0x00], &limits).unwrap();
    assert_eq!(
        (event.payload(), event.metadata()),
        (Some("\"/wA=\""), Some(r#"{"dataencoding":"base64"}"#))
    );
    assert!(
        from_binary(headers, Some("application/json"), b"{", &limits)
            .unwrap_err()
            .to_string()
            .starts_with("`payload` is not valid JSON")
    );
}
