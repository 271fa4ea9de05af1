//! What is wrong with a pattern, where, and what to do about it.

use std::fmt;
use std::ops::Range;

/// One mistake in a pattern.
///
/// The message is safe to show to whoever wrote the pattern: it repeats only what the pattern itself says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}{}", prefixed(path), suffixed(help.as_deref()))]
pub struct Mistake {
    /// Bytes of the text that are wrong, counted from the start of the text that the pattern came from.
    pub span: Range<usize>,
    /// Dotted path inside the pattern, such as `payload.attempts[0].numeric`; empty for the pattern itself.
    pub path: String,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What to write instead, when there is something useful to say.
    pub help: Option<String>,
}

fn prefixed(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("{path}: ")
    }
}

fn suffixed(help: Option<&str>) -> String {
    help.map(|help| format!(" ({help})")).unwrap_or_default()
}

/// Gathers mistakes while a pattern is read to its end.
#[derive(Default)]
pub(crate) struct Report {
    mistakes: Vec<Mistake>,
}

impl Report {
    /// Notes a mistake. Returns `None` of any type, so that a reader can give up on the one thing it was reading.
    pub(crate) fn refuse<T>(
        &mut self,
        span: &Range<usize>,
        path: &dyn fmt::Display,
        message: impl Into<String>,
    ) -> Option<T> {
        self.mistakes.push(Mistake {
            span: span.clone(),
            path: path.to_string(),
            message: message.into(),
            help: None,
        });
        None
    }

    /// As [`Report::refuse`], with advice.
    pub(crate) fn advise<T>(
        &mut self,
        span: &Range<usize>,
        path: &dyn fmt::Display,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.mistakes.push(Mistake {
            span: span.clone(),
            path: path.to_string(),
            message: message.into(),
            help: Some(help.into()),
        });
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// All mistakes in the order of the text.
    pub(crate) fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|mistake| mistake.span.start);
        self.mistakes
    }
}

/// How alike two names must be before one is suggested for the other.
const ALIKE: f64 = 0.8;

/// The known name that somebody who wrote `name` most likely meant.
pub(crate) fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let name = name.to_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), *candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?", or else all that would have been accepted.
pub(crate) fn suggestion(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("known: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_alike() {
        let known = ["prefix", "suffix", "anything-but"];
        for (name, expected) in [
            ("prefx", Some("prefix")),
            ("Suffix", Some("suffix")),
            ("anything_but", Some("anything-but")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }

    #[test]
    fn reads_as_one_line() {
        let mistake = Mistake {
            span: 0..1,
            path: "type[0]".to_owned(),
            message: "unknown operator `prefx`".to_owned(),
            help: Some("did you mean `prefix`?".to_owned()),
        };
        assert_eq!(
            mistake.to_string(),
            "type[0]: unknown operator `prefx` (did you mean `prefix`?)"
        );
    }
}
