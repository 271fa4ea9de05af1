//! Values that stand behind a name of a secret: `password=...`, `token: ...`, `"apiKey": "..."`, `<secret>...<`.

use crate::bytes::{at, before, is_alnum, is_space, is_word, looks_random, run, run_back};
use crate::class::Class;
use crate::detect::word;
use crate::finding::Sink;
use crate::key::{LONGEST_END, MAX_NAME, Names, Strength};
use crate::placeholder::{is_of_mask, is_placeholder, mask_at};
use std::sync::Arc;

pub(crate) fn detect(bytes: &[u8], sink: &mut Sink) {
    let names = Arc::clone(&sink.scope().names);
    let mut from = 0;
    for place in memchr::memchr3_iter(b':', b'=', b'>', bytes) {
        if place < from {
            continue;
        }
        let Some((name, value)) = assignment(bytes, place, &names) else {
            continue;
        };
        if let Some((start, end)) = value.authorization(bytes, name, &names) {
            // A value of a secret name in any case, where credentials are not told apart.
            let class = if sink.wants(Class::Credentials) {
                Class::Credentials
            } else {
                Class::SecretKey
            };
            sink.push(start, end, class);
            from = end;
            continue;
        }
        let is_secret = value.is_secret(bytes, name.strength, &names);
        if is_secret {
            sink.push(value.start, value.end, Class::SecretKey);
        }
        // A value that is none may have an assignment in it. Only a short one is looked at again, or a text of nothing
        // but names would take quadratic time.
        if is_secret || value.quote.is_none() && value.end - value.start > MAX_NAME {
            from = value.end;
        }
    }
    calls(bytes, &names, sink);
}

/// `set("PASSWORD", "...")`: a name and a value in quotes, with a comma between them.
fn calls(bytes: &[u8], names: &Names, sink: &mut Sink) {
    for place in memchr::memchr_iter(b'(', bytes) {
        let limited = bytes.get(..bytes.len().min(place + MAX_NAME)).unwrap_or_default();
        let name_end = run(limited, place + 2, is_word);
        if at(bytes, place + 1) == b'"'
            && bytes.get(name_end..).is_some_and(|rest| rest.starts_with(b"\","))
            && let Some(name) = Name::before(bytes, name_end, names)
            && let Some(value) = Value::behind(bytes, name_end + 2)
            && value.quote.is_some()
            && value.is_secret(bytes, name.strength, names)
        {
            sink.push(value.start, value.end, Class::SecretKey);
        }
    }
}

/// The name and the value whose operator is at `place`.
fn assignment(bytes: &[u8], place: usize, names: &Names) -> Option<(Name, Value)> {
    let operator = run_back(bytes, place, 3, |byte| b":=!?+.|<-".contains(&byte));
    let name = Name::before(bytes, operator, names)?;
    // `[token:ghp_***]`: the name is a mask's.
    if is_of_mask(bytes, name.end, names) {
        return None;
    }
    // `::=`, `:=`, `==`, `=>`, `||:`: the value is behind all of it.
    let behind = run(bytes, place, |byte| matches!(byte, b':' | b'=' | b'>'));
    // `Token::Slash` is a name in a program, not the token of somebody.
    if bytes.get(operator..behind)?.ends_with(b"::") {
        return None;
    }
    let mut value = Value::behind(bytes, behind)?;
    if at(bytes, place) == b':' && value.quote.is_none() {
        value = value.of_header(bytes, bytes.get(name.start..name.end)?);
    }
    Some((name, value))
}

/// A name of a secret.
#[derive(Debug, Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
    strength: Strength,
}

impl Name {
    /// The name that ends before `end`, behind spaces, quotes and brackets, if it is one of a secret.
    fn before(bytes: &[u8], end: usize, names: &Names) -> Option<Self> {
        let mut end = run_back(bytes, end, 16, |byte| matches!(byte, b' ' | b'\t'));
        let bracket = before(bytes, end) == b']';
        end -= usize::from(bracket);
        let quoted = matches!(before(bytes, end), b'"' | b'\'' | b'`');
        end -= usize::from(quoted);
        if !is_alnum(before(bytes, end)) {
            return None;
        }
        if !names.may_end(bytes.get(end.saturating_sub(LONGEST_END)..end)?) {
            return None;
        }
        let mut start = run_back(bytes, end, MAX_NAME, is_word);
        if !quoted && is_type(bytes.get(start..end)?) {
            end = run_back(bytes, start, 16, |byte| matches!(byte, b' ' | b':'));
            start = run_back(bytes, end, MAX_NAME, is_word);
        }
        // `user[password]=`, but not the mask of what stood here before.
        if bracket && !quoted && before(bytes, start) != b'[' {
            return None;
        }
        let strength = names.strength(bytes.get(start..end)?)?;
        Some(Self { start, end, strength })
    }
}

