//! Taking texts out of events and putting edits back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tests"
)]

use patchpanel_event::{Edit, EditError, Edits, Event, Limits, TextBatch, TextSelector};
use proptest::prelude::*;
use serde_json::{Value, json};

fn event(value: &Value) -> Event {
    Event::parse(value.to_string().into(), &Limits::default()).unwrap()
}

fn texts(batch: &TextBatch) -> Vec<(String, String)> {
    let bytes = std::str::from_utf8(batch.bytes()).unwrap();
    let mut start = 0;
    let mut take = |end: u32| bytes[std::mem::replace(&mut start, end as usize)..end as usize].to_owned();
    batch
        .texts()
        .iter()
        .map(|text| (batch.paths()[text.path as usize].clone(), take(text.end)))
        .collect()
}

/// Replaces every occurrence of `needle` in every text.
fn replace_all(batch: &TextBatch, needle: &str, with: &str) -> Edits {
    let mut edits = Edits {
        labels: vec!["word".into()],
        ..Edits::default()
    };
    for (index, (_, text)) in texts(batch).iter().enumerate() {
        for (start, _) in text.match_indices(needle) {
            edits.bytes.extend_from_slice(with.as_bytes());
            edits.edits.push(Edit {
                text: index as u32,
                start: start as u32,
                end: (start + needle.len()) as u32,
                label: 0,
                bytes_end: edits.bytes.len() as u32,
            });
        }
    }
    edits
}

fn batch(events: &[Event], selector: &TextSelector) -> TextBatch {
    let mut batch = TextBatch::default();
    for (index, event) in events.iter().enumerate() {
        batch.push(index, event, selector);
    }
    batch
}

#[test]
fn selected_texts_go_out_unescaped_and_edits_come_back_escaped() {
    let first = event(
        &json!({"id": "SECRET", "type": "t", "time": "2026-01-31T12:00:00Z", "message": "a SECRET and SECRET",
        "payload": {"k": ["SECRET", 1, {"x": "\"SECRET\" é"}]}, "subject": "SECRET"}),
    );
    let second = event(&json!({"type": "t"}));
    let third = event(&json!({"type": "t", "message": "SECRET"}));
    let mut events = [first, second, third];
    let batch = batch(&events, &TextSelector::default());
    assert_eq!(
        texts(&batch),
        [
            ("message".into(), "a SECRET and SECRET".into()),
            ("payload.k".into(), "SECRET".into()),
            ("payload.k.x".into(), "\"SECRET\" é".into()),
            ("message".to_owned(), "SECRET".to_owned()),
        ]
    );
    let untouched = events[1].json().clone();
    batch
        .apply(&replace_all(&batch, "SECRET", "\"\n"), &mut events)
        .unwrap();
    let value: Value = serde_json::from_slice(events[0].json()).unwrap();
    assert_eq!(
        value,
        json!({"id": "SECRET", "type": "t", "time": "2026-01-31T12:00:00Z", "message": "a \"\n and \"\n",
               "payload": {"k": ["\"\n", 1, {"x": "\"\"\n\" é"}]}, "subject": "SECRET"})
    );
    assert_eq!(events[0].message().unwrap(), "a \"\n and \"\n");
    assert_eq!(events[0].kind(), "t");
    assert_eq!(events[1].json(), &untouched);
    assert_eq!(events[2].message().unwrap(), "\"\n");
}

#[test]
fn answers_to_single_events_add_up_to_one_for_all() {
    let events: Vec<Event> = ["a SECRET", "nothing", "SECRET, ä SECRET"]
        .iter()
        .map(|text| event(&json!({"type": "t", "message": text, "payload": {"x": text, "y": [text]}})))
        .collect();
    let whole = batch(&events, &TextSelector::default());
    let parts = whole.by_event();
    assert_eq!(parts.len(), 3);
    let (mut sum, mut count) = (Edits::default(), 0);
    for part in &parts {
        let answer = replace_all(part, "SECRET", "[hidden]");
        part.check(&answer).unwrap();
        sum.append(&answer, count);
        count += part.texts().len();
    }
    assert_eq!(sum, replace_all(&whole, "SECRET", "[hidden]"));
    assert_eq!(parts.iter().flat_map(texts).collect::<Vec<_>>(), texts(&whole));
    let mut more = Edits::default();
    let other = Edits {
        labels: vec!["other".into()],
        ..replace_all(&parts[0], "SECRET", "!")
    };
    more.append(&replace_all(&parts[0], "SECRET", "[hidden]"), 0);
    more.append(&other, 3);
    let labels: Vec<u32> = more.edits.iter().map(|edit| edit.label).collect();
    assert_eq!(
        (more.labels.as_slice(), labels),
        (&["word".to_owned(), "other".to_owned()][..], vec![0, 0, 0, 1, 1, 1])
    );
}

