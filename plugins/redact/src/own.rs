//! What the operator looks for: words and patterns of their own.

use crate::bytes::{at, before, is_alnum};
use crate::class::Class;
use crate::finding::{Finding, Sink};
use crate::key::Names;
use crate::placeholder::mask_over;
use regex::bytes::{Regex, RegexBuilder};

/// What a compiled pattern may take, and what it may take while it searches: a mistake costs an error, not the memory.
const SIZE_LIMIT: usize = 1 << 20;
const NEST_LIMIT: u32 = 64;

/// All of one configuration, in its order: the place of each is the number of its class.
#[derive(Debug, Default)]
pub(crate) struct Own(Vec<Matcher>);

#[derive(Debug)]
pub(crate) struct Matcher {
    regex: Regex,
    /// Only where a word begins and ends.
    whole_words: bool,
}

impl Matcher {
    /// A list of words; the longest of several that begin in the same place counts.
    pub(crate) fn words(words: &[String], case_sensitive: bool) -> Result<Self, regex::Error> {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        let pattern = words
            .iter()
            .map(|word| regex::escape(word))
            .collect::<Vec<_>>()
            .join("|");
        let unicode = !pattern.is_ascii();
        Ok(Self {
            regex: build(&pattern, unicode, !case_sensitive)?,
            whole_words: true,
        })
    }

    /// A pattern. Without `unicode`, `\w`, `\d`, `\s`, `.` and classes are of ASCII, which is faster and smaller.
    pub(crate) fn pattern(pattern: &str, unicode: bool) -> Result<Self, regex::Error> {
        Ok(Self {
            regex: build(pattern, unicode, false)?,
            whole_words: false,
        })
    }

    fn fits(&self, bytes: &[u8], start: usize, end: usize) -> bool {
        let is_letter = |byte: u8| is_alnum(byte) || byte == b'_' || byte >= 0x80;
        let inside = |a: u8, b: u8| is_letter(a) && is_letter(b);
        !self.whole_words
            || !inside(before(bytes, start), at(bytes, start)) && !inside(before(bytes, end), at(bytes, end))
    }
}

fn build(pattern: &str, unicode: bool, case_insensitive: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .unicode(unicode)
        .case_insensitive(case_insensitive)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build()
}

impl Own {
    pub(crate) const fn new(matchers: Vec<Matcher>) -> Self {
        Self(matchers)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn detect(&self, bytes: &[u8], names: &Names, sink: &mut Sink) {
        for (number, matcher) in (0..).zip(&self.0) {
            for found in matcher.regex.find_iter(bytes) {
                let (start, end) = (found.start(), found.end());
                if start < end && matcher.fits(bytes, start, end) && !mask_over(bytes, start, end, names) {
                    sink.add(Finding {
                        start,
                        end,
                        class: Class::Own(number),
                        exact: true,
                    });
                }
            }
        }
    }
}
