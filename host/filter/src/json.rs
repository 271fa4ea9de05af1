//! Reads JSON into a [`Source`].

use serde_json::value::RawValue;

use crate::limits::{MAX_DEPTH, MAX_TEXT_BYTES};
use crate::mistake::Mistake;
use crate::source::{Key, Source, SourceValue, too_deep, too_large};

/// See [`Source::from_json`].
pub(crate) fn read(text: &str) -> Result<Source, Mistake> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(too_large(0..text.len()));
    }
    serde_json::from_str::<&RawValue>(text).map_err(|error| {
        // Reading into a tree says more precisely what is wrong.
        let precise = serde_json::from_str::<serde_json::Value>(text).err();
        not_json(text, 0, &precise.unwrap_or(error))
    })?;
    let mut walk = Walk { text, at: 0 };
    walk.next();
    walk.value(1)
}

/// A walk through text that is known to be JSON: nothing in it can be wrong but the escapes of strings, and
/// punctuation need only be skipped.
struct Walk<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Walk<'t> {
    fn value(&mut self, depth: usize) -> Result<Source, Mistake> {
        let start = self.at;
        if depth > MAX_DEPTH {
            let rest = self.text.get(start..).unwrap_or_default();
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            values.next();
            return Err(too_deep(start..start.saturating_add(values.byte_offset())));
        }
        let below = depth.saturating_add(1);
        let value = match self.byte() {
            Some(b'{') => {
                let mut members = Vec::new();
                self.at = self.at.saturating_add(1);
                while self.next().is_some_and(|byte| byte != b'}') {
                    let start = self.at;
                    let name = self.string()?;
                    let span = start..self.at;
                    self.next();
                    members.push((Key { name, span }, self.value(below)?));
                }
                self.at = self.at.saturating_add(1);
                SourceValue::Object(members)
            }
            Some(b'[') => {
                let mut items = Vec::new();
                self.at = self.at.saturating_add(1);
                while self.next().is_some_and(|byte| byte != b']') {
                    items.push(self.value(below)?);
                }
                self.at = self.at.saturating_add(1);
                SourceValue::Array(items)
            }
            Some(b'"') => SourceValue::String(self.string()?),
            _ => match self.word() {
                "true" => SourceValue::Bool(true),
                "false" => SourceValue::Bool(false),
                "null" => SourceValue::Null,
                number => SourceValue::Number(number.to_owned()),
            },
        };
        Ok(Source {
            value,
            span: start..self.at,
        })
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of the next key or value, or of the bracket that closes.
    fn next(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n' | b',' | b':')) {
            self.at = self.at.saturating_add(1);
        }
        self.byte()
    }

    fn string(&mut self) -> Result<String, Mistake> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = self.at.saturating_add(1);
            match self.byte() {
                Some(b'\\') => {
                    escaped = true;
                    self.at = self.at.saturating_add(1);
                }
                Some(b'"') | None => break,
                Some(_) => {}
            }
        }
        self.at = self.at.saturating_add(1);
        let quoted = self.text.get(start..self.at).unwrap_or_default();
        match quoted.get(1..quoted.len().saturating_sub(1)) {
            Some(plain) if !escaped => Ok(plain.to_owned()),
            _ => serde_json::from_str(quoted).map_err(|error| not_json(self.text, start, &error)),
        }
    }

    /// A number, or the name of a constant.
    fn word(&mut self) -> &'t str {
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
        // At least one byte, so that no text can hold the walk up.
        self.at = start.saturating_add(end.max(1));
        rest.get(..end).unwrap_or_default()
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
