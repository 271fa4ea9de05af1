//! Visits the string values of a JSON text that is known to be valid, and where that is asked for its numbers and the names
//! of its objects, without building a tree.

use std::borrow::Cow;

use crate::event::unquote;

/// Longest joined path that is handed out; longer ones are cut to their last name, so that one long key above many texts
/// cannot cost its length times their number.
const PATH_BYTES: usize = 512;

/// A text: its dotted path, the names the path is made of, and where it stands, without quotes. That of a name is the path
/// of its object.
pub(crate) struct Leaf<'w> {
    pub(crate) path: &'w str,
    pub(crate) names: &'w [Cow<'w, str>],
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) form: Form,
}

/// What a text is in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A string value.
    Text { escaped: bool },
    /// A number.
    Number,
    /// A name in the object that begins there.
    Key { escaped: bool, object: u32 },
}

impl Form {
    pub(crate) fn is_escaped(self) -> bool {
        matches!(self, Form::Text { escaped: true } | Form::Key { escaped: true, .. })
    }
}

/// What is visited beside string values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sight {
    pub(crate) numbers: bool,
    pub(crate) keys: bool,
}

/// Calls `visit` for every string value in the JSON value that begins at `at`, and for what else is in sight, in the order
/// of the text. Returns where that value ends.
pub(crate) fn walk<'j>(
    json: &'j str,
    at: usize,
    root: &'j str,
    sight: Sight,
    visit: &mut dyn FnMut(&Leaf<'_>),
) -> usize {
    let mut names = vec![Cow::Borrowed(root)];
    Walk { json, sight, visit }.value(at, &mut root.to_owned(), &mut names)
}

/// Where the value of the last member of this name stands in the object that begins at `at`.
pub(crate) fn member(json: &str, at: usize, name: &str) -> Option<(usize, usize)> {
    let mut found = None;
    let mut walk = Walk {
        json,
        sight: Sight::default(),
        visit: &mut |_| {},
    };
    walk.members(at, b'}', |walk, at| {
        let (end, _) = walk.string(at);
        let start = walk.skip_space(walk.skip_space(end) + 1);
        let stop = walk.value(start, &mut String::new(), &mut Vec::new());
        if json.get(at..end).and_then(unquote).is_some_and(|known| known == name) {
            found = Some((start, stop));
        }
        stop
    });
    found
}

struct Walk<'j, 'v> {
    json: &'j str,
    sight: Sight,
    visit: &'v mut dyn FnMut(&Leaf<'_>),
}

