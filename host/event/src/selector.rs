//! Which texts of an event a redactor is given.

use std::fmt;

use crate::walk::Form;

/// Fields that may be redacted. The others steer the router, and it must be able to rely on them.
const ROOTS: [&str; 6] = ["source", "message", "subject", "correlation_id", "metadata", "payload"];

/// Those that hold more than a plain text.
const NESTING: [&str; 2] = ["metadata", "payload"];

/// Sets of dotted paths such as `message`, `payload.user.email`, `payload.*.name` and `payload.**`: `*` stands for one
/// name, `**` at the end for any number of them, also for none. Array elements share the path of their array.
///
/// One set is that of texts. Numbers, and the names of objects, are only given where they are asked for: a number as its
/// JSON text, which an edit turns into a JSON string; a name with the path of its object, which an edit gives another name.
#[derive(Clone, PartialEq, Eq)]
pub struct TextSelector {
    texts: Paths,
    numbers: Paths,
    keys: Paths,
}

/// A set of paths.
#[derive(Clone, Default, PartialEq, Eq)]
struct Paths(Vec<Vec<Segment>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Name(String),
    One,
    Many,
}

/// How much of a top-level field is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    Nothing,
    Everything,
    Some,
}

/// How much of each kind of text is selected below a top-level field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) texts: Coverage,
    pub(crate) numbers: Coverage,
    pub(crate) keys: Coverage,
}

/// A path that selects nothing an event has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` {problem}")]
pub struct SelectorError {
    /// As it was written.
    pub path: String,
    /// As the end of a sentence that begins with the path.
    pub problem: String,
}

impl TextSelector {
    /// Compiles the paths of texts; no numbers and no names of objects.
    ///
    /// # Errors
    /// One error per wrong path.
    pub fn new<P: AsRef<str>>(paths: &[P]) -> Result<TextSelector, Vec<SelectorError>> {
        Ok(TextSelector {
            texts: Paths::new(paths, &ROOTS)?,
            numbers: Paths::default(),
            keys: Paths::default(),
        })
    }

    /// The same with the numbers at these paths, which are those of `metadata` and `payload`.
    ///
    /// # Errors
    /// One error per wrong path.
    pub fn with_numbers<P: AsRef<str>>(self, paths: &[P]) -> Result<TextSelector, Vec<SelectorError>> {
        let numbers = Paths::new(paths, &NESTING)?;
        Ok(TextSelector { numbers, ..self })
    }

    /// The same with the names of the objects at these paths, which are those of `metadata` and `payload`.
    ///
    /// # Errors
    /// One error per wrong path.
    pub fn with_keys<P: AsRef<str>>(self, paths: &[P]) -> Result<TextSelector, Vec<SelectorError>> {
        let keys = Paths::new(paths, &NESTING)?;
        Ok(TextSelector { keys, ..self })
    }

    pub(crate) fn wanted(&self, root: &str) -> Wanted {
        Wanted {
            texts: self.texts.coverage(root),
            numbers: self.numbers.coverage(root),
            keys: self.keys.coverage(root),
        }
    }

    /// Whether a text of this form at these names is selected.
    pub(crate) fn selects<S: AsRef<str>>(&self, form: Form, names: &[S]) -> bool {
        let paths = match form {
            Form::Text { .. } => &self.texts,
            Form::Number => &self.numbers,
            Form::Key { .. } => &self.keys,
        };
        paths.select(names)
    }
}

impl Wanted {
    pub(crate) fn is_nothing(self) -> bool {
        [self.texts, self.numbers, self.keys] == [Coverage::Nothing; 3]
    }

    pub(crate) fn of(self, form: Form) -> Coverage {
        match form {
            Form::Text { .. } => self.texts,
            Form::Number => self.numbers,
            Form::Key { .. } => self.keys,
        }
    }
}

impl Paths {
    fn new<P: AsRef<str>>(paths: &[P], roots: &[&str]) -> Result<Paths, Vec<SelectorError>> {
        let mut errors = Vec::new();
        let mut patterns = Vec::new();
        for path in paths {
            match compile(path.as_ref(), roots) {
                Ok(pattern) => patterns.push(pattern),
                Err(problem) => errors.push(SelectorError {
                    path: path.as_ref().to_owned(),
                    problem,
                }),
            }
        }
        if errors.is_empty() {
            Ok(Paths(patterns))
        } else {
            Err(errors)
        }
    }

    fn coverage(&self, root: &str) -> Coverage {
        let mut coverage = Coverage::Nothing;
        for pattern in &self.0 {
            if let [Segment::Name(name), rest @ ..] = pattern.as_slice()
                && name == root
            {
                match rest {
                    [Segment::Many] => return Coverage::Everything,
                    _ => coverage = Coverage::Some,
                }
            }
        }
        coverage
    }

