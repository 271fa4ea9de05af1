//! Secrets in what plugins say. A server may repeat what it was sent, and the plugin what the server said: in a problem, a
//! receipt, a line for the log.
//!
//! Every value that is read for a plugin, or filled into its requests, is remembered; in texts of the plugin `[redacted]`
//! stands in its place, however it was encoded on its way. Short ones are left: they would stand in any text.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use http::Uri;

use crate::placeholders::encoded;

const MASK: &str = "[redacted]";

/// Shorter values are not masked.
const LEAST: usize = 4;
/// Parts of a URL, and encoded forms, from this length on: shorter ones are words and no passwords.
const LEAST_PART: usize = 16;
/// Values that are remembered; then the oldest goes. A value that is renewed leaves the one before for a while.
const MOST: usize = 64;

/// The secrets that one configured plugin has had.
#[derive(Default)]
pub(crate) struct Masks(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// The oldest first.
    values: VecDeque<String>,
    /// Finds all forms of all of them, the longest of those that begin at one place.
    finder: Option<AhoCorasick>,
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks")
    }
}

impl Masks {
    /// Remembers a value. One that is known costs a comparison.
    pub(crate) fn remember(&self, value: &str) {
        let is_known = |known: &Known| known.values.iter().any(|other| other == value);
        if value.len() < LEAST || is_known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if is_known(&known) {
            return;
        }
        known.values.push_back(value.to_owned());
        if known.values.len() > MOST {
            known.values.pop_front();
        }
        let forms = known.values.iter().flat_map(|value| forms(value));
        // Fails only where patterns have gigabytes.
        known.finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(forms)
            .ok();
    }

    /// The text without the values.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(finder) = known.finder.as_ref().filter(|finder| finder.is_match(text)) else {
            return Cow::Borrowed(text);
        };
        let mut hidden = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut hidden, |_, _, hidden| {
            hidden.push_str(MASK);
            true
        });
        Cow::Owned(hidden)
    }

    /// The same for a text that is one's own.
    pub(crate) fn hidden(&self, text: String) -> String {
        let hidden = match self.hide(&text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(hidden) => Some(hidden),
        };
        hidden.unwrap_or(text)
    }
}

/// How a value may come back: as it is, without blanks, in a URL, in JSON, in base64 with something before it. Of a URL also
/// what stands behind its host, and the long parts of that.
fn forms(value: &str) -> Vec<String> {
    let trimmed = value.trim();
    let json = serde_json::Value::from(trimmed).to_string();
    let mut forms = vec![
        value.to_owned(),
        trimmed.to_owned(),
        encoded(trimmed),
        json.get(1..json.len() - 1).unwrap_or_default().to_owned(),
    ];
    forms.retain(|form| form.len() >= LEAST);
    let mut parts: Vec<String> = (0..3).flat_map(|before| in_base64(trimmed, before)).collect();
    let url = trimmed.parse::<Uri>().ok().filter(|url| url.scheme().is_some());
    if let Some(path) = url.as_ref().and_then(Uri::path_and_query) {
        let path = path.as_str();
        parts.extend(path.split(['/', '?', '&', '=']).chain([path]).map(str::to_owned));
    }
    forms.extend(parts.into_iter().filter(|part| part.len() >= LEAST_PART));
    forms
}

/// The characters that stand for the value alone where so many bytes come before it, of both alphabets.
fn in_base64(value: &str, before: usize) -> [String; 2] {
    let bytes = [vec![0; before], value.as_bytes().to_vec()].concat();
    // A character is six bits: those that hold bits of a neighbour's byte are left out.
    let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD]
        .map(|alphabet| alphabet.encode(&bytes).get(first..last).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD;

    #[test]
    fn every_form_of_a_value_is_hidden_and_nothing_else() {
        let masks = Masks::default();
        let text = "Bearer s3 cret/with ü and more".to_owned();
        assert_eq!(masks.hidden(text.clone()), text);
        let value = "s3 cret/\"with ü\"\n";
        masks.remember(value);
        masks.remember("s3 cret/\"with ü\", but longer");
        masks.remember("abc");
        for (said, hidden) in [
            ("a s3 cret/\"with ü\"\n b", "a [redacted] b"),
            ("a s3 cret/\"with ü\" b", "a [redacted] b"),
            ("a s3 cret/\"with ü\", but longer b", "a [redacted] b"),
            (r#"{"a": "s3 cret/\"with ü\""}"#, r#"{"a": "[redacted]"}"#),
            ("/x?a=s3%20cret%2F%22with%20%C3%BC%22&b", "/x?a=[redacted]&b"),
            ("abc s3 cret", "abc s3 cret"),
        ] {
            assert_eq!(masks.hide(said), hidden);
        }
        for user in ["", "a", "ab", "abc"] {
            let said = BASE64_STANDARD.encode(format!("{user}:{}:x", value.trim()));
            let hidden = masks.hide(&said);
            assert!(
                hidden.contains(MASK) && hidden.len() < MASK.len() + 14,
                "{said}: {hidden}"
            );
        }
        assert_eq!(format!("{masks:?}"), "Masks");
    }

    #[test]
    fn of_a_url_the_path_is_hidden_and_the_host_is_not() {
        let masks = Masks::default();
        masks.remember("https://hooks.example/services/T0123/abcdefghijklmnop?sig=0123456789abcdef");
        for (said, hidden) in [
            (
                "POST /services/T0123/abcdefghijklmnop?sig=0123456789abcdef",
                "POST [redacted]",
            ),
            ("no abcdefghijklmnop at hooks.example", "no [redacted] at hooks.example"),
            ("sig 0123456789abcdef, services", "sig [redacted], services"),
        ] {
            assert_eq!(masks.hide(said), hidden);
        }
    }

    #[test]
    fn the_oldest_value_goes_first() {
        let masks = Masks::default();
        for number in 0..=MOST {
            masks.remember(&format!("value-{number:03}"));
        }
        assert_eq!(masks.hide("value-000 value-001"), "value-000 [redacted]");
    }
}
