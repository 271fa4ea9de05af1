//! A redactor that does next to nothing, so that a bench of it measures the crossing: it scans for `@` and hides the
//! e-mail address around it.

use memchr::memchr_iter;
use patchpanel_plugin::{ConfigError, Edits, Redactor, export_redactor};
use serde::Deserialize;

/// What the bench chooses.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    work: Work,
}

/// What is done with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// It is not looked at: what remains is the crossing.
    Nothing,
    /// E-mail addresses are looked for.
    Scan,
}

/// The redactor.
#[derive(Clone, Copy, Debug)]
pub struct AtSigns {
    work: Work,
}

impl Redactor for AtSigns {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(AtSigns { work: config.work })
    }

    fn edits(&mut self, _path: &str, text: &str, out: &mut Edits) {
        if self.work == Work::Nothing {
            return;
        }
        let bytes = text.as_bytes();
        let mut free = 0;
        for at in memchr_iter(b'@', bytes) {
            let before = bytes.get(free..at).unwrap_or_default();
            let behind = bytes.get(at + 1..).unwrap_or_default();
            let start = at - before.iter().rev().take_while(|byte| is_local(**byte)).count();
            let end = at + 1 + behind.iter().take_while(|byte| is_domain(**byte)).count();
            if start < at && at + 1 < end {
                out.replace(start..end, "email", "[email]");
                free = end;
            }
        }
    }
}

const fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+')
}

const fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

export_redactor! { AtSigns, description: "Hides what looks like an e-mail address. For benches." }

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use patchpanel_plugin::testing;

    use super::*;

    #[test]
    fn finds_the_address_around_the_sign() {
        let mut plugin = testing::configure_redactor::<AtSigns>(r#"{"work": "scan"}"#).unwrap();
        let mut redact = |text| testing::redact(&mut plugin, "message", text).unwrap();
        assert_eq!(redact("to ada.b@example.org, bob@example.com"), "to [email], [email]");
        assert_eq!(redact("a@b@c @ @x y@"), "[email]@c @ @x y@");
        assert_eq!(redact("none"), "none");
    }
}
