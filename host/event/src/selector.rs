//! Which text fields of an event a redactor is given.

use std::fmt;

/// Fields that may be redacted. The others steer the router, and it must be able to rely on them.
const ROOTS: [&str; 6] = ["source", "message", "subject", "correlation_id", "metadata", "payload"];

/// A set of dotted paths such as `message`, `payload.user.email`, `payload.*.name` and `payload.**`: `*` stands for one
/// name, `**` at the end for any number of them, also for none. Array elements share the path of their array.
#[derive(Clone, PartialEq, Eq)]
pub struct TextSelector {
    patterns: Vec<Vec<Segment>>,
}

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
    /// Compiles paths.
    ///
    /// # Errors
    /// One error per wrong path.
    pub fn new<P: AsRef<str>>(paths: &[P]) -> Result<TextSelector, Vec<SelectorError>> {
        let mut errors = Vec::new();
        let mut patterns = Vec::new();
        for path in paths {
            match compile(path.as_ref()) {
                Ok(pattern) => patterns.push(pattern),
                Err(problem) => errors.push(SelectorError {
                    path: path.as_ref().to_owned(),
                    problem,
                }),
            }
        }
        if errors.is_empty() {
            Ok(TextSelector { patterns })
        } else {
            Err(errors)
        }
    }

    pub(crate) fn coverage(&self, root: &str) -> Coverage {
        let mut coverage = Coverage::Nothing;
        for pattern in &self.patterns {
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

    /// Whether a text at these names is selected.
    pub(crate) fn selects<S: AsRef<str>>(&self, names: &[S]) -> bool {
        self.patterns.iter().any(|pattern| {
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
            patterns: ["message", "metadata", "payload"].map(everything).to_vec(),
        }
    }
}

impl fmt::Debug for TextSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |segment: &Segment| match segment {
            Segment::Name(name) => name.clone(),
            Segment::One => "*".to_owned(),
            Segment::Many => "**".to_owned(),
        };
        f.debug_list()
            .entries(
                self.patterns
                    .iter()
                    .map(|pattern| pattern.iter().map(text).collect::<Vec<_>>().join(".")),
            )
            .finish()
    }
}

fn compile(path: &str) -> Result<Vec<Segment>, String> {
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
        [Segment::Name(root), rest @ ..] if ROOTS.contains(&root.as_str()) => {
            let nests = matches!(root.as_str(), "metadata" | "payload");
            if nests || matches!(rest, [] | [Segment::Many]) {
                Ok(segments)
            } else {
                Err(format!("goes below `{root}`, which is a plain text"))
            }
        }
        _ => Err(format!(
            "must begin with a field that may be redacted: {}",
            ROOTS.join(", ")
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
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
                selector.selects(&path.split('.').collect::<Vec<_>>()),
                expected,
                "{path}"
            );
        }
        assert_eq!(selector.coverage("metadata"), Coverage::Everything);
        assert_eq!(selector.coverage("payload"), Coverage::Some);
        assert_eq!(selector.coverage("subject"), Coverage::Nothing);
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
    }
}