#[test]
fn wrong_answers_are_refused_whole() {
    let mut events = [
        event(&json!({"type": "t", "message": "añb"})),
        event(&json!({"type": "t", "message": "xyz"})),
    ];
    let before = events.clone();
    let batch = batch(&events, &TextSelector::default());
    let edit = |text, start, end, label, bytes_end| Edit {
        text,
        start,
        end,
        label,
        bytes_end,
    };
    let cases = [
        (vec![edit(0, 0, 1, 0, 1), edit(2, 0, 1, 0, 1)], EditError::OutOfRange(1)),
        (vec![edit(1, 0, 4, 0, 1)], EditError::OutOfRange(0)),
        (vec![edit(1, 0, 1, 1, 1)], EditError::OutOfRange(0)),
        (vec![edit(1, 0, 1, 0, 9)], EditError::OutOfRange(0)),
        (vec![edit(1, 0, 1, 0, 1), edit(0, 0, 1, 0, 1)], EditError::OutOfOrder(1)),
        (vec![edit(1, 0, 2, 0, 1), edit(1, 1, 3, 0, 2)], EditError::OutOfOrder(1)),
        (vec![edit(1, 2, 1, 0, 1)], EditError::OutOfOrder(0)),
        (vec![edit(1, 0, 1, 0, 2), edit(1, 1, 2, 0, 1)], EditError::OutOfOrder(1)),
        (vec![edit(0, 2, 3, 0, 1)], EditError::SplitsCharacter(0)),
    ];
    for (edits, expected) in cases {
        let edits = Edits {
            labels: vec!["l".into()],
            edits,
            bytes: b"##".to_vec(),
        };
        assert_eq!(batch.apply(&edits, &mut events).unwrap_err(), expected);
        assert_eq!(events, before);
    }
    let edits = Edits {
        labels: vec!["l".into()],
        edits: vec![edit(0, 0, 1, 0, 1)],
        bytes: vec![0xff],
    };
    assert_eq!(batch.apply(&edits, &mut events).unwrap_err(), EditError::NotUtf8);
}

fn everything() -> TextSelector {
    let all = ["payload.**", "metadata.**"];
    TextSelector::new(&all)
        .unwrap()
        .with_numbers(&all)
        .unwrap()
        .with_keys(&all)
        .unwrap()
}

