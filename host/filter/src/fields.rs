//! What a pattern needs of an event.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The top-level fields of an event, looked up by name.
///
/// A pattern asks only for [`Pattern::roots`](crate::Pattern::roots), and stops asking once it is decided, so an event
/// may parse its larger parts when first asked for them.
pub trait Fields {
    /// The field of that name; `None` if the event has none.
    fn field(&self, name: &str) -> Option<FieldValue<'_>>;
}

/// The value of a top-level field.
#[derive(Clone, Debug)]
pub enum FieldValue<'a> {
    /// A plain string, for which no tree need be built.
    Text(Cow<'a, str>),
    /// Anything.
    Tree(&'a Value),
}

impl Fields for Map<String, Value> {
    fn field(&self, name: &str) -> Option<FieldValue<'_>> {
        self.get(name).map(FieldValue::Tree)
    }
}
