//! The bundled enrich plugin: adds what an event does not say itself, from its configuration and from files.
//!
//! | key | value |
//! | --- | --- |
//! | `set` | values by path: `{ "metadata.team" = "payments" }` or `{ metadata = { team = "payments" } }` |
//! | `overwrite` | whether they replace what the event has there; default `false` |
//! | `lookups` | a list of tables to look something up in, one after the other; what one adds, the next can use |
//!
//! A lookup:
//!
//! | key | value |
//! | --- | --- |
//! | `file` | in a directory that is granted to the plugin |
//! | `format` | `csv` with a line of names on top, or `json`: a list of objects, or an object of objects by their keys; default: by the file's name |
//! | `key` | the column or member that is looked in; not with an object of objects, which has its keys |
//! | `by` | path of what is looked up in the event |
//! | `into` | path of where the answer goes |
//! | `columns` | a list: an object of these; one name: the value itself. Default: an object of all but the key |
//! | `missing` | where there is no such row: `leave` (default) the event, put `null` there, or `drop` the event |
//!
//! A file is read again when its size or time of change differs, which is looked at once a second. One that cannot be read then
//! leaves what was read before in service and is told in the log. One that cannot be read at the start is a mistake in the
//! configuration.

mod config;
mod lookup;
mod table;

pub use config::Config;
use lookup::Lookup;
use patchpanel_plugin::{ConfigError, Draft, Event, Failure, Outcome, Path, Transform, export_transform, log};

/// Where granted directories are.
const GRANTED: &str = "/";

/// Adds values.
#[derive(Debug)]
pub struct Enrich {
    /// With the JSON of their values.
    set: Vec<(Path, String)>,
    overwrite: bool,
    lookups: Vec<Lookup>,
}

impl Transform for Enrich {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        config.check(std::path::Path::new(GRANTED))
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        let mut draft = Draft::new(event);
        for (path, json) in &self.set {
            // Null is a value that the publisher chose.
            if self.overwrite || draft.json(path).is_none() {
                put(&mut draft, path, json, event);
            }
        }
        for lookup in &mut self.lookups {
            lookup.look_again();
            match lookup.answer(&draft) {
                Ok(Some(json)) => put(&mut draft, lookup.target(), &json, event),
                Ok(None) => {}
                Err(reason) => return Ok(Outcome::Dropped(reason)),
            }
        }
        Ok(draft.finish())
    }
}

/// The event goes on without a value that has no place.
fn put(draft: &mut Draft<'_>, path: &Path, json: &str, event: &Event) {
    if !draft.set(path, json) {
        let path = path.to_string();
        log::warning(
            "a value could not be set: no object is there, or the field takes no such value",
            &[("path", &path), ("event", &event.id)],
        );
    }
}

export_transform! {
    Enrich,
    name: "enrich",
    description: "Adds fixed values, and what it finds in CSV and JSON files.",
    capabilities: r#"{"directories": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
