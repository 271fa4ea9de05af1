//! Addresses, and passwords in URLs: what stands around an `@`.

use crate::bytes::{at, is_alnum, is_space, run, run_back};
use crate::class::Class;
use crate::finding::Sink;
use crate::key::Names;
use crate::placeholder::{is_of_mask, is_placeholder};
use std::sync::Arc;

/// RFC 5321 allows 64 bytes before the `@`, and 255 behind.
const MAX_LOCAL: usize = 64;
const MAX_DOMAIN: usize = 255;
const MAX_USERINFO: usize = 256;

pub(crate) fn detect(bytes: &[u8], sink: &mut Sink) {
    let names = Arc::clone(&sink.scope().names);
    for place in memchr::memchr_iter(b'@', bytes) {
        let userinfo = userinfo(bytes, place);
        if let Some((start, end)) = userinfo
            && let Some(colon) = colon(bytes, start, end, &names)
        {
            if !is_placeholder(bytes.get(colon + 1..end).unwrap_or_default(), &names) {
                sink.push(colon + 1, end, Class::UrlPassword);
            }
        } else if let Some((start, end)) = address(bytes, place) {
            // `ssh://git@host` names an account on a machine.
            if userinfo.is_none_or(|(user, _)| user != start) {
                sink.push(start, end, Class::Email);
            }
        }
    }
}

/// What stands between `://` and the last `@` of a URL's authority.
fn userinfo(bytes: &[u8], place: usize) -> Option<(usize, usize)> {
    let outside = |byte: u8| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`') || is_space(byte);
    // Most addresses stand in no URL, which a look for its slashes tells sooner than one at all bytes before.
    let window = bytes.get(place.saturating_sub(MAX_USERINFO + 3)..place)?;
    let slash = place - window.len() + memchr::memrchr(b'/', window)?;
    let start = run_back(bytes, place, MAX_USERINFO, |byte| !outside(byte));
    if start != slash + 1 || !bytes.get(..start)?.ends_with(b"://") {
        return None;
    }
    let limit = bytes.len().min(place + MAX_USERINFO);
    let authority = bytes.get(start..run(bytes.get(..limit)?, place, |byte| !outside(byte)))?;
    Some((start, start + memchr::memrchr(b'@', authority)?))
}

/// The colon between user and password. The mask of what stood there has one of its own.
fn colon(bytes: &[u8], start: usize, end: usize, names: &Names) -> Option<usize> {
    let mut colons = memchr::memchr_iter(b':', bytes.get(start..end)?).map(|colon| start + colon);
    colons.find(|&colon| !is_of_mask(bytes, colon, names))
}

fn address(bytes: &[u8], place: usize) -> Option<(usize, usize)> {
    // Other characters may stand in an address too, but far more often stand before one: quotes, `=`, `/`, brackets.
    let is_local = |byte: u8| is_alnum(byte) || byte >= 0x80 || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-');
    let start = run_back(bytes, place, MAX_LOCAL, is_local);
    // Not a sentence's dot, not half of a character that the limit cut in two.
    let start = run(bytes, start, |byte| matches!(byte, b'.' | b'-' | b'%' | 0x80..0xc0)).min(place);
    let local = bytes.get(start..place)?;
    let end = domain(bytes, place + 1)?;
    // `git@host:path` is the address of a repository, not of a person.
    let is_repository = local == b"git" && at(bytes, end) == b':';
    (!local.is_empty() && !local.ends_with(b".") && !is_repository).then_some((start, end))
}

/// Where the domain ends that begins at `from`: labels, at least two, the last one a word that is no file's extension.
fn domain(bytes: &[u8], from: usize) -> Option<usize> {
    let limited = bytes.get(..bytes.len().min(from + MAX_DOMAIN))?;
    let is_label = |byte: u8| is_alnum(byte) || byte >= 0x80 || byte == b'-';
    let (mut end, mut labels, mut last) = (from, 0, from);
    loop {
        let label_end = run(limited, last, is_label);
        if label_end == last {
            break;
        }
        (end, labels) = (label_end, labels + 1);
        if at(limited, label_end) != b'.' || !is_label(at(limited, label_end + 1)) {
            break;
        }
        last = label_end + 1;
    }
    end -= limited
        .get(last..end)?
        .iter()
        .rev()
        .take_while(|byte| **byte == b'-')
        .count();
    let top = limited.get(last..end)?;
    let is_name = top.len() >= 2
        && (top.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80) || top.starts_with(b"xn--"));
    (labels >= 2 && is_name && !is_extension(top)).then_some(end)
}

/// `logo@2x.png` is a file.
fn is_extension(top: &[u8]) -> bool {
    const EXTENSIONS: [&str; 14] = [
        "css", "gif", "html", "ico", "jpeg", "jpg", "js", "json", "mjs", "png", "svg", "ts", "tsx", "webp",
    ];
    EXTENSIONS
        .iter()
        .any(|extension| top.eq_ignore_ascii_case(extension.as_bytes()))
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn addresses() {
        for (text, expected) in [
            (
                "mail jane.doe+x@mail.example.com, now",
                &["jane.doe+x@mail.example.com"][..],
            ),
            ("<jürgen@müller.de>", &["jürgen@müller.de"]),
            ("(a@b.co.uk).", &["a@b.co.uk"]),
            ("a@b.c0 a@b @b.com a@ a.@b.com v@2x.png", &[]),
            ("git@github.com:o/r.git 1-o@github.com:o/r.git", &["1-o@github.com"]),
            ("ssh://git@example.com/o/r", &[]),
            ("user@xn--80ak6aa92e.xn--p1ai", &["user@xn--80ak6aa92e.xn--p1ai"]),
            ("a@b.com@c.com", &["a@b.com@c.com"]),
            ("mailto:x@y.org?subject=z", &["x@y.org"]),
        ] {
            let expected: Vec<_> = expected.iter().map(|&value| ("email", value)).collect();
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn passwords_in_urls() {
        for (text, expected) in [
            (
                "postgres://app:s3cr@t@db.example.com/x",
                &[("url-password", "s3cr@t")][..],
            ),
            ("redis://:hunter2@cache:6379", &[("url-password", "hunter2")]),
            (
                "https://user:pw@h.example/?a=b@c.de",
                &[("url-password", "pw"), ("email", "b@c.de")],
            ),
            (
                "https://user@h.example https://u:$PASS@h https://u:[redacted:url-password]@h",
                &[],
            ),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
