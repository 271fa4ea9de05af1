//! The text of a pattern as a tree that remembers where everything stood.

use std::ops::Range;

use crate::json;
use crate::limits::{MAX_DEPTH, MAX_TEXT_BYTES};
use crate::mistake::Mistake;

/// A JSON-like tree with the byte place of every key and value in the text it came from.
///
/// JSON is read by [`Source::from_json`]. Whoever reads another format (TOML, say) builds the tree and fills in the
/// spans of that text; the spans are only ever repeated in a [`Mistake`].
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// What stands there.
    pub value: SourceValue,
    /// Where it stands, in bytes, quotes and brackets included.
    pub span: Range<usize>,
}

/// A value in a [`Source`].
#[derive(Clone, Debug, PartialEq)]
pub enum SourceValue {
    /// `null`; TOML has none.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as JSON spells it (`-1`, `2.50`, `1e9`): the text, so that reading it loses nothing.
    Number(String),
    /// A string, without quotes and escapes.
    String(String),
    /// A list.
    Array(Vec<Source>),
    /// An object, in the order of the text and with repeated keys kept, so that they can be refused.
    Object(Vec<(Key, Source)>),
}

/// The name of an object's member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The name, without quotes and escapes.
    pub name: String,
    /// Where it stands, in bytes, quotes included.
    pub span: Range<usize>,
}

impl Source {
    /// Reads JSON.
    ///
    /// # Errors
    /// Text that is not JSON, that is larger than [`MAX_TEXT_BYTES`], or nested deeper than [`MAX_DEPTH`]. This is one
    /// mistake, not a list: past a broken bracket nothing reliable can be said.
    ///
    /// ```
    /// use patchpanel_filter::Source;
    ///
    /// let text = r#"{"type": ["git.commit",]}"#;
    /// let mistake = Source::from_json(text).unwrap_err();
    /// assert_eq!(mistake.span, 23..24);
    /// assert_eq!(mistake.message, "not JSON: trailing comma");
    /// ```
    pub fn from_json(text: &str) -> Result<Source, Mistake> {
        json::read(text)
    }

    /// The kind of value, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            SourceValue::Null => "null",
            SourceValue::Bool(_) => "a boolean",
            SourceValue::Number(_) => "a number",
            SourceValue::String(_) => "a string",
            SourceValue::Array(_) => "a list",
            SourceValue::Object(_) => "an object",
        }
    }

    /// A scalar as JSON, for advice that can be pasted.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        match &self.value {
            SourceValue::Null => Some("null".to_owned()),
            SourceValue::Bool(flag) => Some(flag.to_string()),
            SourceValue::Number(text) => Some(text.clone()),
            SourceValue::String(text) => serde_json::to_string(text).ok(),
            SourceValue::Array(_) | SourceValue::Object(_) => None,
        }
    }

    pub(crate) fn measure(&self) -> Measure {
        let mut measure = Measure::default();
        self.add_to(&mut measure, 1);
        measure
    }

    fn add_to(&self, measure: &mut Measure, depth: usize) {
        if depth > MAX_DEPTH {
            measure.too_deep.get_or_insert_with(|| self.span.clone());
            return;
        }
        measure.values = measure.values.saturating_add(1);
        measure.depth = measure.depth.max(depth);
        let below = depth.saturating_add(1);
        let bytes = match &self.value {
            SourceValue::Null | SourceValue::Bool(_) => 4,
            SourceValue::Number(text) | SourceValue::String(text) => text.len(),
            SourceValue::Array(items) => {
                items.iter().for_each(|item| item.add_to(measure, below));
                0
            }
            SourceValue::Object(members) => {
                members.iter().for_each(|(_, value)| value.add_to(measure, below));
                members.iter().map(|(key, _)| key.name.len()).sum()
            }
        };
        measure.bytes = measure.bytes.saturating_add(bytes);
    }
}

/// How large a tree is.
#[derive(Debug, Default)]
pub(crate) struct Measure {
    /// Of all names and scalars together.
    pub(crate) bytes: usize,
    /// Objects, lists and scalars.
    pub(crate) values: usize,
    /// Of the deepest value within the limit.
    pub(crate) depth: usize,
    /// The first value past the limit.
    pub(crate) too_deep: Option<Range<usize>>,
}

pub(crate) fn too_large(span: Range<usize>) -> Mistake {
    Mistake {
        span,
        path: String::new(),
        message: format!("the pattern is larger than {MAX_TEXT_BYTES} bytes"),
        help: Some("split it over several subscriptions".to_owned()),
    }
}

pub(crate) fn too_deep(span: Range<usize>) -> Mistake {
    Mistake {
        span,
        path: String::new(),
        message: format!("the pattern is nested deeper than {MAX_DEPTH} levels"),
        help: Some("write paths as dotted keys, such as \"payload.user.id\"".to_owned()),
    }
}
