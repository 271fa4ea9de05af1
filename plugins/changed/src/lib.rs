//! The bundled changed plugin: lets an event pass where its content differs from that of the event before it with the same
//! subject, and drops it otherwise. What passes gets `metadata.old_hash` (null for the first) and `metadata.new_hash`.
//!
//! | key | value |
//! | --- | --- |
//! | `content` | paths of what is compared; default `["payload"]` |
//! | `subject` | paths of what tells one thing from another; default `["subject"]` |
//! | `without_subject` | what becomes of events without any of these: `pass` (default) or `drop` |
//! | `forget_after` | how long a subject is remembered after its last change; default: for good |

mod history;

use history::{Decision, History};
use patchpanel_plugin::{
    ConfigError, Draft, Event, Failure, HumanDuration, Outcome, Path, Transform, export_transform, fingerprint, kv,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What the operator may say; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "default_content")]
    content: Vec<String>,
    #[serde(default = "default_subject")]
    subject: Vec<String>,
    #[serde(default)]
    without_subject: WithoutSubject,
    #[serde(default)]
    forget_after: Option<HumanDuration>,
}

fn default_content() -> Vec<String> {
    vec!["payload".to_owned()]
}

fn default_subject() -> Vec<String> {
    vec!["subject".to_owned()]
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WithoutSubject {
    #[default]
    Pass,
    Drop,
}

/// Notices changes.
#[derive(Debug)]
pub struct Changed {
    content: Vec<Path>,
    subject: Vec<Path>,
    without_subject: WithoutSubject,
    forget_after: Option<Duration>,
    old_hash: Path,
    new_hash: Path,
}

/// Other instances may be quicker so often with the same subject.
const TRIES: u32 = 100;

impl Transform for Changed {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        for (list, place) in [(&config.content, "content"), (&config.subject, "subject")] {
            if list.is_empty() {
                errors.push(ConfigError::new(
                    place,
                    "must name something: leave it out for the default",
                ));
            }
        }
        let content = Path::parse_all(&config.content, "content", &mut errors);
        let subject = Path::parse_all(&config.subject, "subject", &mut errors);
        if config.forget_after.is_some_and(|time| time.0.is_zero()) {
            errors.push(ConfigError::new("forget_after", "must be more than 0"));
        }
        let target = |text| Path::parse_target(text).map_err(|message| ConfigError::new("", message));
        match errors.is_empty() {
            true => Ok(Self {
                content,
                subject,
                without_subject: config.without_subject,
                forget_after: config.forget_after.map(|time| time.0),
                old_hash: target("metadata.old_hash")?,
                new_hash: target("metadata.new_hash")?,
            }),
            false => Err(errors),
        }
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        if !self.subject.iter().any(|path| path.text(event).is_some()) {
            return Ok(match self.without_subject {
                WithoutSubject::Pass => Outcome::Unchanged,
                WithoutSubject::Drop => Outcome::Dropped("without a subject".to_owned()),
            });
        }
        let subject = hash(&fingerprint(event, &self.subject));
        let content = hash(&fingerprint(event, &self.content));
        let decision = self
            .decide(&subject, &event.id, &content)
            .map_err(|error| Failure::Retry(error.to_string()))?
            .ok_or_else(|| Failure::Retry("others change the same subject all the time".to_owned()))?;
        if decision.is_same() {
            return Ok(Outcome::Dropped("unchanged".to_owned()));
        }
        let mut draft = Draft::new(event);
        let old = decision.old.map_or("null".to_owned(), |old| format!("\"{old}\""));
        // Metadata is always an object, so both can be set.
        let _ = draft.set(&self.old_hash, &old);
        let _ = draft.set_text(&self.new_hash, &decision.new);
        Ok(draft.finish())
    }
}

impl Changed {
    /// Looks and remembers in one step, whatever other instances do meanwhile; `None` where they do so all the time.
    fn decide(&self, subject: &str, id: &str, content: &str) -> Result<Option<Decision>, kv::Error> {
        for _ in 0..TRIES {
            let stored = kv::get(subject)?;
            let mut history = History::parse(stored.as_deref().unwrap_or_default());
            let decision = history.decide(id, content);
            // Nothing is written for what is dropped: it is dropped again as long as nothing changes.
            if decision.is_same() || history.knows(&decision) {
                return Ok(Some(decision));
            }
            history.remember(decision.clone());
            if kv::compare_and_set(subject, stored.as_deref(), Some(&history.to_bytes()), self.forget_after)? {
                return Ok(Some(decision));
            }
        }
        Ok(None)
    }
}

/// SHA-256 in hexadecimal.
fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

export_transform! {
    Changed,
    name: "changed",
    description: "Drops events whose content is that of the one before with the same subject; tells the hashes of the others.",
    capabilities: r#"{"kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