fn redacted(payload: &str, selector: &TextSelector, needle: &str, with: &str) -> String {
    let json = format!(r#"{{"type":"t","payload":{payload}}}"#);
    let mut events = [Event::parse(json.into(), &Limits::default()).unwrap()];
    let batch = batch(&events, selector);
    batch.apply(&replace_all(&batch, needle, with), &mut events).unwrap();
    events[0].payload().unwrap().to_owned()
}

#[test]
fn numbers_and_names_are_given_where_they_are_asked_for() {
    let events = [event(
        &json!({"type": "t", "payload": {"card": 4111, "a": {"b@c": [-1.5, "x"]}}}),
    )];
    let some = TextSelector::new(&["payload.a.**"])
        .unwrap()
        .with_numbers(&["payload.card"])
        .unwrap()
        .with_keys(&["payload.a"])
        .unwrap();
    let own = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let mut found = texts(&batch(&events, &some));
    found.sort();
    assert_eq!(
        found,
        [
            own("payload.a", "b@c"),
            own("payload.a.b@c", "x"),
            own("payload.card", "4111")
        ]
    );
    assert_eq!(texts(&batch(&events, &everything())).len(), 6);
    // Also where answers come event by event.
    let parts = batch(&events, &everything()).by_event();
    assert_eq!(texts(&parts[0]), texts(&batch(&events, &everything())));
}

#[test]
fn an_edited_number_becomes_a_text() {
    let all = everything();
    for (payload, expected) in [
        (r#"{"n": 4111 , "m":[-41e1]}"#, r#"{"n": "~11" , "m":["-~e1"]}"#),
        ("411", r#""~1""#),
        (r#"["41", 14]"#, r#"["~", 14]"#),
    ] {
        assert_eq!(redacted(payload, &all, "41", "~"), expected);
    }
    assert_eq!(redacted("[41]", &TextSelector::default(), "41", "~"), "[41]");
}

#[test]
fn no_member_is_lost_to_a_name_that_is_taken() {
    let all = everything();
    for (payload, expected) in [
        (r#"{"aX":1,"b":{"X":2}}"#, r#"{"a~":1,"b":{"~":2}}"#),
        (r#"{"X":1,"XX":2,"~":3}"#, r#"{"~-2":1,"~~":2,"~":3}"#),
        (r#"{"~":0,"X":1,"~-2":2,"X":3}"#, r#"{"~":0,"~-3":1,"~-2":2,"~-4":3}"#),
        (r#"{"aX":{"bX":"X"},"a~":1}"#, r#"{"a~-2":{"b~":"~"},"a~":1}"#),
        (r#"[{"X":1},{"X":2}]"#, r#"[{"~":1},{"~":2}]"#),
        (r#"{"\u0058\n":1}"#, r#"{"~\u000a":1}"#),
        // What nobody edits stays, as it was.
        (r#"{"a":1,"a":2,"X":3}"#, r#"{"a":1,"a":2,"~":3}"#),
    ] {
        assert_eq!(redacted(payload, &all, "X", "~"), expected);
    }
    let many: Vec<String> = (0..5_000)
        .map(|number| format!(r#""{}":{number}"#, "X".repeat(number % 50 + 1)))
        .collect();
    let payload = redacted(&format!("{{{}}}", many.join(",")), &all, "X", "");
    let members: serde_json::Map<String, Value> = serde_json::from_str(&payload).unwrap();
    assert_eq!(members.len(), 5_000);
}

#[test]
fn labels_are_counted_for_each_event() {
    let events = ["X and X", "none", "X"].map(|text| event(&json!({"type": "t", "message": text})));
    let batch = batch(&events, &TextSelector::default());
    let counts = batch.counts(&replace_all(&batch, "X", ""));
    assert_eq!(counts, [(0, [(0, 2)].into()), (2, [(0, 1)].into())]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = "[a-cX\"\\\\\n\u{e9}\u{1f600}{}\\[\\],: ]{0,12}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"\\\\\u{e9}]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What the edits must come to, said on the tree.
fn replaced(value: &Value, with: &str) -> Value {
    match value {
        Value::String(text) => Value::from(text.replace('X', with)),
        Value::Array(items) => items.iter().map(|item| replaced(item, with)).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), replaced(value, with)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The same with numbers, which become texts, and with names; `None` where some of those meet.
fn replaced_everywhere(value: &Value, needle: &str, with: &str) -> Option<Value> {
    Some(match value {
        Value::String(text) => text.replace(needle, with).into(),
        Value::Number(number) if number.to_string().contains(needle) => number.to_string().replace(needle, with).into(),
        Value::Array(items) => {
            let items = items.iter().map(|item| replaced_everywhere(item, needle, with));
            items.collect::<Option<Vec<Value>>>()?.into()
        }
        Value::Object(members) => {
            let mut new = serde_json::Map::new();
            for (name, value) in members {
                let value = replaced_everywhere(value, needle, with)?;
                if new.insert(name.replace(needle, with), value).is_some() {
                    return None;
                }
            }
            new.into()
        }
        other => other.clone(),
    })
}

/// How many values there are, whatever they are called.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// With names that meet once they are edited.
fn any_named() -> impl Strategy<Value = Value> {
    any_json().prop_recursive(3, 24, 5, |inner| {
        prop::collection::btree_map("[aX1\\\\-]{0,3}", inner, 0..5)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn numbers_and_names_never_break_json_and_nothing_is_lost(
        payload in any_named(),
        needle in "[X1-9]",
        with in "[a1\"\\\\-]{0,2}",
        pretty: bool,
    ) {
        let value = json!({"id": "1", "time": "2026-01-31T12:00:00Z", "type": "tX1", "payload": payload, "level": "error"});
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let mut events = [Event::parse(text.unwrap().into(), &Limits::default()).unwrap()];
        let batch = batch(&events, &everything());
        batch.apply(&replace_all(&batch, &needle, &with), &mut events).unwrap();
        let read: Value = serde_json::from_str(events[0].payload().unwrap()).unwrap();
        prop_assert_eq!(size(&read), size(&payload));
        if let Some(expected) = replaced_everywhere(&payload, &needle, &with) {
            prop_assert_eq!(read, expected);
        }
        let again = Event::parse(events[0].json().clone(), &Limits::default()).unwrap();
        prop_assert_eq!(again.parts(), events[0].parts());
        prop_assert_eq!(again.kind(), "tX1");
    }

    #[test]
    fn redaction_never_breaks_json_and_changes_nothing_else(payloads in prop::collection::vec(any_json(), 1..4), with in "[X\"\\\\\n\u{e9}b]{0,4}", pretty: bool) {
        let build = |payload: &Value| {
            let value = json!({"id": "X1", "time": "2026-01-31T12:00:00Z", "type": "tX", "payload": payload, "level": "error"});
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            Event::parse(text.unwrap().into(), &Limits::default()).unwrap()
        };
        let mut events: Vec<Event> = payloads.iter().map(build).collect();
        let batch = batch(&events, &TextSelector::default());
        batch.apply(&replace_all(&batch, "X", &with), &mut events).unwrap();
        for (event, payload) in events.iter().zip(&payloads) {
            let read: Value = serde_json::from_str(event.payload().unwrap()).unwrap();
            prop_assert_eq!(read, replaced(payload, &with));
            prop_assert_eq!(event.id(), "X1");
            prop_assert_eq!(event.kind(), "tX");
            // The places of the fields moved along: a fresh reading agrees.
            let again = Event::parse(event.json().clone(), &Limits::default()).unwrap();
            prop_assert_eq!(again.json(), event.json());
            prop_assert_eq!(again.parts(), event.parts());
        }
    }
}
