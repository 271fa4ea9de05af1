//! Base64, standard or for URLs, with or without padding.

/// Longer blobs are files, not somebody's credentials.
const LONGEST: usize = 16 * 1024;
/// Fewer bytes hold nothing that could be found.
const SHORTEST: usize = 12;

fn value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// The bytes that `text` stands for.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_while(text, |_| true)
}

/// The same, given up at the first bytes that are not `wanted`.
fn decode_while(text: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b"==").or(text.strip_suffix(b"=")).unwrap_or(text);
    if text.len() % 4 == 1 || text.len() > LONGEST {
        return None;
    }
    let mut out = Vec::new();
    let (groups, rest) = text.as_chunks::<4>();
    for &[a, b, c, d] in groups {
        let bits = value(a)? << 18 | value(b)? << 12 | value(c)? << 6 | value(d)?;
        let [_, bytes @ ..] = bits.to_be_bytes();
        if !wanted(&bytes) {
            return None;
        }
        if out.is_empty() {
            out.reserve(text.len() / 4 * 3 + 2);
        }
        out.extend_from_slice(&bytes);
    }
    let mut bits = 0;
    for index in 0..4 {
        bits = bits << 6 | rest.get(index).map_or(Some(0), |&byte| value(byte))?;
    }
    let [_, bytes @ ..] = bits.to_be_bytes();
    let bytes = bytes.get(..rest.len().saturating_sub(1))?;
    if !wanted(bytes) {
        return None;
    }
    out.extend_from_slice(bytes);
    Some(out)
}

/// The text that `text` stands for, if it is one: most words that look like base64 decode to something, but not to text,
/// which their beginnings tell.
pub(crate) fn text(text: &[u8]) -> Option<String> {
    if text.len() < SHORTEST / 3 * 4 {
        return None;
    }
    let is_text = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r' | 0x80..))
    };
    String::from_utf8(decode_while(text, is_text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lengths_and_both_alphabets() {
        for (encoded, plain) in [
            ("", &b""[..]),
            ("YQ==", b"a"),
            ("YWI=", b"ab"),
            ("YWJj", b"abc"),
            ("YWI", b"ab"),
            ("-_-_", b"\xfb\xff\xbf"),
            ("+/+/", b"\xfb\xff\xbf"),
        ] {
            assert_eq!(decode(encoded.as_bytes()).as_deref(), Some(plain), "{encoded}");
        }
        assert_eq!(decode(b"YWJjY"), None);
        assert_eq!(decode(b"YW?j"), None);
    }

    #[test]
    fn only_text_is_text() {
        assert_eq!(text(b"amFuZUBleGFtcGxlLmNvbQ==").as_deref(), Some("jane@example.com"));
        assert_eq!(text(b"6dcb09b5b57875f334f61aebed695e2e4193db5e"), None);
        assert_eq!(text(b"YWJj"), None);
    }
}
