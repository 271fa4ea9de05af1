//! The bundled sample plugin: lets a share of the events pass, always the same ones.
//!
//! | key | value |
//! | --- | --- |
//! | `rate` | the share: `"10%"`, or `10` for one in ten |
//! | `by` | path of what decides: events that are the same there pass together; default `"id"` |
//! | `always` | events of this level or a higher one always pass; default: none does |
//! | `seed` | a text; samples with different seeds have nothing to do with each other; default `""` |
//!
//! Nothing is drawn by lot: whether an event passes follows from the hash of the value at `by`, or of the id where the event
//! has nothing there. So a repeated attempt gets the same answer, and so does any other router with the same configuration.

mod rate;

use patchpanel_plugin::{ConfigError, Event, Failure, Level, Outcome, Path, Transform, export_transform, fingerprint};
use rate::Rate;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What the operator may say; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    rate: Rate,
    #[serde(default = "default_by")]
    by: String,
    #[serde(default)]
    always: Option<String>,
    #[serde(default)]
    seed: String,
}

fn default_by() -> String {
    "id".to_owned()
}

/// Lets a share pass.
#[derive(Debug)]
pub struct Sample {
    rate: Rate,
    by: Path,
    id: Path,
    always: Option<Level>,
    seed: String,
}

impl Transform for Sample {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let read = |path: &str| Path::parse(path).map_err(|message| ConfigError::new("by", message));
        let by = read(&config.by).map_err(|error| errors.push(error)).ok();
        if let Err(message) = config.rate.check() {
            errors.push(ConfigError::new("rate", message));
        }
        let always = config.always.and_then(|text| {
            let level = Level::parse(&text);
            if level.is_none() {
                let message = format!("`{text}` is no level: write debug, info, warning, error or critical");
                errors.push(ConfigError::new("always", message));
            }
            level
        });
        match by {
            Some(by) if errors.is_empty() => Ok(Self {
                rate: config.rate,
                by,
                id: read("id")?,
                always,
                seed: config.seed,
            }),
            _ => Err(errors),
        }
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        let always = self.always.is_some_and(|level| event.level >= level);
        Ok(match always || self.rate.has(self.place(event)) {
            true => Outcome::Unchanged,
            false => Outcome::Dropped(format!("not in the sample of {}", self.rate)),
        })
    }
}

impl Sample {
    /// Where the event lies, evenly spread over all numbers.
    fn place(&self, event: &Event) -> u64 {
        let path = if self.by.json(event).is_some() {
            &self.by
        } else {
            &self.id
        };
        let value = fingerprint(event, std::slice::from_ref(path));
        let hash = Sha256::new()
            .chain_update(&self.seed)
            .chain_update([0])
            .chain_update(value);
        let first = hash.finalize().into_iter().take(8);
        first.fold(0, |place, byte| place << 8 | u64::from(byte))
    }
}

export_transform! {
    Sample,
    name: "sample",
    description: "Lets a share of the events pass, always the same ones.",
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing;

    fn passing(config: &str, events: u32) -> Vec<u32> {
        let mut sample: Sample = testing::configure_transform(config).unwrap();
        let passes = |number: &u32| {
            let event = Event {
                level: if number.is_multiple_of(100) {
                    Level::Error
                } else {
                    Level::Info
                },
                payload: format!(r#"{{"user":{}}}"#, number / 10),
                ..Event::new(number.to_string(), "t")
            };
            sample.transform(&event).unwrap() == Outcome::Unchanged
        };
        (0..events).filter(passes).collect()
    }

    #[test]
    fn the_share_is_about_what_was_asked_and_the_same_each_time() {
        for (rate, expected) in [
            (r#""10%""#, 2_000_i32),
            ("4", 5_000),
            (r#""0.5%""#, 100),
            (r#""100%""#, 20_000),
            ("1", 20_000),
        ] {
            let config = format!(r#"{{"rate": {rate}}}"#);
            let passed = passing(&config, 20_000);
            let found = i32::try_from(passed.len()).unwrap();
            assert!((found - expected).abs() <= expected / 5, "{rate}: {found}");
            assert_eq!(passing(&config, 20_000), passed);
        }
        assert_eq!(passing(r#"{"rate": "0%"}"#, 1_000), Vec::<u32>::new());
        // The two ways to say the same are the same, and a larger share holds the smaller one.
        assert_eq!(passing(r#"{"rate": "25%"}"#, 1_000), passing(r#"{"rate": 4}"#, 1_000));
        let larger = passing(r#"{"rate": "50%"}"#, 1_000);
        assert!(
            passing(r#"{"rate": "25%"}"#, 1_000)
                .iter()
                .all(|number| larger.contains(number))
        );
    }

    #[test]
    fn what_belongs_together_stays_together() {
        let passed = passing(r#"{"rate": "50%", "by": "payload.user"}"#, 1_000);
        for user in 0..100 {
            let of_user = passed.iter().filter(|number| **number / 10 == user).count();
            assert!(of_user == 0 || of_user == 10, "{user}: {of_user}");
        }
        // Without a value, the id decides.
        assert_eq!(
            passing(r#"{"rate": "50%", "by": "subject"}"#, 1_000),
            passing(r#"{"rate": "50%"}"#, 1_000)
        );
    }

    #[test]
    fn levels_pass_and_seeds_differ() {
        let passed = passing(r#"{"rate": "0%", "always": "warning"}"#, 1_000);
        assert_eq!(passed, (0..10).map(|number| number * 100).collect::<Vec<_>>());
        let one = passing(r#"{"rate": "50%", "seed": "a"}"#, 1_000);
        let other = passing(r#"{"rate": "50%", "seed": "b"}"#, 1_000);
        let both = one.iter().filter(|number| other.contains(number)).count();
        assert!((150..350).contains(&both), "{both}");
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let errors =
            testing::configure_transform::<Sample>(r#"{"rate": "101%", "by": "x", "always": "fatal"}"#).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["by", "rate", "always"]);
        for wrong in [
            r#""10""#,
            r#""%""#,
            r#""-1%""#,
            r#""1.0000001%""#,
            r#""1e2%""#,
            "-1",
            "0.1",
            "{}",
        ] {
            let errors = testing::configure_transform::<Sample>(&format!(r#"{{"rate": {wrong}}}"#)).unwrap_err();
            assert_eq!(errors.first().map(|error| error.path.as_str()), Some("rate"), "{wrong}");
        }
        assert!(testing::configure_transform::<Sample>(r#"{"rate": 0}"#).is_err());
    }
}
