//! How much text the other side takes.

use patchpanel_plugin::Problem;
use serde::Deserialize;

/// So much text, counted as the other side counts.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    max: usize,
    cost: fn(char) -> usize,
}

/// Counts characters: Unicode scalar values.
#[must_use]
pub const fn chars(_: char) -> usize {
    1
}

/// Counts UTF-16 code units, as JavaScript does.
#[must_use]
pub const fn utf16(c: char) -> usize {
    c.len_utf16()
}

/// Counts bytes of UTF-8.
#[must_use]
pub const fn bytes(c: char) -> usize {
    c.len_utf8()
}

/// What a cut text ends with.
const MARK: char = '…';

/// More pieces than this are a flood; the last one is cut.
const MOST_PIECES: usize = 10;

impl Limit {
    /// At most `max`, where a character counts `cost`: that of what it is escaped to, if it is.
    #[must_use]
    pub const fn new(max: usize, cost: fn(char) -> usize) -> Self {
        Self { max, cost }
    }

    /// How much `text` is.
    #[must_use]
    pub fn size(&self, text: &str) -> usize {
        text.chars().map(self.cost).sum()
    }

    /// Whether `text` is not too much.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        self.size(text) <= self.max
    }

    /// The text, cut between characters and marked by `…` where it is too much.
    #[must_use]
    pub fn truncate(&self, text: &str) -> String {
        if self.fits(text) {
            return text.to_owned();
        }
        let Some(room) = self.max.checked_sub((self.cost)(MARK)) else {
            return self.head(text, self.max).to_owned();
        };
        let mut cut = self.head(text, room).trim_end().to_owned();
        cut.push(MARK);
        cut
    }

    /// The text in pieces, cut at the ends of lines where it can be, else between words, else anywhere. At most ten.
    #[must_use]
    pub fn split(&self, text: &str) -> Vec<String> {
        let mut pieces = Vec::new();
        // A piece that began with the end of a line would be none.
        let mut rest = if self.fits(text) {
            text
        } else {
            text.trim_start_matches([' ', '\n'])
        };
        while !self.fits(rest) && pieces.len() + 1 < MOST_PIECES {
            let head = self.head(rest, self.max);
            // In the second half only: a piece of one short line and then one of a long word would be many pieces.
            let at = |c| head.rfind(c).filter(|&at| at >= head.len() / 2);
            let end = at('\n').or_else(|| at(' ')).unwrap_or(head.len());
            let Some((piece, behind)) = rest.split_at_checked(end).filter(|(piece, _)| !piece.is_empty()) else {
                break;
            };
            pieces.push(piece.to_owned());
            rest = behind.trim_start_matches([' ', '\n']);
        }
        if !rest.is_empty() || pieces.is_empty() {
            pieces.push(self.truncate(rest));
        }
        pieces
    }

    /// As many whole characters from the beginning as `max` allows.
    fn head<'t>(&self, text: &'t str, max: usize) -> &'t str {
        let mut size = 0;
        let end = text.char_indices().find_map(|(at, c)| {
            size += (self.cost)(c);
            (size > max).then_some(at)
        });
        text.get(..end.unwrap_or(text.len())).unwrap_or_default()
    }
}

/// What becomes of a text that is too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// It is cut.
    #[default]
    Truncate,
    /// It becomes several.
    Split,
    /// It is not sent.
    Reject,
}

impl Overflow {
    /// The pieces in which `text` is sent; one, unless it is split.
    ///
    /// # Errors
    /// Where it is too long and may not be changed; `what` names it.
    pub fn apply(self, what: &str, text: &str, limit: Limit) -> Result<Vec<String>, Problem> {
        match self {
            _ if limit.fits(text) => Ok(vec![text.to_owned()]),
            Self::Truncate => Ok(vec![limit.truncate(text)]),
            Self::Split => Ok(limit.split(text)),
            Self::Reject => Err(Problem::Reject(format!(
                "the {what} is longer than allowed ({} of {}); set `overflow` to `truncate` or `split`, or shorten it in the template",
                limit.size(text),
                limit.max
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exactly_the_limit_stays_and_one_more_is_cut() {
        for (cost, at, over, cut) in [
            (chars as fn(char) -> usize, "üüü", "üüüü", "üü…"),
            (utf16, "a💡", "a💡b", "a…"),
            (bytes, "aaa", "aaaa", "…"),
        ] {
            let limit = Limit::new(3, cost);
            assert_eq!(limit.truncate(at), at);
            assert_eq!(limit.truncate(over), cut);
        }
        assert_eq!(Limit::new(0, chars).truncate("a"), "");
        assert_eq!(Limit::new(2, bytes).truncate("abc"), "ab");
    }

    #[test]
    fn pieces_end_where_lines_or_words_do() {
        let limit = Limit::new(10, chars);
        assert_eq!(limit.split("line one\nline two\nx"), ["line one", "line two\nx"]);
        assert_eq!(limit.split("some words here"), ["some words", "here"]);
        assert_eq!(limit.split("abcdefghijklm"), ["abcdefghij", "klm"]);
        assert_eq!(limit.split(""), [""]);
        let flood = limit.split(&"abcdefghij".repeat(20));
        assert_eq!(flood.len(), MOST_PIECES);
        assert_eq!(flood.last().map(String::as_str), Some("abcdefghi…"));
    }

    #[test]
    fn what_may_not_be_changed_is_refused() {
        let limit = Limit::new(3, chars);
        assert_eq!(Overflow::Reject.apply("body", "abc", limit), Ok(vec!["abc".to_owned()]));
        assert!(
            matches!(Overflow::Reject.apply("body", "abcd", limit), Err(Problem::Reject(why)) if why.contains("4 of 3"))
        );
        assert_eq!(
            Overflow::Split.apply("body", "abcd", limit),
            Ok(vec!["abc".to_owned(), "d".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn nothing_is_ever_longer_than_the_limit(text in "[a-c \\n<&ü💡]{0,60}", max in 4_usize..40, unit in 0_usize..3) {
            let escaped = |c: char| if c == '&' { 5 } else { c.len_utf16() };
            let limit = Limit::new(max.max(5), [chars, utf16, escaped].get(unit).copied().unwrap_or(bytes));
            prop_assert!(limit.fits(&limit.truncate(&text)));
            let pieces = limit.split(&text);
            prop_assert!(pieces.iter().all(|piece| limit.fits(piece)));
            if pieces.len() < MOST_PIECES {
                let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                prop_assert_eq!(letters(&pieces.concat()), letters(&text));
            }
        }
    }
}
