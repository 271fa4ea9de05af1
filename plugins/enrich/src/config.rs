//! What the operator may say; the table is in the crate's documentation.

use crate::lookup::{Lookup, Missing};
use crate::table::{Columns, Format, Source};
use crate::{Enrich, Path};
use patchpanel_plugin::{ConfigError, Draft, Event, by_path};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    overwrite: bool,
    #[serde(default)]
    lookups: Vec<LookupConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LookupConfig {
    file: String,
    #[serde(default)]
    format: Option<Format>,
    #[serde(default)]
    key: Option<String>,
    by: String,
    into: String,
    #[serde(default)]
    columns: Columns,
    #[serde(default)]
    missing: Missing,
}

impl Config {
    pub(crate) fn check(self, root: &std::path::Path) -> Result<Enrich, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if self.set.is_empty() && self.lookups.is_empty() {
            errors.push(ConfigError::new("", "adds nothing: write `set`, `lookups` or both"));
        }
        let mut set = Vec::new();
        for (path, value) in by_path(&self.set) {
            match target(&path, value) {
                Ok(path) => set.push((path, value.to_string())),
                Err(message) => errors.push(ConfigError::new(format!("set.{path}"), message)),
            }
        }
        let mut lookups = Vec::new();
        for (index, lookup) in self.lookups.into_iter().enumerate() {
            let at = |(key, message): (&str, String)| ConfigError::new(format!("lookups.{index}.{key}"), message);
            match lookup.check(root) {
                Ok(lookup) => lookups.push(lookup),
                Err(mistakes) => errors.extend(mistakes.into_iter().map(at)),
            }
        }
        match errors.is_empty() {
            true => Ok(Enrich {
                set,
                overwrite: self.overwrite,
                lookups,
            }),
            false => Err(errors),
        }
    }
}

/// A path that takes this value in an event that has nothing.
fn target(path: &str, value: &Value) -> Result<Path, String> {
    let path = Path::parse_target(path)?;
    match Draft::new(&Event::new("", "")).set(&path, &value.to_string()) {
        true => Ok(path),
        false => Err(format!("`{path}` cannot be {value}")),
    }
}

impl LookupConfig {
    fn check(self, root: &std::path::Path) -> Result<Lookup, Vec<(&'static str, String)>> {
        let mut mistakes = Vec::new();
        let by = Path::parse(&self.by)
            .map_err(|message| mistakes.push(("by", message)))
            .ok();
        let into = Path::parse_target(&self.into)
            .map_err(|message| mistakes.push(("into", message)))
            .ok();
        let format = self.format.or_else(|| Format::of(&self.file));
        if format.is_none() {
            let message = "is \"csv\" or \"json\"; it cannot be told from the file's name".to_owned();
            mistakes.push(("format", message));
        }
        if format == Some(Format::Csv) && self.key.is_none() {
            mistakes.push(("key", "names the column that is looked in".to_owned()));
        }
        if self.columns.is_empty() {
            mistakes.push(("columns", "must name something: leave it out for all".to_owned()));
        }
        let (Some(by), Some(into), Some(format), true) = (by, into, format, mistakes.is_empty()) else {
            return Err(mistakes);
        };
        let source = Source {
            path: root.join(self.file.trim_start_matches('/')),
            format,
            key: self.key,
            columns: self.columns,
        };
        Lookup::start(source, by, into, self.missing).map_err(|message| vec![("file", message)])
    }
}