/// `var token string = ...`, `token: str = ...`: the name is before the type.
fn is_type(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"string") || word == b"str"
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    start: usize,
    end: usize,
    quote: Option<u8>,
    /// Whether `=>` stands before it.
    arrow: bool,
}

impl Value {
    /// What stands behind the operator that ends at `from`: in quotes, or up to a space or a separator.
    fn behind(bytes: &[u8], from: usize) -> Option<Self> {
        let mut start = run(bytes, from, |byte| matches!(byte, b' ' | b'\t'));
        // On a line of its own, as in XML; never behind an empty `key:`, whose next line is another key.
        if before(bytes, from) == b'>' {
            start = run(bytes, start, is_space);
        }
        let arrow = bytes.get(..from).is_some_and(|before| before.ends_with(b"=>"));
        let quote = Some(at(bytes, start)).filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        let value = match quote {
            Some(_) => Self {
                start: start + 1,
                end: quoted_end(bytes, start)?,
                quote,
                arrow,
            },
            None => Self {
                start,
                end: unquoted_end(bytes, start),
                quote,
                arrow,
            },
        };
        (value.start < value.end).then_some(value)
    }

    /// The credentials in an `Authorization` header, or in the field of that name.
    fn authorization(self, bytes: &[u8], name: Name, names: &Names) -> Option<(usize, usize)> {
        if !ends_with(bytes.get(name.start..name.end)?, b"authorization") {
            return None;
        }
        let scheme_end = run(bytes, self.start, is_word);
        let (start, end) = word::scheme_value(bytes, self.start, scheme_end)?;
        let value = bytes.get(start..end)?;
        (value.len() >= 4 && !is_placeholder(value, names)).then_some((start, end))
    }

    /// The value of an HTTP header has spaces in it: cookies, and most schemes of authorization.
    fn of_header(self, bytes: &[u8], name: &[u8]) -> Self {
        const SCHEMES: [&str; 6] = ["AWS4-HMAC-SHA256", "ApiKey", "Digest", "Hawk", "Negotiate", "OAuth"];
        let first = bytes.get(self.start..self.end).unwrap_or_default();
        let is_scheme = SCHEMES
            .iter()
            .any(|scheme| first.eq_ignore_ascii_case(scheme.as_bytes()));
        let has_scheme = ends_with(name, b"authorization") && is_scheme;
        if !has_scheme && !ends_with(name, b"cookie") {
            return self;
        }
        let line_end = run(bytes, self.end, |byte| {
            !matches!(byte, b'\n' | b'\r' | b'"' | b'\'' | b'`')
        });
        let start = if has_scheme {
            run(bytes, self.end, |byte| byte == b' ')
        } else {
            self.start
        };
        Self {
            start,
            end: line_end,
            quote: None,
            arrow: false,
        }
    }

    fn is_secret(self, bytes: &[u8], strength: Strength, names: &Names) -> bool {
        let value = bytes.get(self.start..self.end).unwrap_or_default();
        if value.len() < 4 || is_placeholder(value, names) || is_literal(value) || mask_at(bytes, self.start, names) {
            return false;
        }
        let is_call = self.quote.is_none() && memchr::memchr(b'(', value).is_some_and(|open| is_code(value, open));
        // `password => user.name`: an expression, but for what no name looks like.
        let is_expression = self.quote.is_none() && self.arrow && !looks_random(value);
        match strength {
            _ if is_expression => false,
            Strength::Certain => !is_call,
            Strength::Likely if self.quote.is_some() => !value.contains(&b' ') && !is_url(value),
            Strength::Likely => !is_call && !is_url(value) && !is_prose(value),
            Strength::Weak => looks_random(value) && !value.iter().any(|byte| matches!(byte, b'.' | b'~')),
        }
    }
}