    fn select<S: AsRef<str>>(&self, names: &[S]) -> bool {
        self.0.iter().any(|pattern| {
            let (exact, open) = match pattern.as_slice() {
                [exact @ .., Segment::Many] => (exact, true),
                exact => (exact, false),
            };
            (if open {
                names.len() >= exact.len()
            } else {
                names.len() == exact.len()
            }) && exact.iter().zip(names).all(|(segment, name)| match segment {
                Segment::Name(expected) => expected == name.as_ref(),
                Segment::One | Segment::Many => true,
            })
        })
    }
}

/// What a redactor gets where the configuration says nothing: all free text.
impl Default for TextSelector {
    fn default() -> Self {
        let everything = |root: &str| vec![Segment::Name(root.to_owned()), Segment::Many];
        TextSelector {
            texts: Paths(["message", "metadata", "payload"].map(everything).to_vec()),
            numbers: Paths::default(),
            keys: Paths::default(),
        }
    }
}

impl fmt::Debug for TextSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TextSelector { texts, numbers, keys } = self;
        if numbers.0.is_empty() && keys.0.is_empty() {
            return texts.fmt(f);
        }
        f.debug_struct("TextSelector")
            .field("texts", texts)
            .field("numbers", numbers)
            .field("keys", keys)
            .finish()
    }
}

impl fmt::Debug for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |segment: &Segment| match segment {
            Segment::Name(name) => name.clone(),
            Segment::One => "*".to_owned(),
            Segment::Many => "**".to_owned(),
        };
        let path = |pattern: &Vec<Segment>| pattern.iter().map(text).collect::<Vec<_>>().join(".");
        f.debug_list().entries(self.0.iter().map(path)).finish()
    }
}

fn compile(path: &str, roots: &[&str]) -> Result<Vec<Segment>, String> {
    let mut segments: Vec<Segment> = Vec::new();
    for name in path.split('.') {
        if segments.last() == Some(&Segment::Many) {
            return Err("has names behind `**`, which can only stand at the end".to_owned());
        }
        segments.push(match name {
            "" => return Err("has an empty name between its dots".to_owned()),
            "*" => Segment::One,
            "**" => Segment::Many,
            name => Segment::Name(name.to_owned()),
        });
    }
    match segments.as_slice() {
        [Segment::Name(root), rest @ ..] if roots.contains(&root.as_str()) => {
            if NESTING.contains(&root.as_str()) || matches!(rest, [] | [Segment::Many]) {
                Ok(segments)
            } else {
                Err(format!("goes below `{root}`, which is a plain text"))
            }
        }
        _ => Err(format!(
            "must begin with a field that may be redacted: {}",
            roots.join(", ")
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn selects_by_names_and_wildcards() {
        let selector = TextSelector::new(&["message", "payload.user.*", "metadata.**"]).unwrap();
        for (path, expected) in [
            ("message", true),
            ("subject", false),
            ("payload.user.email", true),
            ("payload.user", false),
            ("payload.user.email.home", false),
            ("metadata", true),
            ("metadata.a.b.c", true),
        ] {
            assert_eq!(
                selector.texts.select(&path.split('.').collect::<Vec<_>>()),
                expected,
                "{path}"
            );
        }
        assert_eq!(selector.wanted("metadata").texts, Coverage::Everything);
        assert_eq!(selector.wanted("payload").texts, Coverage::Some);
        assert!(selector.wanted("subject").is_nothing());
        let numbers = selector.with_numbers(&["payload.card"]).unwrap();
        assert!(numbers.selects(Form::Number, &["payload", "card"]));
        assert!(!numbers.selects(Form::Number, &["payload"]));
        assert!(!numbers.selects(
            Form::Key {
                escaped: false,
                object: 0
            },
            &["payload", "card"]
        ));
        assert_eq!(numbers.wanted("payload").keys, Coverage::Nothing);
    }

    #[test]
    fn refuses_paths_that_cannot_be_redacted_all_at_once() {
        let errors = TextSelector::new(&["level", "message.x", "payload.**.x", "payload..x"]).unwrap_err();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "`level` must begin with a field that may be redacted: source, message, subject, correlation_id, metadata, payload",
                "`message.x` goes below `message`, which is a plain text",
                "`payload.**.x` has names behind `**`, which can only stand at the end",
                "`payload..x` has an empty name between its dots",
            ]
        );
        for errors in [
            TextSelector::default().with_numbers(&["message", "payload.x"]),
            TextSelector::default().with_keys(&["message", "payload.x"]),
        ] {
            assert_eq!(
                errors.unwrap_err()[0].to_string(),
                "`message` must begin with a field that may be redacted: metadata, payload"
            );
        }
    }
}
