//! Any answer of a redactor: it is refused, or it leaves a sound event whose other fields are as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_event::{Edit, Edits, Event, Limits, TextBatch, TextSelector};

fuzz_target!(|input: (Vec<(u8, u8, u8, u8)>, String, Vec<u8>)| {
    let (rows, text, bytes) = input;
    let json = serde_json::json!({"id": "1", "type": "t", "message": text, "payload": {"a": [text, 1], "b\"": "plain"}});
    let Ok(event) = Event::parse(json.to_string().into(), &Limits::default()) else { return };
    let mut batch = TextBatch::default();
    let everything = TextSelector::default().with_numbers(&["payload.**"]).and_then(|texts| texts.with_keys(&["payload.**"]));
    batch.push(0, &event, &everything.expect("paths of numbers and names"));
    let edit = |(text, start, length, bytes_end): &(u8, u8, u8, u8)| Edit {
        text: u32::from(*text),
        start: u32::from(*start),
        end: u32::from(*start) + u32::from(*length),
        label: 0,
        bytes_end: u32::from(*bytes_end),
    };
    let edits = Edits { labels: vec!["x".to_owned()], edits: rows.iter().map(edit).collect(), bytes };
    let mut events = [event.clone()];
    match batch.apply(&edits, &mut events) {
        Err(_) => assert_eq!(events[0], event),
        Ok(()) => {
            let again = Event::parse(events[0].json().clone(), &Limits::default()).expect("edits leave an event");
            assert_eq!(again.parts(), events[0].parts());
            assert_eq!((again.id(), again.kind(), again.time()), (event.id(), event.kind(), event.time()));
        }
    }
});
