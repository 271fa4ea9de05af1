//! Any bytes at the door: an event that is accepted is JSON, reads back the same, and gives its texts away whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_event::{Event, Limits, TextBatch, TextSelector, from_structured};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let _ = from_structured(bytes, &limits);
    let Ok(event) = Event::parse(bytes.to_vec().into(), &limits) else { return };
    assert!(serde_json::from_slice::<serde_json::Value>(event.json()).is_ok());
    let again = Event::parse(event.json().clone(), &limits).expect("an accepted event is an event");
    assert_eq!(again.parts(), event.parts());
    let mut batch = TextBatch::default();
    batch.push(0, &event, &TextSelector::default());
    assert_eq!(batch.texts().last().map_or(0, |text| text.end as usize), batch.bytes().len());
});
