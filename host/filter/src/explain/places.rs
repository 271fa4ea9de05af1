//! What stands in the event at a path, lists resolved into their elements.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::fields::{FieldValue, Fields};
use crate::matcher::Scalar;

/// One end of a path. A path through lists has many.
pub(super) struct Place<'e> {
    /// The way there, such as `people[1].name`.
    pub(super) at: String,
    /// Never a list, but for an empty one; `None` where nothing stands.
    pub(super) value: Option<Cow<'e, Value>>,
    /// Whether it is an element of a list.
    pub(super) is_element: bool,
}

impl Place<'_> {
    pub(super) fn scalar(&self) -> Option<Scalar<'_>> {
        self.value.as_deref().and_then(Scalar::of)
    }

    pub(super) fn object(&self) -> Option<&Map<String, Value>> {
        self.value.as_deref().and_then(Value::as_object)
    }
}

/// The way from `prefix` along `path`, dotted.
pub(super) fn joined(prefix: &str, path: &[Box<str>]) -> String {
    let mut joined = prefix.to_owned();
    for name in path {
        if !joined.is_empty() {
            joined.push('.');
        }
        joined.push_str(name);
    }
    joined
}

/// All ends of `path`, in the order of the event, at least one. `prefix` is the way to `object`, and the path must not
/// be empty.
pub(super) fn places<'e>(object: &'e dyn Fields, prefix: &str, path: &[Box<str>]) -> Vec<Place<'e>> {
    let mut found = Vec::new();
    if let Some((name, rest)) = path.split_first() {
        let value = object.field(name).map(|field| match field {
            FieldValue::Text(text) => Cow::Owned(Value::from(text.into_owned())),
            FieldValue::Tree(value) => Cow::Borrowed(value),
        });
        let at = joined(prefix, std::slice::from_ref(name));
        walk(at, value, false, rest, &mut found);
    }
    found
}

fn walk<'e>(
    at: String,
    value: Option<Cow<'e, Value>>,
    is_element: bool,
    path: &[Box<str>],
    found: &mut Vec<Place<'e>>,
) {
    if let Some(Cow::Borrowed(Value::Array(elements))) = value
        && !elements.is_empty()
    {
        for (index, element) in elements.iter().enumerate() {
            walk(
                format!("{at}[{index}]"),
                Some(Cow::Borrowed(element)),
                true,
                path,
                found,
            );
        }
        return;
    }
    let Some((name, rest)) = path.split_first() else {
        found.push(Place { at, value, is_element });
        return;
    };
    let member = match value {
        Some(Cow::Borrowed(Value::Object(object))) => object.get(&**name).map(Cow::Borrowed),
        _ => None,
    };
    walk(joined(&at, std::slice::from_ref(name)), member, false, rest, found);
}
