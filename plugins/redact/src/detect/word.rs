//! What is recognised by how a word looks: tokens, JWTs, the credentials of HTTP and of curl, and base64 that holds one
//! of all these.

use crate::anchors::{Anchors, WORD};
use crate::base64;
use crate::bytes::{at, before, is_alnum, is_digit, is_space, is_token, is_word, looks_random, run};
use crate::class::Class;
use crate::context::Context;
use crate::detect::{Depth, crypto, identity, vendor};
use crate::finding::{Finding, Sink};
use crate::placeholder::{is_of_mask, is_placeholder, mask_at};
use crate::runs::Runs;
use crate::scan;

/// Shorter words hold no token.
const SHORTEST: usize = 12;

pub(crate) fn detect(bytes: &[u8], depth: Depth, sink: &mut Sink) {
    let is_part = |byte: u8| {
        (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10 || byte == b'_' || byte == b'-'
    };
    let mut runs = Runs::new(bytes, is_part);
    let mut from = 0;
    while let Some((start, end)) = runs.next(from) {
        from = look(bytes, start, end, depth, sink).max(end);
    }
}

/// Looks at one word; returns where to go on.
fn look(bytes: &[u8], start: usize, end: usize, depth: Depth, sink: &mut Sink) -> usize {
    let next = at(bytes, end);
    let context = || sink.context().with(Context::before(bytes, start));
    if sink.wants(Class::NationalId)
        && identity::may_be(bytes, start, end)
        && identity::is_identity(bytes, start, end, context)
    {
        sink.push(start, end, Class::NationalId);
        return end;
    }
    if end - start >= SHORTEST {
        // The middle of base64 is neither.
        if before(bytes, start) == b'+' {
            return end;
        }
        return token(bytes, start, end, sink)
            .or_else(|| blob(bytes, start, depth, sink))
            .unwrap_or(end);
    }
    match next {
        // The lengths of those that are known: a look at them settles most words.
        b' ' | b'\t' if matches!(end - start, 2 | 5 | 6) => scheme(bytes, start, end, sink),
        b'.' | b'~' => composite(bytes, start, end, sink),
        b':' if is_digit(at(bytes, start)) => composite(bytes, start, end, sink),
        _ => end,
    }
}

/// Short words that go on behind a dot, a tilde or a colon.
fn composite(bytes: &[u8], start: usize, end: usize, sink: &mut Sink) -> usize {
    let word = bytes.get(start..end).unwrap_or_default();
    let found = if at(bytes, end) == b':' {
        vendor::telegram(bytes, start, end).map(|end| (start, end))
    } else if at(bytes, end) == b'~' && word.ends_with(b"Q") {
        vendor::azure(bytes, end)
    } else if before(bytes, start) != b'.' && vendor::is_dotted_prefix(word) {
        vendor::token(bytes, start)
            .map(|end| (start, end))
            .or_else(|| vendor::hook(bytes, start))
    } else {
        None
    };
    let Some((start, found)) = found else { return end };
    sink.push(start, found, Class::Token);
    found
}

/// A token that begins with the word, or behind a dash in it.
fn token(bytes: &[u8], start: usize, word_end: usize, sink: &mut Sink) -> Option<usize> {
    if let Some(end) = jwt(bytes, start) {
        sink.push(start, end, Class::Jwt);
        return Some(end);
    }
    let context = || sink.context().with(Context::before(bytes, start));
    if sink.wants(Class::Crypto)
        && crypto::is_address(bytes.get(start..word_end)?, context)
        && !matches!(at(bytes, word_end), b'=' | b'+' | b'/')
    {
        sink.push(start, word_end, Class::Crypto);
        return Some(word_end);
    }
    let whole = match at(bytes, word_end) {
        b':' => vendor::telegram(bytes, start, word_end),
        b'.' => vendor::discord(bytes, start, word_end),
        _ => vendor::is_annotated(bytes.get(start..word_end)?).then_some(word_end),
    };
    if let Some(end) = whole.or_else(|| vendor::token(bytes, start)) {
        sink.push(start, end, Class::Token);
        return Some(end);
    }
    // `--ghp_...`, `key-ghp_...`
    let word = bytes.get(start..word_end)?;
    for place in memchr::memchr_iter(b'-', word).map(|dash| start + dash + 1).take(4) {
        if word_end >= place + SHORTEST
            && let Some(end) = vendor::token(bytes, place)
        {
            sink.push(place, end, Class::Token);
            return Some(end);
        }
    }
    None
}

/// Three or five parts of base64url with dots between them, the first a JSON object: `eyJ` is `{"`.
fn jwt(bytes: &[u8], start: usize) -> Option<usize> {
    if !bytes.get(start..)?.starts_with(b"eyJ") {
        return None;
    }
    let is_part = |byte: u8| is_word(byte) || byte == b'=';
    let header = run(bytes, start, is_part);
    if header - start < 16 || at(bytes, header) != b'.' {
        return None;
    }
    let (mut end, mut parts) = (header, 1);
    while at(bytes, end) == b'.' && parts < 5 {
        let part = run(bytes, end + 1, is_part);
        if part == end + 1 && parts != 1 && parts != 2 {
            break;
        }
        (end, parts) = (part, parts + 1);
    }
    (parts >= 2 && end - header >= 10).then_some(end)
}

/// `Bearer`, `Basic` and `Token`, then credentials; `-u` and `--user`, then name and password.
fn scheme(bytes: &[u8], start: usize, end: usize, sink: &mut Sink) -> usize {
    // What nobody takes is not passed over: a token or a JWT may stand there, and be wanted.
    if !sink.wants(Class::Credentials) {
        return end;
    }
    let word = bytes.get(start..end).unwrap_or_default();
    if matches!(word, b"-u" | b"--user") {
        let argument = run(bytes, end, |byte| matches!(byte, b' ' | b'\t'));
        return user(bytes, argument, sink).unwrap_or(end);
    }
    let Some((value_start, value_end)) = scheme_value(bytes, start, end) else {
        return end;
    };
    let value = bytes.get(value_start..value_end).unwrap_or_default();
    let is_basic = word.eq_ignore_ascii_case(b"basic");
    let plausible = match is_basic {
        // Decodes to a name, a colon and a password.
        true => {
            value.len() >= 8
                && Anchors::of(bytes.get(start..value_end).unwrap_or_default()).has(WORD)
                && base64::decode(value).is_some_and(|pair| pair.contains(&b':'))
        }
        false => looks_random(value),
    };
    if !plausible || is_placeholder(value, &sink.scope().names) {
        return end;
    }
    sink.push(value_start, value_end, Class::Credentials);
    value_end
}

/// The credentials behind the word `start..end`, if it is a scheme of HTTP authorization.
pub(crate) fn scheme_value(bytes: &[u8], start: usize, end: usize) -> Option<(usize, usize)> {
    const SCHEMES: [&str; 3] = ["basic", "bearer", "token"];
    let word = bytes.get(start..end)?;
    SCHEMES
        .iter()
        .find(|scheme| word.eq_ignore_ascii_case(scheme.as_bytes()))?;
    let value = run(bytes, end, |byte| matches!(byte, b' ' | b'\t'));
    Some((value, run(bytes, value, is_token)))
}

/// The argument of curl's `-u` at `start`, with or without quotes. Other programs mean other things by `-u`.
fn user(bytes: &[u8], start: usize, sink: &mut Sink) -> Option<usize> {
    const LONGEST: usize = 256;
    let command = bytes.get(start.saturating_sub(LONGEST)..start)?;
    memchr::memmem::rfind(command, b"curl")?;
    let is_quote = |byte: u8| matches!(byte, b'"' | b'\'');
    let from = start + usize::from(is_quote(at(bytes, start)));
    let limited = bytes.get(..bytes.len().min(from + LONGEST))?;
    let end = run(limited, from, |byte| !is_space(byte) && !is_quote(byte));
    let pair = bytes.get(from..end)?;
    let names = &sink.scope().names;
    let mut colons = memchr::memchr_iter(b':', pair);
    let colon = colons
        .find(|&colon| !is_of_mask(bytes, from + colon, names))
        .filter(|colon| *colon > 0)?;
    // The password may be missing: some services take a token as the user.
    let password = pair.get(colon + 1..)?;
    let is_template = pair.iter().any(|byte| matches!(byte, b'$' | b'{' | b'<'));
    if is_template
        || pair.len() < 6
        || mask_at(bytes, from, names)
        || !password.is_empty() && is_placeholder(password, names)
    {
        return None;
    }
    sink.push(from, end, Class::Credentials);
    Some(end)
}

/// Base64 that holds text in which something is found.
fn blob(bytes: &[u8], start: usize, depth: Depth, sink: &mut Sink) -> Option<usize> {
    let depth = depth.deeper()?;
    if matches!(before(bytes, start), b'+' | b'/' | b'=') {
        return None;
    }
    let end = run(bytes, start, |byte| {
        is_alnum(byte) || matches!(byte, b'+' | b'/' | b'-' | b'_')
    });
    let end = run(bytes, end, |byte| byte == b'=').min(end + 2);
    let text = base64::text(bytes.get(start..end)?)?;
    let class = scan::first(&text, depth, sink.inner())
        .or_else(|| is_encoded_secret(text.as_bytes()).then_some(Class::SecretKey))
        .filter(|class| sink.wants(*class) || matches!(class, Class::Own(_)))?;
    sink.add(Finding {
        start,
        end,
        class,
        exact: true,
    });
    Some(end)
}

/// A password or key as a generator makes them. Nobody puts one into base64 but to hand it over as a secret.
fn is_encoded_secret(text: &[u8]) -> bool {
    const KINDS: [fn(&u8) -> bool; 4] = [
        u8::is_ascii_lowercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
        u8::is_ascii_punctuation,
    ];
    let kind = |byte: &u8| KINDS.iter().position(|is_kind| is_kind(byte));
    let kinds = KINDS.iter().filter(|is_kind| text.iter().any(is_kind)).count();
    let changes = text
        .windows(2)
        .filter(|pair| pair.first().map(kind) != pair.last().map(kind))
        .count();
    let is_hex = text.len() >= 32 && text.iter().all(u8::is_ascii_hexdigit);
    // Identifiers of objects are a kind and a number, with a colon or a slash.
    let is_whole = !text.iter().any(|byte| matches!(byte, b':' | b'/')) && text.iter().all(u8::is_ascii_graphic);
    (14..=128).contains(&text.len()) && is_whole && (kinds >= 3 || is_hex) && changes * 2 >= text.len() - 4
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    const JWT: &str =
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.8nYKFqV7rXA9RMYMKgA0pQkcffw4EtO9bE7HBsGDMVg";

    #[test]
    fn jwts() {
        assert_eq!(found(&format!("got {JWT}.")), [("jwt", JWT)]);
        assert_eq!(found("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9 eyJ.eyJ.x"), []);
    }

    #[test]
    fn credentials() {
        for (text, value) in [
            ("curl -H 'Authorization: Bearer secretvalue'", "secretvalue"),
            ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
            ("sent Basic dXNlcjpwYXNz to it", "dXNlcjpwYXNz"),
            ("bearer 0123456789abcdef0", "0123456789abcdef0"),
            ("Authorization: Token 22cb987851bc", "22cb987851bc"),
            ("curl --user 'johns:h0pk1ns~21s' x", "johns:h0pk1ns~21s"),
            ("curl -u id:hunter22 x", "id:hunter22"),
        ] {
            assert_eq!(found(text), [("credentials", value)], "{text}");
        }
        for text in [
            "Basic authentication",
            "bearer of bad news",
            "Authorization: Bearer $TOKEN",
            "curl -u $U:$P x",
            "sudo -u me ls",
            "Token expired",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn tokens_in_words() {
        let token = "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX";
        for text in [
            token.to_owned(),
            format!("x={token};"),
            format!("git clone https://{token}@github.com/x"),
            format!("a-{token}"),
        ] {
            assert_eq!(found(&text), [("token", token)], "{text}");
        }
        assert_eq!(
            found("https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx"),
            [("token", "T00000000/B00000000/abcdefghijklmnopqrstuvwx")]
        );
    }

    #[test]
    fn base64_is_opened() {
        assert_eq!(
            found("x: amFuZUBleGFtcGxlLmNvbQ== y"),
            [("email", "amFuZUBleGFtcGxlLmNvbQ==")]
        );
        // `8Kd0#fQz7LxW2p`
        assert_eq!(
            found("v: OEtkMCNmUXo3THhXMnA= y"),
            [("secret-key", "OEtkMCNmUXo3THhXMnA=")]
        );
        // `010:Repository186853002`
        assert_eq!(found("MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI="), []);
    }
}
