//! What the operator may say; the table is in the crate's documentation.

use crate::{ByteSize, ConfigError, Environment, Path, Template, by_path};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    undefined: Undefined,
    #[serde(default = "default_max_bytes")]
    max_bytes: ByteSize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Undefined {
    #[default]
    Empty,
    Keep,
}

const fn default_max_bytes() -> ByteSize {
    ByteSize(8 << 10)
}

/// Room for a character and the sign that something was cut off, at least; and what an event can hold at most, by default.
const BYTES: std::ops::RangeInclusive<u64> = 16..=1 << 20;

impl Config {
    pub(crate) fn check(self) -> Result<Template, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut environment = Environment::new(self.undefined);
        let mut targets = Vec::new();
        let mut sources: Vec<(String, String, String)> = Vec::new();
        if let Some(source) = self.message {
            sources.push(("message".to_owned(), "message".to_owned(), source));
        }
        for (path, value) in by_path(&self.set) {
            let name = format!("set.{path}");
            match value {
                Value::String(source) => sources.push((name, path, source.clone())),
                _ => errors.push(ConfigError::new(name, "must be a template: a text")),
            }
        }
        for (name, path, source) in sources {
            match Path::parse_target(&path).and_then(textual) {
                // The one in `message` comes first and would be lost.
                Ok(path) if targets.iter().any(|(_, known)| *known == path) => {
                    errors.push(ConfigError::new(&name, "is given twice: as `message`, too"));
                }
                Ok(path) => targets.push((name.clone(), path)),
                Err(message) => errors.push(ConfigError::new(&name, message)),
            }
            if let Err(message) = environment.add(&name, source) {
                errors.push(ConfigError::new(&name, message));
            }
        }
        if targets.is_empty() && errors.is_empty() {
            errors.push(ConfigError::new("", "has no template: write `message`, `set` or both"));
        }
        if !BYTES.contains(&self.max_bytes.0) {
            errors.push(ConfigError::new("max_bytes", "must be from \"16B\" to \"1MiB\""));
        }
        match errors.is_empty() {
            true => Ok(Template {
                environment,
                targets,
                max_bytes: usize::try_from(self.max_bytes.0).unwrap_or(usize::MAX),
            }),
            false => Err(errors),
        }
    }
}

/// A place that can hold a text.
fn textual(path: Path) -> Result<Path, String> {
    match path.field() {
        "channels" => Err("a list of channels is no text".to_owned()),
        "metadata" if path.to_string() == "metadata" => {
            Err("metadata is no text: write something inside, such as `metadata.summary`".to_owned())
        }
        _ => Ok(path),
    }
}
