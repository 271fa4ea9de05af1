//! What the operator may say; the table is in the crate's documentation.

use crate::class::{Class, Classes};
use crate::path::Pattern;
use crate::style::Style;
use patchpanel_plugin::{ConfigError, secrets};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The configuration as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    classes: Option<Vec<Class>>,
    #[serde(default)]
    style: Style,
    #[serde(default)]
    styles: BTreeMap<Class, Style>,
    #[serde(default)]
    hash_key: Option<HashKey>,
    #[serde(default)]
    exclude: Exclude,
}

/// The key itself, or the name of a secret that is one.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a string or { secret = \"name\" }"
)]
enum HashKey {
    Literal(String),
    Secret { secret: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exclude {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
}

/// The configuration as needed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) classes: Classes,
    pub(crate) styles: [Style; Class::ALL.len()],
    pub(crate) hash_key: Option<Vec<u8>>,
    pub(crate) excluded_paths: Vec<Pattern>,
    pub(crate) excluded_values: Vec<String>,
}

/// Fewer bytes of key can be tried out, together with all addresses of a company.
const SHORTEST_KEY: usize = 16;

impl Config {
    pub(crate) fn check(self) -> Result<Settings, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if self.classes.as_ref().is_some_and(Vec::is_empty) {
            errors.push(ConfigError::new(
                "classes",
                "must not be empty: leave it out for all classes",
            ));
        }
        for (list, place) in [(&self.exclude.paths, "paths"), (&self.exclude.values, "values")] {
            for (index, _) in list
                .iter()
                .enumerate()
                .filter(|(_, text)| text.is_empty() || **text == "*")
            {
                errors.push(ConfigError::new(
                    format!("exclude.{place}.{index}"),
                    "must not be empty, or nothing would be redacted",
                ));
            }
        }
        let mut styles = [self.style; Class::ALL.len()];
        for (class, style) in &self.styles {
            if let Some(slot) = styles.get_mut(*class as usize) {
                *slot = *style;
            }
        }
        let hash_key = match (styles.contains(&Style::Hash), self.hash_key) {
            (true, Some(key)) => key.resolve().map_err(|error| errors.push(error)).ok(),
            (true, None) => {
                errors.push(ConfigError::new(
                    "hash_key",
                    "is needed for the style `hash`: without a key, hashes can be reversed by trying",
                ));
                None
            }
            (false, _) => None,
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Settings {
            classes: self
                .classes
                .map_or(Classes::ALL, |classes| classes.into_iter().collect()),
            styles,
            hash_key,
            excluded_paths: self.exclude.paths.iter().map(|path| Pattern::new(path)).collect(),
            excluded_values: self.exclude.values,
        })
    }
}

impl HashKey {
    fn resolve(self) -> Result<Vec<u8>, ConfigError> {
        let (key, path) = match self {
            Self::Literal(key) => (key, "hash_key"),
            Self::Secret { secret } => (
                secrets::get(&secret).map_err(|error| ConfigError::new("hash_key.secret", error.to_string()))?,
                "hash_key.secret",
            ),
        };
        if key.len() < SHORTEST_KEY {
            return Err(ConfigError::new(
                path,
                format!("must have at least {SHORTEST_KEY} bytes"),
            ));
        }
        Ok(key.into_bytes())
    }
}
