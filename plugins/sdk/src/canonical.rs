//! One spelling for all spellings of a value, to be hashed or compared.

use crate::event::push_string;
use crate::{Event, Path};
use std::borrow::Cow;

/// What these paths of an event hold, in one text: equal for two events if and only if all of it is equal, however its JSON
/// is spelled. To be hashed.
#[must_use]
pub fn fingerprint(event: &Event, paths: &[Path]) -> String {
    let mut out = String::new();
    for path in paths {
        if let Some(json) = path.json(event) {
            value(&mut Text(&json), &mut out);
        }
        // No canonical JSON holds a line break, so nothing can pass for two values.
        out.push('\n');
    }
    out
}

/// The same value without white space, its names sorted and its texts escaped in one way. Of a name that is there twice,
/// the last one counts. Numbers stay as they are spelled: `1` and `1.0` differ, as do numbers beyond any machine's.
///
/// `json` has to be JSON, as all is that an event holds.
#[must_use]
pub fn canonical_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    value(&mut Text(json), &mut out);
    out
}

/// What is still to be read.
struct Text<'j>(&'j str);

impl<'j> Text<'j> {
    /// The first character that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.0 = self.0.trim_ascii_start();
        self.0.as_bytes().first().copied()
    }

    fn take(&mut self, bytes: usize) -> &'j str {
        let (taken, rest) = self.0.split_at_checked(bytes).unwrap_or((self.0, ""));
        self.0 = rest;
        taken
    }

    /// A string with its quotes.
    fn string(&mut self) -> &'j str {
        let mut escaped = false;
        let end = self.0.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        self.take(end.map_or(self.0.len(), |end| end + 2))
    }

    fn scalar(&mut self) -> &'j str {
        let end = self.0.find([',', ']', '}', ' ', '\t', '\n', '\r']);
        self.take(end.unwrap_or(self.0.len()))
    }
}

/// Reads one value and appends it. Nothing that is not JSON comes here, so what would be wrong is passed over.
fn value(text: &mut Text<'_>, out: &mut String) {
    match text.peek() {
        Some(b'{') => {
            let mut members: Vec<(Cow<'_, str>, String)> = Vec::new();
            while !matches!(text.peek(), None | Some(b'}')) {
                text.take(1);
                if text.peek() == Some(b'}') {
                    break;
                }
                let name = unescaped(text.string());
                text.peek();
                text.take(1);
                let mut inner = String::new();
                value(text, &mut inner);
                members.push((name, inner));
            }
            text.take(1);
            // A stable sort leaves the last of equals behind the others.
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let before = out.len();
            for (index, (name, inner)) in members.iter().enumerate() {
                if members.get(index + 1).is_some_and(|(next, _)| next == name) {
                    continue;
                }
                out.push(if out.len() == before { '{' } else { ',' });
                push_string(out, name);
                out.push(':');
                out.push_str(inner);
            }
            if out.len() == before {
                out.push('{');
            }
            out.push('}');
        }
        Some(b'[') => {
            out.push('[');
            let before = out.len();
            while !matches!(text.peek(), None | Some(b']')) {
                text.take(1);
                if text.peek() == Some(b']') {
                    break;
                }
                if out.len() > before {
                    out.push(',');
                }
                value(text, out);
            }
            text.take(1);
            out.push(']');
        }
        Some(b'"') => push_string(out, &unescaped(text.string())),
        _ => out.push_str(text.scalar()),
    }
}

fn unescaped(string: &str) -> Cow<'_, str> {
    let inner = string.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Cow::Borrowed(inner),
        _ => serde_json::from_str(string).map_or(Cow::Borrowed(string), Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn there_is_one_spelling() {
        for (json, expected) in [
            ("null", "null"),
            (" [ ] ", "[]"),
            ("{ }", "{}"),
            (
                r#"{"b": 1.10, "a" : [ {"d":"\u0041\n", "c":-1e5} , true ] }"#,
                r#"{"a":[{"c":-1e5,"d":"A\n"},true],"b":1.10}"#,
            ),
            (r#"{"a":1,"b":2,"a":{"x":[]}}"#, r#"{"a":{"x":[]},"b":2}"#),
            (r#"{"\"":"\\","\\":"\""}"#, r#"{"\"":"\\","\\":"\""}"#),
            ("\"\\\\\"", "\"\\\\\""),
            ("[[[],{}],\"]\",[\"}\"]]", "[[[],{}],\"]\",[\"}\"]]"),
            (
                "[12345678901234567890123,\n12345678901234567890124]",
                "[12345678901234567890123,12345678901234567890124]",
            ),
        ] {
            assert_eq!(canonical_json(json), expected);
            assert_eq!(canonical_json(expected), expected);
        }
    }

    #[test]
    fn it_is_the_same_value() {
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        fn make(next: &mut impl FnMut(u64) -> u64, depth: u32) -> Value {
            match next(if depth == 0 { 4 } else { 6 }) {
                0 => json!(next(1000)),
                1 => Value::Null,
                2 => json!(
                    ["", "a\"b", "\\", "ü\u{1}\n", "{", "],"]
                        .get(usize::try_from(next(6)).unwrap())
                        .unwrap()
                ),
                3 => json!(next(2) == 0),
                4 => (0..next(4)).map(|_| make(next, depth - 1)).collect(),
                _ => {
                    let names = ["a", "\"", "\\\\", "{", "ü"];
                    let name = |at: u64| names.get(usize::try_from(at).unwrap()).unwrap().to_string();
                    (0..next(4)).map(|_| (name(next(5)), make(next, depth - 1))).collect()
                }
            }
        }
        for _ in 0..2_000 {
            let value = make(&mut next, 4);
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let canonical = canonical_json(&pretty);
            assert_eq!(canonical, canonical_json(&value.to_string()));
            assert_eq!(serde_json::from_str::<Value>(&canonical).unwrap(), value);
        }
    }

    #[test]
    fn a_fingerprint_tells_nothing_from_null_and_one_value_from_two() {
        let event = |metadata: &str| Event {
            metadata: metadata.to_owned(),
            ..Event::new("1", "t")
        };
        let paths = ["metadata.a", "metadata.b"].map(|path| Path::parse(path).unwrap());
        let of = |metadata: &str| fingerprint(&event(metadata), &paths);
        assert_eq!(
            of(r#"{"b": 1, "a": {"y": 1, "x": 2}}"#),
            of(r#"{"a":{"x":2,"y":1},"b":1}"#)
        );
        let different = [
            of("{}"),
            of(r#"{"a":null}"#),
            of(r#"{"b":null}"#),
            of(r#"{"a":"1"}"#),
            of(r#"{"a":1}"#),
        ];
        for (index, one) in different.iter().enumerate() {
            assert!(!different.iter().skip(index + 1).any(|other| one == other), "{one:?}");
        }
    }
}
