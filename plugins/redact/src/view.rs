//! Other readings of a text: with the escapes of JSON strings or of URLs decoded, and where each byte came from.

use crate::bytes::{at, is_hex};
use crate::finding::Finding;

/// A decoded text.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) text: String,
    /// Where copies begin, in order; between two of them stands what was decoded.
    pieces: Vec<Piece>,
    /// How long the original is.
    length: usize,
}

/// A part of the text that is as it was.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    origin: usize,
}

impl View {
    /// With `\n`, `\"`, `\u00e9` and the like decoded. None where there is nothing to decode.
    pub(crate) fn unescaped(text: &str) -> Option<Self> {
        Self::decode(text, b'\\', json_escape)
    }

    /// With `%40` and the like decoded. None where there is nothing to decode.
    pub(crate) fn unquoted(text: &str) -> Option<Self> {
        Self::decode(text, b'%', percent)
    }

    /// With what `write` appends in place of `found`, which are in order and do not overlap.
    pub(crate) fn masked(text: &str, found: &[Finding], write: impl Fn(&mut String, &str, Finding)) -> Self {
        let mut view = Self::empty(text);
        let mut copied = 0;
        for finding in found {
            let finding = finding.whole(text);
            view.copy(text, copied, finding.start);
            let value = text.get(finding.start..finding.end).unwrap_or_default();
            write(&mut view.text, value, finding);
            copied = finding.end;
        }
        view.copy(text, copied, text.len());
        view
    }

    fn empty(text: &str) -> Self {
        Self {
            text: String::with_capacity(text.len()),
            pieces: Vec::new(),
            length: text.len(),
        }
    }

    /// Where a finding in this view is in the original.
    pub(crate) fn original(&self, finding: Finding) -> Option<Finding> {
        let (start, end) = (self.begin(finding.start)?, self.end(finding.end)?);
        (start < end).then_some(Finding { start, end, ..finding })
    }

    /// The last piece that begins at `place` or before it.
    fn piece(&self, place: usize) -> Option<&Piece> {
        let behind = self.pieces.partition_point(|piece| piece.start <= place);
        behind.checked_sub(1).and_then(|index| self.pieces.get(index))
    }

    /// Where what stands at `place` begins. What begins inside of something decoded begins where that did.
    fn begin(&self, place: usize) -> Option<usize> {
        let piece = self.piece(place)?;
        Some(piece.origin + (place - piece.start).min(piece.end - piece.start))
    }

    /// Where what stands before `place` ends. What ends inside of something decoded ends where that did.
    fn end(&self, place: usize) -> Option<usize> {
        let piece = self.piece(place)?;
        if place <= piece.end && place > piece.start {
            return Some(piece.origin + place - piece.start);
        }
        if place == piece.start {
            return Some(piece.origin);
        }
        let behind = self.pieces.partition_point(|piece| piece.start <= place);
        Some(self.pieces.get(behind).map_or(self.length, |next| next.origin))
    }

    /// `next` decodes what begins with `marker`: the character, and how many bytes it took.
    fn decode(text: &str, marker: u8, next: impl Fn(&str) -> Option<(char, usize)>) -> Option<Self> {
        // Room is taken when there is something to decode.
        let mut view = Self::empty("");
        let (mut copied, mut from) = (0, 0);
        while let Some(found) = memchr::memchr(marker, text.as_bytes().get(from..)?) {
            let place = from + found;
            let Some((decoded, length)) = text.get(place..).and_then(&next) else {
                from = place + 1;
                continue;
            };
            if copied == 0 {
                view = Self::empty(text);
            }
            view.copy(text, copied, place);
            view.text.push(decoded);
            copied = place + length;
            from = copied;
        }
        if copied == 0 {
            return None;
        }
        view.copy(text, copied, text.len());
        Some(view)
    }

    /// Without a byte, too: what was decoded stands between two pieces.
    fn copy(&mut self, text: &str, start: usize, end: usize) {
        let piece = text.get(start..end).unwrap_or_default();
        self.pieces.push(Piece {
            start: self.text.len(),
            end: self.text.len() + piece.len(),
            origin: start,
        });
        self.text.push_str(piece);
    }
}

fn json_escape(text: &str) -> Option<(char, usize)> {
    let decoded = match at(text.as_bytes(), 1) {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        byte @ (b'"' | b'\\' | b'/' | b'\'') => char::from(byte),
        b'u' => return unicode_escape(text),
        _ => return None,
    };
    Some((decoded, 2))
}

fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let unit = |from: usize| {
        let digits = text.get(from..from + 4).filter(|digits| digits.bytes().all(is_hex))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(2)?;
    let units = [
        Some(first),
        text.get(6..8).filter(|mark| *mark == "\\u").and_then(|_| unit(8)),
    ];
    let decoded = char::decode_utf16(units.into_iter().flatten()).next()?.ok()?;
    Some((decoded, if decoded.len_utf16() == 2 { 12 } else { 6 }))
}

/// One character, of up to four bytes that are quoted each.
fn percent(text: &str) -> Option<(char, usize)> {
    let byte = |index: usize| {
        let quoted = text.get(index * 3..index * 3 + 3)?.strip_prefix('%')?;
        if !quoted.bytes().all(is_hex) {
            return None;
        }
        u8::from_str_radix(quoted, 16).ok()
    };
    let first = byte(0)?;
    let length = match first {
        0..0x80 => return Some((char::from(first), 3)),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return None,
    };
    let bytes: Option<Vec<u8>> = (0..length).map(byte).collect();
    let decoded = std::str::from_utf8(&bytes?).ok()?.chars().next()?;
    Some((decoded, length * 3))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::class::Class;

    fn place(view: &View, needle: &str) -> (usize, usize) {
        let start = view.text.find(needle).unwrap();
        let finding = Finding {
            start,
            end: start + needle.len(),
            class: Class::Email,
            exact: true,
        };
        let original = view.original(finding).unwrap();
        (original.start, original.end)
    }

    #[test]
    fn escapes_of_strings() {
        let text = r#"a\n\"ü\" \u00fc\ud83d\ude00 \\ \x \"#;
        let view = View::unescaped(text).unwrap();
        assert_eq!(view.text, "a\n\"ü\" ü😀 \\ \\x \\");
        assert_eq!(place(&view, "ü\""), (5, 9));
        assert_eq!(place(&view, "😀"), (16, 28));
        assert_eq!(place(&view, "\\x \\"), (32, text.len()));
        assert!(View::unescaped("plain").is_none());
        assert!(View::unescaped(r"\q \ud800").is_none());
    }

    #[test]
    fn escapes_of_urls() {
        let text = "q=%C3%BC%40x%zz%ff";
        let view = View::unquoted(text).unwrap();
        assert_eq!(view.text, "q=ü@x%zz%ff");
        assert_eq!(place(&view, "ü@"), (2, 11));
        assert!(View::unquoted("100% of it").is_none());
    }
}