fn ends_with(name: &[u8], end: &[u8]) -> bool {
    name.len() >= end.len()
        && name
            .get(name.len() - end.len()..)
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// `read_token()`, `f(x`: a name and a bracket.
fn is_code(value: &[u8], open: usize) -> bool {
    let name = value.get(..open).unwrap_or_default();
    let is_name =
        name.first().is_some_and(u8::is_ascii_alphabetic) && name.iter().all(|&byte| is_word(byte) || byte == b'.');
    is_name && (open + 1 == value.len() || value.ends_with(b")"))
}

fn is_url(value: &[u8]) -> bool {
    value.starts_with(b"http://") || value.starts_with(b"https://")
}

fn quoted_end(bytes: &[u8], open: usize) -> Option<usize> {
    let inside = open + 1;
    let end = memchr::memchr2(at(bytes, open), b'\n', bytes.get(inside..)?)?;
    Some(inside + end)
}

fn unquoted_end(bytes: &[u8], start: usize) -> usize {
    let is_end = |byte: u8| is_space(byte) || matches!(byte, b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'<' | b'>');
    let end = run(bytes, start, |byte| !is_end(byte));
    // Brackets belong to the value where they were opened in it.
    let value = bytes.get(start..end).unwrap_or_default();
    let count = |wanted: u8| value.iter().filter(|byte| **byte == wanted).count();
    let closes = |open: u8, close: u8| value.last() == Some(&close) && count(close) > count(open);
    if closes(b'(', b')') || closes(b'[', b']') || closes(b'{', b'}') {
        end - 1
    } else {
        end
    }
}

fn is_literal(value: &[u8]) -> bool {
    const LITERALS: [&str; 8] = [
        "true",
        "false",
        "null",
        "none",
        "undefined",
        "required",
        "optional",
        "string",
    ];
    LITERALS
        .iter()
        .any(|literal| value.eq_ignore_ascii_case(literal.as_bytes()))
}

/// `token: expired`, `Secret: kept`, `session-manager`: nothing but letters, at most the first of them a capital.
fn is_prose(value: &[u8]) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte >= 0x80;
    let is_mark = |byte: u8| matches!(byte, b'-' | b'_' | b'/' | b'.' | b'!' | b'?' | b':' | b')');
    value.iter().skip(1).all(|&byte| is_letter(byte) || is_mark(byte))
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::found;

    #[test]
    fn assignments() {
        for (text, value) in [
            ("password=hunter2 next", "hunter2"),
            ("DB_PASSWORD: 'a b c'", "a b c"),
            (r#"{"apiKey": "abcd-efgh", "n": 1}"#, "abcd-efgh"),
            (r#"{\"token\": \"abcd1234\"}"#, "abcd1234"),
            ("?a=1&access_token=abc123&b=2", "abc123"),
            ("secret := `x1y2z3`", "x1y2z3"),
            ("config[\"password\"] = \"hunter2\"", "hunter2"),
            ("user[password]=hunter2", "hunter2"),
            ("'token' => 'abc123'", "abc123"),
            ("<clientSecret>\n  abc123\n</clientSecret>", "abc123"),
            ("set(\"DB_PASSWORD\", \"hunter2\")", "hunter2"),
            ("var token string = \"abc123\"", "abc123"),
            ("let token: str = 'abc123'", "abc123"),
            ("STRIPE_KEY=0123456789abcdef0123", "0123456789abcdef0123"),
            ("Cookie: a=b; c=d\nx", "a=b; c=d"),
            ("authorization: Digest username=\"x\"", "username="),
        ] {
            assert_eq!(found(text), [("secret-key", value)], "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "password: $PASSWORD",
            "token_count=1234",
            "max_tokens: 4096",
            "tokenizer: gpt2x1",
            "token: expired",
            "the secret: nobody knows",
            "password=\"\"",
            "password: null",
            "token = read_token()",
            "secret_url=https://example.com",
            "public_key=0123456789abcdef0123",
            "password=[redacted:secret-key]",
            "[\"token\", \"member\"]",
            "password=xxxxxxxxxxxx1",
            "api_key: \"insert_key_here\"",
            "[token:0123456789ab]",
            "{\"password\": \"[secret-key:0123456789ab]\"}",
            "Token::LeftBrace",
            "12:34:56",
            "a=b",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
