//! What stands in place of what was found.
//!
//! | style | example |
//! | --- | --- |
//! | `mask` | `[redacted:email]` |
//! | `hash` | `[email:3f9a01c2b7de]`: the same for the same value and key, so that values can be told apart and joined |
//! | `partial` | `[card:****1111]`, `[iban:****4300]`, `[email:***@example.com]`, `[token:ghp_***]`; others: `mask` |
//!
//! None of these is found again, so that redacting twice changes nothing.

use crate::class::Class;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use std::fmt::Write;

/// How to replace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Style {
    #[default]
    Mask,
    Hash,
    Partial,
}

/// Writes replacements.
#[derive(Debug)]
pub(crate) struct Writer {
    styles: [Style; Class::ALL.len()],
    hash: Option<Hmac<Sha256>>,
}

impl Writer {
    pub(crate) fn new(styles: [Style; Class::ALL.len()], key: Option<&[u8]>) -> Self {
        // HMAC takes keys of any length.
        let hash = key.and_then(|key| Hmac::new_from_slice(key).ok());
        Self { styles, hash }
    }

    /// Appends what replaces `value`. `exact` says that `value` is a `class` and nothing else.
    pub(crate) fn write(&self, out: &mut String, value: &str, class: Class, exact: bool) {
        let name = class.name();
        let style = self.styles.get(class as usize).copied().unwrap_or_default();
        match (style, &self.hash) {
            (Style::Hash, Some(hash)) => {
                let digest = hash.clone().chain_update(value.as_bytes()).finalize().into_bytes();
                let _ = write!(out, "[{name}:");
                for byte in digest.iter().take(6) {
                    let _ = write!(out, "{byte:02x}");
                }
                out.push(']');
            }
            (Style::Partial, _) if exact && push_partial(out, value, class) => {}
            _ => {
                let _ = write!(out, "[redacted:{name}]");
            }
        }
    }
}

/// False, and nothing written, where no part may stay.
fn push_partial(out: &mut String, value: &str, class: Class) -> bool {
    let written = match class {
        Class::Card | Class::Iban => {
            let kept: Vec<char> = value.chars().filter(char::is_ascii_alphanumeric).collect();
            let last: String = kept.iter().skip(kept.len().saturating_sub(4)).collect();
            write!(out, "[{}:****{last}]", class.name())
        }
        Class::Email => match value.rsplit_once('@') {
            Some((_, domain)) => write!(out, "[email:***@{domain}]"),
            None => return false,
        },
        Class::Token => match value.find(['_', '-']).filter(|end| *end <= 12) {
            Some(end) => write!(out, "[token:{}***]", value.get(..=end).unwrap_or_default()),
            None => return false,
        },
        _ => return false,
    };
    written.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(style: Style, value: &str, class: Class, exact: bool) -> String {
        let mut out = String::new();
        Writer::new([style; Class::ALL.len()], Some(b"key")).write(&mut out, value, class, exact);
        out
    }

    #[test]
    fn styles() {
        assert_eq!(written(Style::Mask, "a@b.de", Class::Email, true), "[redacted:email]");
        for (value, class, expected) in [
            ("4111 1111 1111 1111", Class::Card, "[card:****1111]"),
            ("DE89 3704 0044 0532 0130 00", Class::Iban, "[iban:****3000]"),
            ("jane@example.com", Class::Email, "[email:***@example.com]"),
            ("ghp_abcdef", Class::Token, "[token:ghp_***]"),
            ("AKIAIOSFODNN7EXAMPLE", Class::Token, "[redacted:token]"),
            ("hunter2", Class::SecretKey, "[redacted:secret-key]"),
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
}
