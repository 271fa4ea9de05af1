//! What stands in place of what was found.
//!
//! | style | example |
//! | --- | --- |
//! | `mask` | `[redacted:email]` |
//! | `label` | `[email]` |
//! | `partial` | `[card:****1111]`, `[email:***@example.com]`, `[token:ghp_***]`, `[ip:203.0.***]`: what may stay of the class, else `mask` |
//! | `hash` | `[email:3f9a01c2b7de]`: the same for the same value and key, so that values can be told apart and joined |
//! | `token` | `+49 30 1234567` becomes `+83 27 4410935`: as `hash`, in the form of the value |
//!
//! None of the first four is found again, so that redacting twice changes nothing. A token looks like what it replaces,
//! so it may be: redacting twice gives another token, never the value.

use crate::class::Class;
use crate::finding::Finding;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How to replace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Style {
    #[default]
    Mask,
    Label,
    Partial,
    Hash,
    Token,
}

/// The style of each class.
#[derive(Debug, Clone)]
pub(crate) struct Styles {
    classes: [Style; Class::ALL.len()],
    /// Of the operator's own: label and style.
    own: Vec<(&'static str, Style)>,
}

impl Styles {
    pub(crate) const fn new(style: Style, own: Vec<(&'static str, Style)>) -> Self {
        Self {
            classes: [style; Class::ALL.len()],
            own,
        }
    }

    pub(crate) fn set(&mut self, styles: &BTreeMap<Class, Style>) {
        for (class, style) in styles {
            if let Some(slot) = self.classes.get_mut(class.index()) {
                *slot = *style;
            }
        }
    }

    pub(crate) fn set_all(&mut self, style: Style) {
        self.classes.fill(style);
        self.own.iter_mut().for_each(|(_, own)| *own = style);
    }

    pub(crate) fn need_key(&self) -> bool {
        let own = self.own.iter().map(|(_, style)| style);
        self.classes
            .iter()
            .chain(own)
            .any(|style| matches!(style, Style::Hash | Style::Token))
    }

    pub(crate) fn own_labels(&self) -> impl Iterator<Item = &'static str> {
        self.own.iter().map(|(label, _)| *label)
    }

    /// The label of a class, and its style.
    pub(crate) fn of(&self, class: Class) -> (&'static str, Style) {
        let own = |number: u8| self.own.get(usize::from(number)).copied();
        match class {
            Class::Own(number) => own(number).unwrap_or((class.name(), Style::Mask)),
            _ => (
                class.name(),
                self.classes.get(class.index()).copied().unwrap_or_default(),
            ),
        }
    }
}

/// Writes replacements.
#[derive(Debug)]
pub(crate) struct Writer {
    hash: Option<Hmac<Sha256>>,
}

impl Writer {
    pub(crate) fn new(key: Option<&[u8]>) -> Self {
        // HMAC takes keys of any length.
        let hash = key.and_then(|key| Hmac::new_from_slice(key).ok());
        Self { hash }
    }

