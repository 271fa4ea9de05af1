//! Addresses of machines: IPv4, IPv6, and those of network cards.

use crate::bytes::{at, before, is_alnum, is_digit, is_hex, run, run_back};
use crate::class::Class;
use crate::finding::Sink;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest IPv6 address, with an IPv4 address in it.
const MAX_IPV6: usize = 45;
const MAC_GROUPS: usize = 6;

/// Where the IPv4 address ends that begins with the digits `start..run_end`.
pub(crate) fn ipv4(bytes: &[u8], start: usize, run_end: usize) -> Option<usize> {
    if run_end - start > 3 || at(bytes, run_end) != b'.' || !may_begin(bytes, start) {
        return None;
    }
    let limited = bytes.get(..bytes.len().min(start + 16))?;
    let end = run(limited, start, |byte| is_digit(byte) || byte == b'.');
    // A sentence ends behind the address.
    let end = end - usize::from(before(bytes, end) == b'.');
    let goes_on = match at(bytes, end) {
        b'.' | b'-' => is_alnum(at(bytes, end + 1)) && !(at(bytes, end) == b'-' && is_digit(at(bytes, end + 1))),
        b'_' => true,
        next => is_alnum(next),
    };
    let address: Ipv4Addr = std::str::from_utf8(bytes.get(start..end)?).ok()?.parse().ok()?;
    // Everybody's, and masks. Of versions that look the same, those are known that a word or a product's name precedes.
    let is_nobodys = address.is_loopback() || address.is_unspecified() || address.octets().starts_with(&[255]);
    (!goes_on && !is_nobodys && !is_version(bytes, start)).then_some(end)
}

fn may_begin(bytes: &[u8], start: usize) -> bool {
    let previous = before(bytes, start);
    let earlier = before(bytes, start.saturating_sub(1));
    match previous {
        b'.' | b'_' => false,
        b'-' => is_digit(earlier) || !is_alnum(earlier),
        // `Chrome/72.0.0.1`
        b'/' => !is_alnum(earlier),
        b':' => earlier != b':',
        _ => !is_alnum(previous),
    }
}

/// `version 1.2.3.4`, `release: 1.2.3.4`
fn is_version(bytes: &[u8], start: usize) -> bool {
    let end = run_back(bytes, start, 4, |byte| matches!(byte, b' ' | b'=' | b':' | b'"'));
    let word = bytes
        .get(run_back(bytes, end, 12, |byte| byte.is_ascii_alphabetic())..end)
        .unwrap_or_default();
    [
        "version",
        "ver",
        "v",
        "release",
        "build",
        "fileversion",
        "productversion",
        "assemblyversion",
    ]
    .iter()
    .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// Finds what has colons: IPv6 and MAC addresses. MAC addresses with dashes, too.
pub(crate) fn detect(bytes: &[u8], sink: &mut Sink) {
    let mut from = 0;
    for place in memchr::memchr2_iter(b':', b'-', bytes) {
        let (previous, next) = (before(bytes, place), at(bytes, place + 1));
        if place < from || !is_hex(previous) && next != b':' || next == b'-' {
            continue;
        }
        if let Some((start, end)) = mac(bytes, place) {
            sink.push(start, end, Class::Mac);
            from = end;
        } else if at(bytes, place) == b':'
            && let Some((start, end)) = ipv6(bytes, place)
        {
            sink.push(start, end, Class::Ip);
            from = end;
        }
    }
}

/// `00:1a:2b:3c:4d:5e`, whose first separator is at `place`.
fn mac(bytes: &[u8], place: usize) -> Option<(usize, usize)> {
    let separator = at(bytes, place);
    let start = place.checked_sub(2)?;
    let end = start + MAC_GROUPS * 3 - 1;
    let address = bytes.get(start..end)?;
    let is_address = address.iter().enumerate().all(|(index, &byte)| match index % 3 {
        2 => byte == separator,
        _ => is_hex(byte),
    });
    let outside = |byte: u8| !is_alnum(byte) && byte != separator && byte != b'_';
    // All ones are everybody, all zeros nobody.
    let is_somebodys = !address
        .iter()
        .all(|byte| matches!(byte, b'f' | b'F') || *byte == separator)
        && !address.iter().all(|byte| *byte == b'0' || *byte == separator);
    (is_address && is_somebodys && outside(before(bytes, start)) && outside(at(bytes, end))).then_some((start, end))
}

/// The address that the colon at `place`, its first one, is part of.
fn ipv6(bytes: &[u8], place: usize) -> Option<(usize, usize)> {
    let start = run_back(bytes, place, 5, is_hex);
    // Not the time of a log line, not a word's end.
    let previous = before(bytes, start);
    if place - start > 4 || is_alnum(previous) || matches!(previous, b':' | b'.' | b'-' | b'_') {
        return None;
    }
    let limited = bytes.get(..bytes.len().min(start + MAX_IPV6 + 1))?;
    let end = run(limited, start, |byte| is_hex(byte) || matches!(byte, b':' | b'.'));
    let end = end - usize::from(before(bytes, end) == b'.');
    // `fe80::1:` is followed by something else, and so is `::1]:80`.
    let end = match bytes.get(start..end)? {
        [.., other, b':'] if *other != b':' => end - 1,
        _ => end,
    };
    if is_alnum(at(bytes, end)) || at(bytes, end) == b'_' {
        return None;
    }
    let text = std::str::from_utf8(bytes.get(start..end)?).ok()?;
    let address: Ipv6Addr = text.parse().ok()?;
    // `a::b` is also a path in a program: an address has digits, and more than two groups or digits in both.
    let is_code = text.bytes().filter(u8::is_ascii_digit).count() < 1;
    (!address.is_loopback() && !address.is_unspecified() && !is_code).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn addresses_of_machines() {
        for text in [
            "203.0.113.7",
            "10.0.0.1",
            "2001:db8::1",
            "fe80::1",
            "2001:db8:85a3:8d3:1319:8a2e:370:7348",
            "::ffff:203.0.113.7",
        ] {
            assert_eq!(found(&format!("from {text}, twice")), [("ip", text)], "{text}");
            assert_eq!(found(&format!("\"{text}\"")), [("ip", text)], "{text}");
            assert_eq!(found(&format!("It was {text}.")), [("ip", text)], "{text}");
        }
        for (text, value) in [
            ("http://203.0.113.7:8080/x", "203.0.113.7"),
            ("203.0.113.0/24", "203.0.113.0"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("ip:203.0.113.7", "203.0.113.7"),
        ] {
            assert_eq!(found(text), [("ip", value)], "{text}");
        }
        for text in ["00:1a:2b:3c:4d:5e", "00-1A-2B-3C-4D-5E"] {
            assert_eq!(found(&format!("at {text}.")), [("mac", text)], "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "127.0.0.1 0.0.0.0 255.255.255.0 ::1 ::",
            "256.0.0.1 1.2.3 1.2.3.4.5 01.2.3.4",
            "Chrome/120.0.0.0",
            "version 1.2.3.4",
            "v1.2.3.4",
            "x-1.2.3.4",
            "1.2.3.4-beta",
            "12:34:56",
            "std::vec::Vec",
            "a::b",
            "2001::1::2",
            "54321:1::2",
            "fe80::2more",
            "00:1a:2b:3c:4d",
            "00:1a:2b:3c:4d:5e:6f",
            "ff:ff:ff:ff:ff:ff",
            "00:1a-2b:3c:4d:5e",
            "6fa459ea-ee8a-3ca4-894e-db77e160355e",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
