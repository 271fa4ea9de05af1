//! The bundled dedupe plugin: of events that are the same in chosen fields, one passes in each window of time.
//!
//! | key | value |
//! | --- | --- |
//! | `fields` | paths of what has to be the same; default `["type", "source", "subject", "message", "payload"]` |
//! | `window` | how long an event keeps others away; default `"5m"` |
//! | `sliding` | whether each that is kept away begins the window anew; default `false` |

use patchpanel_plugin::{
    ConfigError, Event, Failure, HumanDuration, Outcome, Path, Transform, export_transform, fingerprint, kv,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// What the operator may say; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "default_fields")]
    fields: Vec<String>,
    #[serde(default = "default_window")]
    window: HumanDuration,
    #[serde(default)]
    sliding: bool,
}

fn default_fields() -> Vec<String> {
    ["type", "source", "subject", "message", "payload"]
        .map(str::to_owned)
        .to_vec()
}

const fn default_window() -> HumanDuration {
    HumanDuration(Duration::from_secs(5 * 60))
}

/// Keeps away what came already.
#[derive(Debug)]
pub struct Dedupe {
    fields: Vec<Path>,
    window: HumanDuration,
    sliding: bool,
}

/// Other instances may be quicker so often with the same fingerprint.
const TRIES: u32 = 100;

impl Transform for Dedupe {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if config.fields.is_empty() {
            errors.push(ConfigError::new(
                "fields",
                "must name something: leave it out for the default",
            ));
        }
        let fields = Path::parse_all(&config.fields, "fields", &mut errors);
        if config.window.0.is_zero() {
            errors.push(ConfigError::new("window", "must be more than 0"));
        }
        match errors.is_empty() {
            true => Ok(Self {
                fields,
                window: config.window,
                sliding: config.sliding,
            }),
            false => Err(errors),
        }
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        let hash = Sha256::digest(fingerprint(event, &self.fields));
        let key: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        self.decide(&key, event)
            .map_err(|error| Failure::Retry(error.to_string()))?
            .ok_or_else(|| Failure::Retry("others come with the same fields all the time".to_owned()))
    }
}

impl Dedupe {
    /// The id of the one that passed stands under the fingerprint as long as the window lasts. So its repeated attempts are
    /// known, and of two instances that come with equals at once, one has to see the other's.
    fn decide(&self, key: &str, event: &Event) -> Result<Option<Outcome>, kv::Error> {
        let window = Some(self.window.0);
        for _ in 0..TRIES {
            match kv::get(key)? {
                None if kv::compare_and_set(key, None, Some(event.id.as_bytes()), window)? => {
                    return Ok(Some(Outcome::Unchanged));
                }
                None => {}
                Some(id) if id == event.id.as_bytes() => return Ok(Some(Outcome::Unchanged)),
                Some(id) if !self.sliding || kv::compare_and_set(key, Some(&id), Some(&id), window)? => {
                    let id = String::from_utf8_lossy(&id);
                    let window = self.window;
                    // Reasons are cut, and ids may be long: what counts comes first.
                    return Ok(Some(Outcome::Dropped(format!("a repetition within {window} of {id}"))));
                }
                Some(_) => {}
            }
        }
        Ok(None)
    }
}

export_transform! {
    Dedupe,
    name: "dedupe",
    description: "Lets one of several events pass that are the same in chosen fields within a window of time.",
    capabilities: r#"{"kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing;

    fn dedupe(config: &str) -> Dedupe {
        testing::configure_transform(config).unwrap()
    }

    fn event(id: &str, message: &str) -> Event {
        Event {
            message: message.to_owned(),
            ..Event::new(id, "t")
        }
    }

    fn passes(dedupe: &mut Dedupe, id: &str) -> bool {
        dedupe.transform(&event(id, "m")).unwrap() == Outcome::Unchanged
    }

    #[test]
    fn one_of_several_passes_and_passes_again() {
        let (mut one, mut other) = (dedupe("{}"), dedupe("{}"));
        assert!(passes(&mut one, "1"));
        let reason = "a repetition within 5m of 1".to_owned();
        assert_eq!(other.transform(&event("2", "m")), Ok(Outcome::Dropped(reason)));
        assert!(passes(&mut one, "1") && passes(&mut other, "1"));
        assert_eq!(one.transform(&event("3", "another")), Ok(Outcome::Unchanged));
    }

    #[test]
    fn fields_are_what_counts() {
        let mut dedupe = dedupe(r#"{"fields": ["payload.host"]}"#);
        let mut passes = |id: &str, payload: &str| {
            let event = Event {
                payload: payload.to_owned(),
                ..event(id, id)
            };
            dedupe.transform(&event).unwrap() == Outcome::Unchanged
        };
        assert!(passes("1", r#"{"host": "a", "n": 1}"#));
        assert!(!passes("2", r#"{"n": 2, "host": "\u0061"}"#));
        assert!(passes("3", r#"{"host": "b"}"#));
        assert!(passes("4", "null"));
        assert!(!passes("5", "{}"));
    }

    #[test]
    fn a_window_ends_and_a_sliding_one_only_with_silence() {
        let minute = Duration::from_secs(60);
        for (config, third) in [
            (r#"{"window": "2m"}"#, true),
            (r#"{"window": "2m", "sliding": true}"#, false),
        ] {
            let mut dedupe = dedupe(config);
            assert!(passes(&mut dedupe, "1"), "{config}");
            testing::advance(minute);
            assert!(!passes(&mut dedupe, "2"), "{config}");
            testing::advance(minute);
            assert_eq!(passes(&mut dedupe, "3"), third, "{config}");
            testing::advance(minute * 2);
            assert!(passes(&mut dedupe, "4"), "{config}");
            testing::advance(minute * 2);
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let errors =
            testing::configure_transform::<Dedupe>(r#"{"fields": ["payload.", "x"], "window": 0}"#).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["fields.0", "fields.1", "window"]);
    }
}
