//! What stands where a secret would, but is none.

use crate::bytes::{distinct, is_hex, is_word, run_back};
use crate::class::Class;

/// A variable, a template, a mask: the reader knows no more than before.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let Some(&first) = value.first() else { return true };
    matches!(first, b'$' | b'<')
        || is_crossed_out(value)
        || is_request(value)
        || value.starts_with(b"{{")
        // SOPS: encrypted already.
        || value.starts_with(b"ENC[")
        || is_variable(value)
        || distinct(value) == 1
        || is_redacted(value)
}

/// `fo1_xxxxxxxxxxxx`, `sk-********`
fn is_crossed_out(value: &[u8]) -> bool {
    const ENOUGH: usize = 8;
    value.windows(ENOUGH).any(|window| matches!(window, [b'x' | b'X' | b'*', rest @ ..] if rest.iter().all(|byte| Some(byte) == window.first())))
}

/// `your-api-key`, `insert_key_here`
fn is_request(value: &[u8]) -> bool {
    let starts = |word: &[u8]| {
        value
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && matches!(value.get(word.len()), Some(b'_' | b'-' | b' '))
    };
    starts(b"your") || starts(b"insert")
}

/// `%NAME%`
fn is_variable(value: &[u8]) -> bool {
    let name = value.strip_prefix(b"%").and_then(|value| value.strip_suffix(b"%"));
    name.is_some_and(|name| name.iter().all(|&byte| byte.is_ascii_uppercase() || byte == b'_'))
}

/// What this plugin leaves behind: `[redacted:email]`, `[email:0123456789ab]`, `[card:****1234]`.
pub(crate) fn is_redacted(value: &[u8]) -> bool {
    let Some(inner) = value.strip_prefix(b"[").and_then(|value| value.strip_suffix(b"]")) else {
        return false;
    };
    let Some(colon) = memchr::memchr(b':', inner) else {
        return false;
    };
    let (head, tail) = (
        inner.get(..colon).unwrap_or_default(),
        inner.get(colon + 1..).unwrap_or_default(),
    );
    let is_class = |name: &[u8]| Class::ALL.iter().any(|class| class.name().as_bytes() == name);
    let is_hash = tail.len() == 12 && tail.iter().all(|&byte| is_hex(byte));
    let is_partial = memchr::memmem::find(tail, b"***").is_some() && !tail.contains(&b'[');
    head == b"redacted" && is_class(tail) || is_class(head) && (is_hash || is_partial)
}

/// Whether one of them begins at `start`. Values without quotes end inside of it.
pub(crate) fn mask_at(bytes: &[u8], start: usize) -> bool {
    const LONGEST: usize = 96;
    let window = bytes.get(start..bytes.len().min(start + LONGEST)).unwrap_or_default();
    window.first() == Some(&b'[')
        && memchr::memchr(b']', window).is_some_and(|close| window.get(..=close).is_some_and(is_redacted))
}

/// Whether the colon at `colon` is one of a mask.
pub(crate) fn is_of_mask(bytes: &[u8], colon: usize) -> bool {
    const LONGEST_NAME: usize = 16;
    let name = run_back(bytes, colon, LONGEST_NAME, is_word);
    name.checked_sub(1).is_some_and(|open| mask_at(bytes, open))
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
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        for text in ["[email:0123456789ab]", "[card:****1234]", "[token:ghp_***]"] {
            assert!(is_redacted(text.as_bytes()), "{text}");
        }
        for text in [
            "[redacted:other]",
            "[other:0123456789ab]",
            "[email:hunter2]",
            "hunter2",
            "%p4ss%",
        ] {
            assert!(!is_placeholder(text.as_bytes()), "{text}");
        }
    }
}