impl<'j> Walk<'j, '_> {
    fn byte(&self, at: usize) -> u8 {
        self.json.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn skip_space(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), b' ' | b'\t' | b'\n' | b'\r') {
            at += 1;
        }
        at
    }

    /// The end of the string whose opening quote is at `at` (behind the closing quote), and whether it has escapes.
    fn string(&self, at: usize) -> (usize, bool) {
        let bytes = self.json.as_bytes();
        let (mut from, mut escaped) = (at + 1, false);
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(from..).unwrap_or_default()) {
            let place = from + found;
            if self.byte(place) == b'"' {
                return (place + 1, escaped);
            }
            escaped = true;
            from = place + 2;
        }
        (bytes.len(), escaped)
    }

    /// Recursion is as deep as the event, which is limited at the door.
    fn value(&mut self, at: usize, path: &mut String, names: &mut Vec<Cow<'j, str>>) -> usize {
        let at = self.skip_space(at);
        match self.byte(at) {
            b'"' => {
                let (end, escaped) = self.string(at);
                (self.visit)(&Leaf {
                    path,
                    names,
                    start: at + 1,
                    end: end - 1,
                    form: Form::Text { escaped },
                });
                end
            }
            b'{' => self.members(at, b'}', |walk, key| {
                let (end, escaped) = walk.string(key);
                if walk.sight.keys {
                    let object = u32::try_from(at).unwrap_or(u32::MAX);
                    (walk.visit)(&Leaf {
                        path,
                        names,
                        start: key + 1,
                        end: end - 1,
                        form: Form::Key { escaped, object },
                    });
                }
                let name = walk.json.get(key..end).and_then(unquote).unwrap_or_default();
                let colon = walk.skip_space(end);
                let length = path.len();
                let end = if length + name.len() < PATH_BYTES {
                    path.push('.');
                    path.push_str(&name);
                    names.push(name);
                    let end = walk.value(colon + 1, path, names);
                    path.truncate(length);
                    end
                } else {
                    let tail = name.len().saturating_sub(PATH_BYTES / 2);
                    let tail = (tail..name.len())
                        .find(|at| name.is_char_boundary(*at))
                        .unwrap_or(name.len());
                    let mut cut = format!("….{}", name.get(tail..).unwrap_or_default());
                    names.push(name);
                    walk.value(colon + 1, &mut cut, names)
                };
                names.pop();
                end
            }),
            b'[' => self.members(at, b']', |walk, at| walk.value(at, path, names)),
            first => {
                let rest = self.json.as_bytes().get(at..).unwrap_or_default();
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r'));
                let end = at + length.unwrap_or(rest.len());
                if self.sight.numbers && (first == b'-' || first.is_ascii_digit()) {
                    (self.visit)(&Leaf {
                        path,
                        names,
                        start: at,
                        end,
                        form: Form::Number,
                    });
                }
                end
            }
        }
    }

    /// Walks the comma-separated members between the bracket at `at` and `close`.
    fn members(&mut self, at: usize, close: u8, mut member: impl FnMut(&mut Self, usize) -> usize) -> usize {
        let mut at = self.skip_space(at + 1);
        while self.byte(at) != close && at < self.json.len() {
            let end = member(self, at);
            at = self.skip_space(end);
            if self.byte(at) == b',' {
                at = self.skip_space(at + 1);
            }
        }
        at + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(json: &str) -> Vec<String> {
        seen(json, Sight::default())
    }

    fn seen(json: &str, sight: Sight) -> Vec<String> {
        let mut found = Vec::new();
        let end = walk(json, 0, "payload", sight, &mut |leaf| {
            found.push(format!(
                "{}={}",
                leaf.path,
                json.get(leaf.start..leaf.end).unwrap_or_default()
            ));
        });
        assert_eq!(end, json.trim_end().len());
        found
    }

    #[test]
    fn finds_every_string_value_and_no_key() {
        assert_eq!(
            leaves(r#"{ "a" : "x\"y" , "b": [1, "p", [true, {"c\"d": "q"}], {}, []], "n": -1.5e3, "z": null } "#),
            [r#"payload.a=x\"y"#, "payload.b=p", r#"payload.b.c"d=q"#]
        );
        assert_eq!(leaves(r#""\\""#), [r"payload=\\"]);
        assert_eq!(leaves("12"), [""; 0]);
    }

    #[test]
    fn sees_numbers_and_names_where_it_is_to() {
        let json = r#"{ "a" : -1.5e3, "b": [0, true, {"c\"d": null}], "e": "12" } "#;
        let numbers = Sight {
            numbers: true,
            keys: false,
        };
        assert_eq!(seen(json, numbers), ["payload.a=-1.5e3", "payload.b=0", "payload.e=12"]);
        let keys = Sight {
            numbers: false,
            keys: true,
        };
        assert_eq!(
            seen(json, keys),
            [
                "payload=a",
                "payload=b",
                r#"payload.b=c\"d"#,
                "payload=e",
                "payload.e=12"
            ]
        );
        assert_eq!(seen("12 ", numbers), ["payload=12"]);
    }

    #[test]
    fn finds_the_last_member_of_a_name() {
        let json = r#"x{ "a" : {"b": 1}, "b": [2], "\u0062": 3 , "c":""}"#;
        let found = |name| member(json, 1, name).and_then(|(start, end)| json.get(start..end));
        assert_eq!(
            ["a", "b", "c", "d"].map(found),
            [Some(r#"{"b": 1}"#), Some("3"), Some(r#""""#), None]
        );
    }

    #[test]
    fn cuts_paths_that_are_too_long() {
        let long = "k".repeat(600);
        let paths = leaves(&format!(r#"{{"{long}":{{"password":"x"}}}}"#));
        let expected = format!("….{}.password=x", "k".repeat(256));
        assert_eq!(paths, [expected]);
    }
}
