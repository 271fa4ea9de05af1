//! From the operator's JSON to a plugin's own type, with the place of a mistake.

pub use crate::bindings::lifecycle::exports::patchpanel::plugin::lifecycle::ConfigError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

impl ConfigError {
    /// A mistake at `path`, a dotted path into the configuration; empty for the whole of it. `message` says what is
    /// wrong and what to write instead, and must not repeat a secret.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// One mistake is a list of one, so that `?` works in `configure`.
impl From<ConfigError> for Vec<ConfigError> {
    fn from(error: ConfigError) -> Self {
        vec![error]
    }
}

/// The configuration of a plugin that has none: accepts `{}` and refuses every key by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}

/// Reads a configuration.
///
/// # Errors
/// One error with the path at which reading stopped.
pub(crate) fn parse<C: DeserializeOwned>(text: &str) -> Result<C, ConfigError> {
    // `type Config = ()` is what an author writes first; serde reads `()` from null only.
    let text = if std::any::type_name::<C>() == "()" && is_empty_object(text) {
        "null"
    } else {
        text
    };
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| ConfigError {
        path: dotted(error.path()),
        message: with_hint(without_place(error.inner().to_string())),
    })
}

fn dotted(path: &Path) -> String {
    let steps = path.iter().filter_map(|step| match step {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        // Variants stand for values, not for places.
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    steps.collect::<Vec<_>>().join(".")
}

fn is_empty_object(text: &str) -> bool {
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    inner.is_some_and(|inner| inner.trim().is_empty())
}

/// The operator wrote TOML: line and column of the JSON that the router made of it would mislead.
fn without_place(mut message: String) -> String {
    if let Some(at) = message.rfind(" at line ") {
        message.truncate(at);
    }
    message
}

/// Where serde lists what it would have taken, points at what was probably meant.
fn with_hint(mut message: String) -> String {
    let hint = message
        .strip_prefix("unknown field `")
        .or(message.strip_prefix("unknown variant `"))
        .and_then(|rest| {
            let (written, known) = rest.split_once("`, expected ")?;
            let known = known.split('`').skip(1).step_by(2).filter(|name| *name != written);
            let distance = |name: &&str| strsim::damerau_levenshtein(written, name);
            let nearest = known
                .min_by_key(distance)
                .filter(|name| distance(name) <= name.len().min(written.len()) / 3)?;
            Some(format!("; did you mean `{nearest}`?"))
        });
    message.push_str(hint.as_deref().unwrap_or_default());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Sample {
        #[serde(default)]
        rules: Vec<Rule>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its errors are looked at")]
    struct Rule {
        limit: u8,
    }

    #[test]
    fn a_mistake_is_told_with_its_path() {
        let error = parse::<Sample>(r#"{"rules": [{"limit": 1}, {"limit": "x"}]}"#).err();
        assert_eq!(
            error,
            Some(ConfigError::new(
                "rules.1.limit",
                r#"invalid type: string "x", expected u8"#
            ))
        );
        let error = parse::<Sample>(r#"{"rule": 1}"#).err();
        assert_eq!(
            error,
            Some(ConfigError::new(
                "rule",
                "unknown field `rule`, expected `rules`; did you mean `rules`?"
            ))
        );
        assert_eq!(parse::<Sample>("[").err().map(|error| error.path), Some(String::new()));
    }

    #[test]
    fn no_configuration_accepts_the_empty_object_only() {
        assert_eq!(parse::<()>(" { } "), Ok(()));
        assert!(parse::<()>(r#"{"a": 1}"#).is_err());
        assert_eq!(parse::<NoConfig>("{}"), Ok(NoConfig {}));
        assert!(parse::<NoConfig>(r#"{"a": 1}"#).is_err());
    }
}
