//! Events whose message has a certain word become errors; events without a message are dropped.

use patchpanel_plugin::{ConfigError, Event, Failure, Level, Outcome, Patch, Transform, export_transform};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    word: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { word: "urgent".to_owned() }
    }
}

struct Escalate {
    word: String,
}

impl Transform for Escalate {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        if config.word.is_empty() {
            return Err(ConfigError::new("word", "must not be empty").into());
        }
        Ok(Escalate { word: config.word })
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        if event.message.is_empty() {
            return Ok(Outcome::Dropped("there is no message".to_owned()));
        }
        if !event.message.contains(&self.word) {
            return Ok(Outcome::Unchanged);
        }
        Ok(Patch::new().level(Level::Error).into())
    }
}

export_transform! {
    Escalate,
    description: "Makes errors of events whose message has a certain word.",
    config_schema: include_str!("schema.json"),
}
