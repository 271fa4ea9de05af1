//! The text of a pattern as a tree that remembers where everything stood.

use std::ops::Range;

use serde_json::value::RawValue;

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
        if text.len() > MAX_TEXT_BYTES {
            return Err(too_large(0..text.len()));
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
            // Reading into a tree says more precisely what is wrong.
            let precise = serde_json::from_str::<serde_json::Value>(text).err();
            not_json(text, 0, &precise.unwrap_or(error))
        })?;
        read(text, raw, 1)
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

    /// Bytes of all names and scalars together, and the first place that is nested too deep.
    pub(crate) fn measure(&self) -> (usize, Option<Range<usize>>) {
        let mut bytes = 0_usize;
        let mut deep = None;
        let mut open = vec![(self, 1_usize)];
        while let Some((source, depth)) = open.pop() {
            if depth > MAX_DEPTH {
                deep = Some(source.span.clone());
                continue;
            }
            match &source.value {
                SourceValue::Null | SourceValue::Bool(_) => bytes = bytes.saturating_add(4),
                SourceValue::Number(text) | SourceValue::String(text) => bytes = bytes.saturating_add(text.len()),
                SourceValue::Array(items) => open.extend(items.iter().map(|item| (item, depth.saturating_add(1)))),
                SourceValue::Object(members) => {
                    for (key, value) in members {
                        bytes = bytes.saturating_add(key.name.len());
                        open.push((value, depth.saturating_add(1)));
                    }
                }
            }
        }
        (bytes, deep)
    }
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

/// Where `part`, a slice of `text`, stands in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start.saturating_add(part.len())
}

fn read(text: &str, raw: &RawValue, depth: usize) -> Result<Source, Mistake> {
    let part = raw.get();
    let span = place(text, part);
    if depth > MAX_DEPTH {
        return Err(too_deep(span));
    }
    let below = depth.saturating_add(1);
    let broken = |error: serde_json::Error| not_json(text, span.start, &error);
    let value = match part.as_bytes().first() {
        Some(b'{') => {
            let mut object = Vec::new();
            for (key, value) in members(part).map_err(broken)? {
                let key = Key {
                    name: serde_json::from_str(key.get()).map_err(broken)?,
                    span: place(text, key.get()),
                };
                object.push((key, read(text, value, below)?));
            }
            SourceValue::Object(object)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(part).map_err(broken)?;
            let items = items.into_iter().map(|item| read(text, item, below));
            SourceValue::Array(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => SourceValue::String(serde_json::from_str(part).map_err(broken)?),
        Some(b't') => SourceValue::Bool(true),
        Some(b'f') => SourceValue::Bool(false),
        Some(b'n') => SourceValue::Null,
        _ => SourceValue::Number(part.to_owned()),
    };
    Ok(Source { value, span })
}

/// The keys and values of an object whose text is known to be JSON: what is left to do is to skip its punctuation.
fn members(object: &str) -> Result<Vec<(&RawValue, &RawValue)>, serde_json::Error> {
    let mut members = Vec::new();
    let mut rest = object.strip_prefix('{').unwrap_or(object);
    let mut key = None;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', ':']);
        if rest.is_empty() || rest.starts_with('}') {
            return Ok(members);
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let Some(value) = values.next().transpose()? else {
            return Ok(members);
        };
        rest = rest.get(values.byte_offset()..).unwrap_or_default();
        match key.take() {
            None => key = Some(value),
            Some(key) => members.push((key, value)),
        }
    }
}

/// A JSON error in the part of `text` that starts at `start`.
fn not_json(text: &str, start: usize, error: &serde_json::Error) -> Mistake {
    let part = text.get(start..).unwrap_or_default();
    let lines_before = part.split_inclusive('\n').take(error.line().saturating_sub(1));
    let line_start: usize = lines_before.map(str::len).sum();
    let at = start
        .saturating_add(line_start)
        .saturating_add(error.column().saturating_sub(1));
    let at = at.min(text.len());
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    Mistake {
        span: at..at.saturating_add(1).min(text.len()).max(at),
        path: String::new(),
        message: format!("not JSON: {said}"),
        help: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "{ \"a\\u0062\" : [1, -2.50e1 ,true,null, \"x\\n\"],\n\t\"é\":{}, \"é\": false}";
        let source = Source::from_json(text).unwrap();
        assert_eq!(&text[source.span], text);
        let SourceValue::Object(members) = source.value else {
            unreachable!()
        };
        let seen: Vec<_> = members
            .iter()
            .map(|(key, value)| (key.name.as_str(), &text[key.span.clone()], &text[value.span.clone()]))
            .collect();
        assert_eq!(
            seen,
            [
                ("ab", "\"a\\u0062\"", "[1, -2.50e1 ,true,null, \"x\\n\"]"),
                ("é", "\"é\"", "{}"),
                ("é", "\"é\"", "false"),
            ]
        );
        let SourceValue::Array(items) = &members[0].1.value else {
            unreachable!()
        };
        let values: Vec<_> = items.iter().map(|item| item.value.clone()).collect();
        assert_eq!(
            values,
            [
                SourceValue::Number("1".to_owned()),
                SourceValue::Number("-2.50e1".to_owned()),
                SourceValue::Bool(true),
                SourceValue::Null,
                SourceValue::String("x\n".to_owned()),
            ]
        );
        assert_eq!(&text[items[1].span.clone()], "-2.50e1");
    }

    #[test]
    fn broken_json_is_placed() {
        for (text, span, message) in [
            ("", 0..0, "not JSON: EOF while parsing a value"),
            ("{\"a\": [1}", 8..9, "not JSON: expected `,` or `]`"),
            ("{\n  \"a\": [nul]\n}", 13..14, "not JSON: expected ident"),
            (
                "{\"a\": [\"\\ud800\"]}",
                14..15,
                "not JSON: unexpected end of hex escape",
            ),
        ] {
            let mistake = Source::from_json(text).unwrap_err();
            assert_eq!((mistake.message.as_str(), mistake.span), (message, span), "{text}");
        }
    }

    #[test]
    fn depth_and_size_are_limited() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Source::from_json(&nested(MAX_DEPTH)).is_ok());
        let mistake = Source::from_json(&nested(MAX_DEPTH + 1)).unwrap_err();
        assert_eq!(mistake.message, "the pattern is nested deeper than 32 levels");
        assert!(Source::from_json(&nested(30_000)).is_err());
        let text = format!("\"{}\"", "x".repeat(MAX_TEXT_BYTES - 2));
        assert!(Source::from_json(&text).is_ok());
        let mistake = Source::from_json(&format!("{text} ")).unwrap_err();
        assert_eq!(mistake.message, "the pattern is larger than 65536 bytes");
    }
}