    /// Appends what replaces `value`.
    pub(crate) fn write(&self, out: &mut String, value: &str, found: Finding, (name, style): (&str, Style)) {
        let Finding { class, exact, .. } = found;
        match (style, &self.hash) {
            (Style::Hash, Some(hash)) => {
                let digest = hash.clone().chain_update(value.as_bytes()).finalize().into_bytes();
                let _ = write!(out, "[{name}:");
                for byte in digest.iter().take(6) {
                    let _ = write!(out, "{byte:02x}");
                }
                out.push(']');
            }
            (Style::Token, Some(hash)) => push_token(out, value, class, hash),
            (Style::Label, _) => {
                let _ = write!(out, "[{name}]");
            }
            (Style::Partial, _) if exact && push_partial(out, value, class, name) => {}
            _ => {
                let _ = write!(out, "[redacted:{name}]");
            }
        }
    }
}

/// False, and nothing written, where no part may stay.
fn push_partial(out: &mut String, value: &str, class: Class, name: &str) -> bool {
    // Of a shorter value, four characters are too much of it.
    const ENOUGH: usize = 9;
    const LONGEST_DOMAIN: usize = 64;
    let written = match class {
        Class::Card | Class::Iban | Class::UsSsn | Class::NationalId | Class::Phone | Class::Crypto | Class::Own(_) => {
            let kept: Vec<char> = value.chars().filter(char::is_ascii_alphanumeric).collect();
            if kept.len() < ENOUGH {
                return false;
            }
            let last: String = kept.iter().skip(kept.len() - 4).collect();
            write!(out, "[{name}:****{last}]")
        }
        // A mask has an end, which must be found to know it again.
        Class::Email => match value
            .rsplit_once('@')
            .filter(|(_, domain)| domain.len() <= LONGEST_DOMAIN)
        {
            Some((_, domain)) => write!(out, "[email:***@{domain}]"),
            None => return false,
        },
        Class::Token => match value.find(['_', '-']).filter(|end| *end <= 12) {
            Some(end) => write!(out, "[token:{}***]", value.get(..=end).unwrap_or_default()),
            None => return false,
        },
        // The network; of a card, who made it.
        Class::Ip => match value.match_indices(['.', ':']).nth(1).filter(|_| !value.contains("::")) {
            Some((end, _)) => write!(out, "[ip:{}***]", value.get(..=end).unwrap_or_default()),
            None => return false,
        },
        Class::Mac => write!(out, "[mac:{}***]", value.get(..9).unwrap_or_default()),
        _ => return false,
    };
    written.is_ok()
}

/// Digits become digits, small letters small ones, capitals capitals; all else stays.
fn push_token(out: &mut String, value: &str, class: Class, hash: &Hmac<Sha256>) {
    let begin = out.len();
    let mut block = 0u32;
    let mut stream = std::iter::from_fn(|| {
        // A separator keeps these apart from the digests of the style `hash`.
        let keyed = hash
            .clone()
            .chain_update(value.as_bytes())
            .chain_update([0])
            .chain_update(block.to_be_bytes());
        block += 1;
        Some(keyed.finalize().into_bytes())
    })
    .flatten();
    let mut next = |from: u8, count: u8| char::from(from + stream.next().unwrap_or_default() % count);
    for sign in value.chars() {
        out.push(match sign {
            '0'..='9' => next(b'0', 10),
            'a'..='z' => next(b'a', 26),
            'A'..='Z' => next(b'A', 26),
            other => other,
        });
    }
    // Nobody's card: a token must not be a number that was given out.
    let digits: Vec<u8> = out
        .bytes()
        .skip(begin)
        .filter(u8::is_ascii_digit)
        .map(|digit| digit - b'0')
        .collect();
    if class == Class::Card
        && crate::detect::luhn(&digits)
        && let Some(last) = out.pop()
    {
        out.push(if last == '9' { '0' } else { char::from(last as u8 + 1) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(style: Style, value: &str, class: Class, exact: bool) -> String {
        let mut out = String::new();
        let name = if let Class::Own(_) = class {
            "project"
        } else {
            class.name()
        };
        let found = Finding {
            start: 0,
            end: value.len(),
            class,
            exact,
        };
        Writer::new(Some(b"key")).write(&mut out, value, found, (name, style));
        out
    }

    #[test]
    fn styles() {
        assert_eq!(written(Style::Mask, "a@b.de", Class::Email, true), "[redacted:email]");
        assert_eq!(written(Style::Label, "a@b.de", Class::Email, true), "[email]");
        assert_eq!(written(Style::Label, "Manhattan", Class::Own(0), true), "[project]");
        for (value, class, expected) in [
            ("4111 1111 1111 1111", Class::Card, "[card:****1111]"),
            ("DE89 3704 0044 0532 0130 00", Class::Iban, "[iban:****3000]"),
            ("jane@example.com", Class::Email, "[email:***@example.com]"),
            ("ghp_abcdef", Class::Token, "[token:ghp_***]"),
            ("AKIAIOSFODNN7EXAMPLE", Class::Token, "[redacted:token]"),
            ("hunter2", Class::SecretKey, "[redacted:secret-key]"),
            ("(202) 555-0143", Class::Phone, "[phone:****0143]"),
            ("555-0143", Class::Phone, "[redacted:phone]"),
            ("203.0.113.7", Class::Ip, "[ip:203.0.***]"),
            ("2001:db8::1", Class::Ip, "[redacted:ip]"),
            ("00:1a:2b:3c:4d:5e", Class::Mac, "[mac:00:1a:2b:***]"),
            ("Manhattan 42", Class::Own(0), "[project:****an42]"),
        ] {
            assert_eq!(written(Style::Partial, value, class, true), expected);
        }
        assert_eq!(
            written(Style::Partial, "jane@example.com", Class::Email, false),
            "[redacted:email]"
        );
    }

    #[test]
    fn hashes_are_keyed_and_stable() {
        // printf %s 'a@b.de' | openssl dgst -sha256 -hmac key
        let hash = written(Style::Hash, "a@b.de", Class::Email, true);
        assert_eq!(hash, "[email:2250704644ba]");
        assert_eq!(hash, written(Style::Hash, "a@b.de", Class::Email, false));
        assert_ne!(hash, written(Style::Hash, "a@b.df", Class::Email, true));
    }

    #[test]
    fn tokens_have_the_form_of_what_they_replace() {
        let form = |text: &str| -> String {
            let sign = |sign: char| match sign {
                '0'..='9' => '9',
                'a'..='z' => 'a',
                'A'..='Z' => 'A',
                other => other,
            };
            text.chars().map(sign).collect()
        };
        for (value, class) in [
            ("Jürgen.Doe+1@Example.com", Class::Email),
            ("4111-1111-1111-1111", Class::Card),
            ("DE89 3704 0044 0532 0130 00", Class::Iban),
        ] {
            let token = written(Style::Token, value, class, true);
            assert_eq!(form(&token), form(value));
            assert_ne!(token, value);
            assert_eq!(token, written(Style::Token, value, class, true));
        }
        for number in 0..500 {
            let token = written(Style::Token, &format!("4111 {number:04} 1111 1111"), Class::Card, true);
            let digits: Vec<u8> = token
                .bytes()
                .filter(u8::is_ascii_digit)
                .map(|digit| digit - b'0')
                .collect();
            assert!(!crate::detect::luhn(&digits), "{token}");
        }
    }
}
