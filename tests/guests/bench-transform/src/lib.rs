//! A transform that does next to nothing, so that a bench of it measures the crossing.

use patchpanel_plugin::{ConfigError, Event, Failure, Outcome, Patch, Transform, export_transform};
use serde::Deserialize;

/// What the bench chooses.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    answer: Answer,
}

/// The answer to every event.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It stays as it is.
    Unchanged,
    /// A patch that replaces the message by one of the same length.
    Message,
}

/// The transform.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    answer: Answer,
}

impl Transform for Fixed {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Fixed { answer: config.answer })
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        Ok(match self.answer {
            Answer::Unchanged => Outcome::Unchanged,
            Answer::Message => Patch::new().message(event.message.as_str()).into(),
        })
    }
}

export_transform! { Fixed, description: "Gives every event the same answer. For benches." }
