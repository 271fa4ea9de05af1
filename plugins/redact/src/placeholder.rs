//! What stands where a secret would, but is none.

use crate::bytes::{distinct, is_hex, is_word, run_back};
use crate::key::Names;

/// A variable, a template, a mask: the reader knows no more than before.
pub(crate) fn is_placeholder(value: &[u8], names: &Names) -> bool {
    let Some(&first) = value.first() else { return true };
    matches!(first, b'$' | b'<')
        || is_crossed_out(value)
        || is_request(value)
        || value.starts_with(b"{{")
        // SOPS: encrypted already.
        || value.starts_with(b"ENC[")
        || is_variable(value)
        || distinct(value) == 1
        || is_redacted(value, names)
}

/// `fo1_xxxxxxxxxxxx`, `sk-********`
fn is_crossed_out(value: &[u8]) -> bool {
    const ENOUGH: usize = 8;
    value.windows(ENOUGH).any(|window| matches!(window, [b'x' | b'X' | b'*', rest @ ..] if rest.iter().all(|byte| Some(byte) == window.first())))
}

/// `your-api-key`, `insert_key_here`, `a-fake-key`
fn is_request(value: &[u8]) -> bool {
    let starts = |word: &[u8]| {
        value
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && matches!(value.get(word.len()), Some(b'_' | b'-' | b' '))
    };
    let says = |word: &[u8]| {
        value
            .windows(word.len())
            .any(|window| window.eq_ignore_ascii_case(word))
    };
    starts(b"your") || starts(b"insert") || [&b"fake"[..], b"dummy", b"changeme"].iter().any(|word| says(word))
}

/// `%NAME%`
fn is_variable(value: &[u8]) -> bool {
    let name = value.strip_prefix(b"%").and_then(|value| value.strip_suffix(b"%"));
    name.is_some_and(|name| name.iter().all(|&byte| byte.is_ascii_uppercase() || byte == b'_'))
}

/// What this plugin leaves behind: `[redacted:email]`, `[email]`, `[email:0123456789ab]`, `[card:****1234]`.
pub(crate) fn is_redacted(value: &[u8], names: &Names) -> bool {
    let Some(inner) = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")) else {
        return false;
    };
    let Some(colon) = memchr::memchr(b':', inner) else {
        return names.is_label(inner);
    };
    let (head, tail) = (
        inner.get(..colon).unwrap_or_default(),
        inner.get(colon + 1..).unwrap_or_default(),
    );
    let is_hash = tail.len() == 12 && tail.iter().all(|&byte| is_hex(byte));
    let is_partial = memchr::memmem::find(tail, b"***").is_some() && !tail.contains(&b'[');
    head == b"redacted" && names.is_label(tail) || (is_hash || is_partial) && names.is_label(head)
}

/// No mask is longer.
const LONGEST: usize = 96;

/// Whether one of them begins at `start`. Values without quotes end inside of it.
pub(crate) fn mask_at(bytes: &[u8], start: usize, names: &Names) -> bool {
    let window = bytes.get(start..bytes.len().min(start + LONGEST)).unwrap_or_default();
    window.first() == Some(&b'[')
        && memchr::memchr(b']', window)
            .is_some_and(|close| window.get(..=close).is_some_and(|mask| is_redacted(mask, names)))
}

/// Whether one of them stands in `start..end`, or a part of one.
pub(crate) fn mask_over(bytes: &[u8], start: usize, end: usize, names: &Names) -> bool {
    let from = start.saturating_sub(LONGEST);
    let window = bytes.get(from..end).unwrap_or_default();
    memchr::memchr_iter(b'[', window).map(|open| from + open).any(|open| {
        let ends = memchr::memchr(
            b']',
            bytes.get(open..bytes.len().min(open + LONGEST)).unwrap_or_default(),
        );
        ends.is_some_and(|length| open + length >= start) && mask_at(bytes, open, names)
    })
}

/// Whether the colon at `colon` is one of a mask.
pub(crate) fn is_of_mask(bytes: &[u8], colon: usize, names: &Names) -> bool {
    const LONGEST_NAME: usize = 33;
    let name = run_back(bytes, colon, LONGEST_NAME, is_word);
    name.checked_sub(1).is_some_and(|open| mask_at(bytes, open, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known() {
        for text in [
            "",
            "$PASSWORD",
            "${x}",
            "<token>",
            "{{ x }}",
            "%PASS_WORD%",
            "xxxx",
            "****",
            "[redacted:email]",
        ] {
            assert!(is_placeholder(text.as_bytes(), &Names::default()), "{text}");
        }
        for text in ["[email]", "[email:0123456789ab]", "[card:****1234]", "[token:ghp_***]"] {
            assert!(is_redacted(text.as_bytes(), &Names::default()), "{text}");
        }
        for text in [
            "[redacted:other]",
            "[other:0123456789ab]",
            "[other]",
            "[email:hunter2]",
            "hunter2",
            "%p4ss%",
        ] {
            assert!(!is_placeholder(text.as_bytes(), &Names::default()), "{text}");
        }
    }
    #[test]
    fn labels_of_operators_are_known() {
        let names = Names::new(&[], ["project"].into_iter());
        for text in [
            "[redacted:project]",
            "[project]",
            "[project:0123456789ab]",
            "[project:****an42]",
        ] {
            assert!(is_redacted(text.as_bytes(), &names), "{text}");
            assert!(!is_redacted(text.as_bytes(), &Names::default()), "{text}");
            let sentence = format!("x {text} y");
            for (start, end, over) in [
                (0, 2, false),
                (0, 3, true),
                (4, 5, true),
                (2 + text.len(), 4 + text.len(), false),
            ] {
                assert_eq!(
                    mask_over(sentence.as_bytes(), start, end, &names),
                    over,
                    "{text} {start}"
                );
            }
        }
    }
}
