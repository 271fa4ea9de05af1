use std::borrow::Cow;
use std::cell::OnceCell;

use patchpanel_event::Event;
use patchpanel_filter::{FieldValue, Fields};
use serde_json::Value;

/// An event as filters see it. Plain fields are read in place; nested ones are parsed when a filter first asks for them,
/// once for all filters.
pub struct EventFields<'e> {
    event: &'e Event,
    channels: OnceCell<Option<Value>>,
    metadata: OnceCell<Option<Value>>,
    payload: OnceCell<Option<Value>>,
}

impl<'e> EventFields<'e> {
    /// The fields of this event.
    pub fn new(event: &'e Event) -> Self {
        EventFields {
            event,
            channels: OnceCell::new(),
            metadata: OnceCell::new(),
            payload: OnceCell::new(),
        }
    }
}

/// The text is JSON that was checked at the door, and no deeper than serde_json goes.
fn tree(cell: &OnceCell<Option<Value>>, text: impl FnOnce() -> Option<Value>) -> Option<FieldValue<'_>> {
    cell.get_or_init(text).as_ref().map(FieldValue::Tree)
}

fn parse(text: Option<&str>) -> Option<Value> {
    serde_json::from_str(text?).ok()
}

impl Fields for EventFields<'_> {
    fn field(&self, name: &str) -> Option<FieldValue<'_>> {
        let event = self.event;
        let text = match name {
            "type" => event.kind(),
            "level" => Cow::Borrowed(event.level().as_str()),
            "source" => event.source()?,
            "subject" => event.subject()?,
            "message" => event.message()?,
            "correlation_id" => event.correlation_id()?,
            "id" => event.id(),
            "time" => event.time_text(),
            "payload" => return tree(&self.payload, || parse(event.payload())),
            "metadata" => return tree(&self.metadata, || parse(event.metadata())),
            "channels" => {
                return tree(&self.channels, || {
                    event.names_channels().then(|| Value::from(event.channels()))
                });
            }
            _ => return None,
        };
        Some(FieldValue::Text(text))
    }
}
