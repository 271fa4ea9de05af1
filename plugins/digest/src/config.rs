//! What the operator may say; the table is in the crate's documentation.

use crate::{ConfigError, Digest, HumanDuration, Path};
use serde::Deserialize;
use std::time::Duration;

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "default_by")]
    by: Vec<String>,
    #[serde(default = "default_every")]
    every: HumanDuration,
    #[serde(default)]
    max_events: Option<u64>,
    #[serde(default = "default_samples")]
    samples: usize,
    #[serde(default = "default_type", rename = "type")]
    type_: String,
}

fn default_by() -> Vec<String> {
    vec!["type".to_owned()]
}

const fn default_every() -> HumanDuration {
    HumanDuration(Duration::from_secs(5 * 60))
}

const fn default_samples() -> usize {
    3
}

fn default_type() -> String {
    "digest".to_owned()
}

/// A group has to fit into one value of `kv`.
const MOST_PATHS: usize = 8;
const MOST_SAMPLES: usize = 20;
/// The router asks about once a second what is due.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Of the summaries' type.
const TYPE_BYTES: usize = 128;

impl Config {
    pub(crate) fn check(self) -> Result<Digest, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if self.by.is_empty() || self.by.len() > MOST_PATHS {
            errors.push(ConfigError::new("by", format!("must be 1 to {MOST_PATHS} paths")));
        }
        let by = Path::parse_all(&self.by, "by", &mut errors);
        if self.every.0 < SHORTEST || self.every.0 > LONGEST {
            errors.push(ConfigError::new("every", "must be from \"1s\" to \"366d\""));
        }
        if self.max_events == Some(0) {
            errors.push(ConfigError::new("max_events", "must be at least 1"));
        }
        if self.samples > MOST_SAMPLES {
            errors.push(ConfigError::new("samples", format!("must be at most {MOST_SAMPLES}")));
        }
        if self.type_.is_empty() || self.type_.len() > TYPE_BYTES {
            errors.push(ConfigError::new(
                "type",
                format!("must be a text of 1 to {TYPE_BYTES} bytes"),
            ));
        }
        match errors.is_empty() {
            true => Ok(Digest {
                by,
                every: self.every,
                max_events: self.max_events,
                samples: self.samples,
                type_: self.type_,
            }),
            false => Err(errors),
        }
    }
}
