//! Comparing strings: without regard to case, and with stars.

use crate::limits::MAX_WILDCARD_STARS;

/// Text that is compared without regard to case.
///
/// Character by character: a value's character fits if it is the pattern's character or what Unicode's locale-free
/// upper- or lower-casing makes of it (`ß` fits `SS`). Nothing is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caseless {
    text: Box<str>,
    ascii: bool,
}

impl Caseless {
    pub(crate) fn new(text: &str) -> Caseless {
        Caseless {
            text: text.into(),
            ascii: text.is_ascii(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn equals(&self, value: &str) -> bool {
        if self.ascii {
            return self.text.eq_ignore_ascii_case(value);
        }
        self.after_start(value).is_some_and(str::is_empty)
    }

    pub(crate) fn starts(&self, value: &str) -> bool {
        self.after_start(value).is_some()
    }

    pub(crate) fn ends(&self, value: &str) -> bool {
        if self.ascii {
            let start = value.len().checked_sub(self.text.len());
            let tail = start.and_then(|start| value.get(start..));
            return tail.is_some_and(|tail| tail.eq_ignore_ascii_case(&self.text));
        }
        let mut characters = self.text.chars().rev();
        characters.try_fold(value, before_character).is_some()
    }

    fn after_start<'v>(&self, value: &'v str) -> Option<&'v str> {
        if self.ascii {
            let (head, rest) = value.split_at_checked(self.text.len())?;
            return head.eq_ignore_ascii_case(&self.text).then_some(rest);
        }
        self.text.chars().try_fold(value, after_character)
    }
}

fn after_character(value: &str, character: char) -> Option<&str> {
    value
        .strip_prefix(character)
        .or_else(|| {
            character
                .to_lowercase()
                .try_fold(value, |rest, lower| rest.strip_prefix(lower))
        })
        .or_else(|| {
            character
                .to_uppercase()
                .try_fold(value, |rest, upper| rest.strip_prefix(upper))
        })
}

fn before_character(value: &str, character: char) -> Option<&str> {
    value
        .strip_suffix(character)
        .or_else(|| {
            character
                .to_lowercase()
                .rev()
                .try_fold(value, |rest, lower| rest.strip_suffix(lower))
        })
        .or_else(|| {
            character
                .to_uppercase()
                .rev()
                .try_fold(value, |rest, upper| rest.strip_suffix(upper))
        })
}

/// Text in which a `*` stands for any run of characters, the empty one too.
///
/// Kept as the literal parts between the stars, so that matching only ever moves forward through the value: no text
/// can make it slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wildcard {
    first: Box<str>,
    /// Between two stars, never empty.
    middle: Box<[Box<str>]>,
    /// After the last star; `None` if there is no star.
    last: Option<Box<str>>,
}

/// Why some text is not a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WildcardError {
    ConsecutiveStars,
    UnknownEscape,
    TooManyStars,
}

impl Wildcard {
    pub(crate) fn parse(text: &str) -> Result<Wildcard, WildcardError> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '*' => {
                    if characters.peek() == Some(&'*') {
                        return Err(WildcardError::ConsecutiveStars);
                    }
                    parts.push(std::mem::take(&mut part).into_boxed_str());
                }
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => part.push(escaped),
                    _ => return Err(WildcardError::UnknownEscape),
                },
                plain => part.push(plain),
            }
        }
        if parts.len() > MAX_WILDCARD_STARS {
            return Err(WildcardError::TooManyStars);
        }
        let mut parts = parts.into_iter();
        Ok(match parts.next() {
            None => Wildcard {
                first: part.into(),
                middle: Box::default(),
                last: None,
            },
            Some(first) => Wildcard {
                first,
                middle: parts.collect(),
                last: Some(part.into()),
            },
        })
    }

    /// What stands before the first star, or all of it.
    pub(crate) fn first(&self) -> &str {
        &self.first
    }

    /// What stands between stars.
    pub(crate) fn middle(&self) -> &[Box<str>] {
        &self.middle
    }

    /// What stands after the last star; `None` if there is no star.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }

    pub(crate) fn matches(&self, value: &str) -> bool {
        let Some(last) = &self.last else {
            return *self.first == *value;
        };
        let between = value
            .strip_prefix(&*self.first)
            .and_then(|rest| rest.strip_suffix(&**last));
        let mut parts = self.middle.iter();
        // The leftmost place of each part leaves the most room for the next.
        between.is_some_and(|between| {
            parts
                .try_fold(between, |rest, part| rest.split_once(&**part).map(|(_, rest)| rest))
                .is_some()
        })
    }

    /// The text that parses to this wildcard.
    pub(crate) fn text(&self) -> String {
        let escape = |part: &str| part.replace('\\', "\\\\").replace('*', "\\*");
        let mut text = escape(&self.first);
        for part in self.middle.iter().chain(&self.last) {
            text.push('*');
            text.push_str(&escape(part));
        }
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_character_by_character() {
        for (pattern, value, equals, starts, ends) in [
            ("", "", true, true, true),
            ("", "x", false, true, true),
            ("Ec2", "eC2", true, true, true),
            ("Ec2", "eC2x", false, true, false),
            ("Ec2", "xEC2", false, false, true),
            ("Ec2", "ec", false, false, false),
            ("É", "é", true, true, true),
            ("straße", "STRASSE", true, true, true),
            ("aé", "xxAÉ", false, false, true),
            ("a", "é", false, false, false),
            ("é", "e", false, false, false),
            ("ǅ", "ǅ", true, true, true),
            ("ǅ", "ǆ", true, true, true),
        ] {
            let caseless = Caseless::new(pattern);
            assert_eq!(
                (caseless.equals(value), caseless.starts(value), caseless.ends(value)),
                (equals, starts, ends),
                "{pattern} {value}"
            );
        }
    }

    #[test]
    fn wildcards() {
        for (pattern, value, expected) in [
            ("", "", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("*ab*ba*", "aba", false),
            ("*ab*ba*", "abba", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\\\*", "a\\x", true),
            ("*\\**", "x*y", true),
            ("*\\**", "xy", false),
            ("é*é", "é--é", true),
        ] {
            let wildcard = Wildcard::parse(pattern).unwrap();
            assert_eq!(wildcard.matches(value), expected, "{pattern} {value}");
            assert_eq!(wildcard.text(), pattern);
        }
    }

    #[test]
    fn wildcard_mistakes() {
        let many = "a*".repeat(MAX_WILDCARD_STARS + 1);
        for (pattern, expected) in [
            ("a**b", WildcardError::ConsecutiveStars),
            ("a\\b", WildcardError::UnknownEscape),
            ("a\\", WildcardError::UnknownEscape),
            (many.as_str(), WildcardError::TooManyStars),
        ] {
            assert_eq!(Wildcard::parse(pattern), Err(expected), "{pattern}");
        }
    }
}
