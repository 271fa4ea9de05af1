//! What kinds of values stand in a workload's events, for engines that must be told before.

use std::collections::HashMap;

use anyhow::Result;
use serde_json::Value;

use crate::workload::Events;

/// Several kinds, each a bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const TEXT: Kinds = Kinds(1);
    pub(crate) const WHOLE: Kinds = Kinds(2);
    pub(crate) const BROKEN: Kinds = Kinds(4);
    pub(crate) const TRUTH: Kinds = Kinds(8);
    pub(crate) const NULL: Kinds = Kinds(16);
    pub(crate) const OBJECT: Kinds = Kinds(32);
    pub(crate) const LIST: Kinds = Kinds(64);
    pub(crate) const LIST_IN_LIST: Kinds = Kinds(128);

    pub(crate) fn with(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub(crate) fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }
}

/// By path, with dots between the names. What is in a list counts at the list's own path.
#[derive(Default)]
pub(crate) struct Shape(HashMap<String, Kinds>);

impl Shape {
    /// Of all events.
    ///
    /// # Errors
    /// An event that is not JSON.
    pub(crate) fn of(events: &Events) -> Result<Shape> {
        let mut shape = Shape::default();
        let mut path = String::new();
        for event in events.iter() {
            shape.add(&serde_json::from_slice(event)?, &mut path, false);
        }
        Ok(shape)
    }

    /// What stands at a path; nothing if it was never seen.
    pub(crate) fn at(&self, path: &str) -> Kinds {
        self.0.get(path).copied().unwrap_or_default()
    }

    fn add(&mut self, value: &Value, path: &mut String, listed: bool) {
        let kind = match value {
            Value::Null => Kinds::NULL,
            Value::Bool(_) => Kinds::TRUTH,
            Value::Number(number) if number.is_i64() => Kinds::WHOLE,
            Value::Number(_) => Kinds::BROKEN,
            Value::String(_) => Kinds::TEXT,
            Value::Array(_) if listed => Kinds::LIST_IN_LIST,
            Value::Array(_) => Kinds::LIST,
            Value::Object(_) => Kinds::OBJECT,
        };
        match self.0.get_mut(path.as_str()) {
            Some(kinds) => *kinds = kinds.with(kind),
            None => drop(self.0.insert(path.clone(), kind)),
        }
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| self.add(element, path, true)),
            Value::Object(members) => {
                for (name, member) in members {
                    let end = path.len();
                    if end > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    self.add(member, path, false);
                    path.truncate(end);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_found_in_lists_and_objects() {
        let mut events = Events::default();
        events.push(br#"{"a": [{"b": 1}, {"b": "x"}], "c": [[true]]}"#);
        events.push(br#"{"a": {"b": 1.5}}"#);
        let shape = Shape::of(&events).unwrap();
        assert_eq!(shape.at("a"), Kinds::LIST.with(Kinds::OBJECT));
        assert_eq!(shape.at("a.b"), Kinds::WHOLE.with(Kinds::TEXT).with(Kinds::BROKEN));
        assert_eq!(shape.at("c"), Kinds::LIST.with(Kinds::LIST_IN_LIST).with(Kinds::TRUTH));
        assert_eq!(shape.at("d"), Kinds::default());
    }
}
