//! The bundled redactor: finds secrets and personal data in text by their form, and by the names that they stand under.
//!
//! | class | what |
//! | --- | --- |
//! | `email` | e-mail addresses |
//! | `phone` | telephone numbers: international, North American, national with a leading 0; others beside a word for them |
//! | `card` | payment card numbers: 13 to 19 digits, in groups or not, of a known network, with a right check digit |
//! | `iban` | bank account numbers of a known country, with right check digits |
//! | `us-ssn` | US social security and taxpayers' numbers |
//! | `national-id` | numbers that some 40 states give to people, by their form and check digits, or beside their name |
//! | `ip` | IPv4 and IPv6 addresses, but those that every machine has |
//! | `mac` | addresses of network cards |
//! | `crypto` | addresses of wallets |
//! | `jwt` | JSON web tokens |
//! | `credentials` | of HTTP (`Bearer ...`, `Basic ...`) and curl (`-u user:password`) |
//! | `url-password` | the password in `scheme://user:password@host` |
//! | `token` | tokens of some 150 kinds that tell their issuer, such as `ghp_...`, `AKIA...`, `xoxb-...`; secret web hook URLs |
//! | `private-key` | PEM blocks |
//! | `secret-key` | values of names such as `password`, `client_secret`, `apiKey`: in a text (`password=...`), or the whole text where its path ends so; generated passwords in base64 |
//!
//! JSON strings in strings, URL-encoding and base64 are looked through.
//!
//! Configuration, all of it optional:
//!
//! | key | value |
//! | --- | --- |
//! | `classes` | which to look for; default all |
//! | `style` | `mask` (default): `[redacted:email]`; `label`: `[email]`; `partial`: `[card:****1111]`, `[email:***@example.com]`; `hash`: `[email:3f9a01c2b7de]`; `token`: the same form, other digits and letters |
//! | `styles` | style by class, such as `{"email": "partial"}` |
//! | `hash_key` | for `hash` and `token`: a text of at least 16 bytes, or `{"secret": "name"}` |
//! | `secret_names` | more names whose values are secret, such as `kennwort`; `_`, `-` and capitals do not matter |
//! | `words` | lists of words: `{"label", "words", "case_sensitive", "style"}`; whole words, by default in any case |
//! | `patterns` | regular expressions: `{"label", "pattern", "unicode", "style"}`, as the crate `regex` has them; without `unicode`, of ASCII |
//! | `exclude.paths` | dotted paths that are left alone, with all below them; `*` is one step, `**` any number |
//! | `exclude.values` | values that are no secrets, such as `noreply@example.com`; `*@example.com` is all that end so |
//! | `rules` | what is different at some paths: `{"paths", "classes", "style", "styles"}`; the first that covers a path counts |
//!
//! Every text takes time in proportion to its length. One in which nothing could begin costs a look with vector
//! instructions and no more.

mod anchors;
mod base64;
mod bytes;
mod class;
mod config;
mod context;
mod detect;
mod finding;
mod key;
mod own;
mod path;
mod placeholder;
mod runs;
mod scan;
mod style;
mod view;

pub use config::Config;

use class::Class;
use config::Profile;
use context::Context;
use finding::{Finding, Scope, Sink};
use key::Names;
use patchpanel_plugin::{ConfigError, Edits, Redactor, export_redactor};
use path::{Paths, Verdict};
use std::sync::Arc;
use style::{Style, Styles, Writer};

/// Finds and replaces.
#[derive(Debug)]
pub struct Redact {
    sink: Sink,
    paths: Paths,
    /// That for all paths, then those of the rules.
    profiles: Vec<Profile>,
    names: Arc<Names>,
    replacer: Replacer,
}

/// Says what stands in the place of a finding.
#[derive(Debug)]
struct Replacer {
    writer: Writer,
    excluded_values: Vec<String>,
}

impl Replacer {
    fn replace(&self, text: &str, finding: Finding, styles: &Styles, out: &mut Edits) {
        let finding = finding.whole(text);
        let value = text.get(finding.start..finding.end).unwrap_or_default();
        if self.is_excluded(value) {
            return;
        }
        let (label, style) = styles.of(finding.class);
        let write = |out: &mut String| self.writer.write(out, value, finding, (label, style));
        out.replace_with(finding.start..finding.end, label, write);
    }

    /// What a second redactor of the same configuration would read. A token it would take for a value, which cannot be
    /// helped; that shall not keep the first one from coming to an end.
    fn preview(&self, out: &mut String, value: &str, finding: Finding, styles: &Styles) {
        let (label, style) = styles.of(finding.class);
        let style = if style == Style::Token { Style::Mask } else { style };
        if self.is_excluded(value) {
            out.push_str(value);
        } else {
            self.writer.write(out, value, finding, (label, style));
        }
    }

    fn is_excluded(&self, value: &str) -> bool {
        let value = value.as_bytes();
        self.excluded_values
            .iter()
            .any(|excluded| match excluded.strip_prefix('*') {
                Some(end) => {
                    value.len() >= end.len()
                        && value
                            .get(value.len() - end.len()..)
                            .is_some_and(|tail| tail.eq_ignore_ascii_case(end.as_bytes()))
                }
                None => excluded.as_bytes().eq_ignore_ascii_case(value),
            })
    }
}

impl Redact {
    fn scan(&mut self, text: &str, profile: usize, context: Context, out: &mut Edits) {
        let Some(Profile { classes, styles }) = self.profiles.get(profile) else {
            return;
        };
        let replacer = &self.replacer;
        self.sink.begin(*classes, context);
        let preview = |out: &mut String, value: &str, finding: Finding| replacer.preview(out, value, finding, styles);
        for finding in scan::settled(text, &mut self.sink, preview) {
            replacer.replace(text, finding, styles, out);
        }
    }
}

impl Redactor for Redact {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let settings = config.check()?;
        let scope = Scope {
            wanted: settings.profile.classes,
            context: Context::NONE,
            names: Arc::clone(&settings.names),
            own: settings.own,
        };
        let (rules, mut profiles): (Vec<_>, Vec<_>) = settings.rules.into_iter().unzip();
        profiles.insert(0, settings.profile);
        Ok(Self {
            sink: Sink::new(scope),
            paths: Paths::new(settings.excluded_paths, rules, Arc::clone(&settings.names)),
            profiles,
            names: settings.names,
            replacer: Replacer {
                writer: Writer::new(settings.hash_key.as_deref()),
                excluded_values: settings.excluded_values,
            },
        })
    }

    fn edits(&mut self, path: &str, text: &str, out: &mut Edits) {
        match self.paths.verdict(path) {
            Verdict::Excluded => {}
            Verdict::Secret(number) => match self.profiles.get(number) {
                Some(profile) if profile.classes.has(Class::SecretKey) => {
                    if !text.is_empty() && !placeholder::is_redacted(text.as_bytes(), &self.names) {
                        let whole = Finding {
                            start: 0,
                            end: text.len(),
                            class: Class::SecretKey,
                            exact: true,
                        };
                        self.replacer.replace(text, whole, &profile.styles, out);
                    }
                }
                _ => self.scan(text, number, Context::NONE, out),
            },
            Verdict::Scan(number, context) => self.scan(text, number, context, out),
        }
    }
}

export_redactor! {
    Redact,
    name: "redact",
    description: "Replaces secrets and personal data: addresses, card and account numbers, tokens, passwords, keys.",
    capabilities: r#"{"secrets": ["*"]}"#,
    config_schema: include_str!("schema.json"),
    examples: include_str!("examples.json"),
}

#[cfg(test)]
mod tests;
