//! The bundled log plugin: appends events to a file, one line of JSON each.
//!
//! | key | value |
//! | --- | --- |
//! | `path` | the file, below the directory that the operator granted; required |
//! | `rotate.size` | begin a new file before this one grows beyond it, such as `"64MiB"`; absent: however large it is |
//! | `rotate.age` | begin a new file with the first event after so long, such as `"1d"`; absent: however old it is |
//! | `rotate.keep` | how many older files stay, as `<path>.1` (the newest), `<path>.2`, ...; default 5 |
//! | `rotate.compress` | whether they are compressed, as `<path>.1.gz`; default false. With it, `rotate.size` must be given, up to 256 MiB |
//! | `fsync` | whether a delivery waits until the disk has it: `true`, `false` (default) or the longest time between two waits, such as `"1s"`. Without, a power failure can lose the last seconds; a crash of the router cannot |
//!
//! The file is opened anew for every batch: when somebody moves it away, the next batch begins a new one.
//!
//! A batch is appended in one go and either acknowledged or retried as a whole, so after a failure a line may stand
//! there twice: readers tell by the event's `id`.

mod file;
mod gzip;
mod rotate;

use file::LogFile;
use patchpanel_plugin::{ByteSize, Channel, ConfigError, Delivery, HumanDuration, Problem, Receipt, export_channel};
use serde::Deserialize;
use std::path::{Component, Path};
use std::time::Duration;

/// What the operator may say; see the crate's documentation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    path: String,
    #[serde(default)]
    rotate: Option<Rotate>,
    #[serde(default = "default_fsync")]
    fsync: Fsync,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected true, false or a duration such as \"1s\"")]
enum Fsync {
    Always(bool),
    Every(HumanDuration),
}

const fn default_fsync() -> Fsync {
    Fsync::Always(false)
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotate {
    size: Option<ByteSize>,
    age: Option<HumanDuration>,
    #[serde(default = "default_keep")]
    keep: u32,
    #[serde(default)]
    compress: bool,
}

const fn default_keep() -> u32 {
    5
}

/// More would make every rotation a thousand renames.
const MAX_KEEP: u32 = 1000;

/// What can be compressed within one call.
const MOST_COMPRESSED: u64 = 256 << 20;

/// Where the router shows a plugin the directory that it was granted.
const GRANTED: &str = "/";

/// Appends events to a file.
#[derive(Debug)]
pub struct Log {
    file: LogFile,
}

impl Log {
    fn below(root: &Path, config: &Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        if let Err(why) = check_path(&config.path) {
            errors.push(ConfigError::new("path", why));
        }
        if let Some(rotate) = config.rotate {
            let never = "must be more than 0: leave `rotate` out to never rotate";
            if rotate.size.is_some_and(|size| size.0 == 0) {
                errors.push(ConfigError::new("rotate.size", never));
            }
            if rotate.age.is_some_and(|age| age.0.is_zero()) {
                errors.push(ConfigError::new("rotate.age", never));
            }
            if rotate.size.is_none() && rotate.age.is_none() {
                errors.push(ConfigError::new("rotate", "needs a `size`, an `age` or both"));
            }
            if rotate.compress && rotate.size.is_none_or(|size| size.0 > MOST_COMPRESSED) {
                errors.push(ConfigError::new(
                    "rotate.size",
                    "must be given and at most 256MiB for `compress`, which has to end in time",
                ));
            }
            if rotate.keep > MAX_KEEP {
                errors.push(ConfigError::new("rotate.keep", format!("must be at most {MAX_KEEP}")));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let rotate = config.rotate.map(|rotate| rotate::Policy {
            size: rotate.size.map(|size| size.0),
            age: rotate.age.map(|age| age.0),
            keep: rotate.keep,
            compress: rotate.compress,
        });
        let sync = match config.fsync {
            Fsync::Always(always) => always.then_some(Duration::ZERO),
            Fsync::Every(every) => Some(every.0),
        };
        Ok(Self {
            file: LogFile::new(root.join(&config.path), rotate, sync),
        })
    }
}

/// The sandbox would refuse these anyway, but only at the first delivery and in other words.
fn check_path(path: &str) -> Result<(), &'static str> {
    if path.ends_with(['/', '\\']) || path.is_empty() {
        return Err("must name a file, such as `audit.ndjson`");
    }
    let below = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if below {
        Ok(())
    } else {
        Err("must be relative to the granted directory, without `..`")
    }
}

impl Channel for Log {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Self::below(Path::new(GRANTED), &config)
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        let mut lines = String::with_capacity(batch.len() * 512);
        for delivery in batch {
            lines += &delivery.event.to_json();
            lines.push('\n');
        }
        let answer = match self.file.append(lines.as_bytes()) {
            Ok(()) => Ok(Receipt::new()),
            Err(error) => Err(Problem::Retry(format!("{}: {error}", self.file.name()))),
        };
        vec![answer; batch.len()]
    }

    fn check_health(&mut self) -> Result<(), String> {
        self.file
            .append(b"")
            .map_err(|error| format!("{}: {error}", self.file.name()))
    }
}

export_channel! {
    Log,
    name: "log",
    description: "Appends events to a file, one line of JSON each, with rotation by size and age.",
    capabilities: r#"{"directories": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing;
    use std::fs;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_batch_becomes_lines() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::below(
            dir.path(),
            &config(r#"{"path": "deep/er/audit.ndjson", "fsync": true}"#),
        )
        .unwrap();
        log.check_health().unwrap();
        let batch = [testing::delivery("1", "a"), testing::delivery("2", "b")];
        assert!(log.deliver_batch(&batch).iter().all(Result::is_ok));
        log.deliver(&testing::delivery("3", "c")).unwrap();
        let text = fs::read_to_string(dir.path().join("deep/er/audit.ndjson")).unwrap();
        let event = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let ids: Vec<_> = text
            .lines()
            .map(|line| event(line).get("id").cloned().unwrap())
            .collect();
        assert_eq!(ids, ["1", "2", "3"]);
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = Log::below(dir.path(), &config(r#"{"path": "a", "fsync": "1s"}"#)).unwrap();
        log.deliver(&testing::delivery("1", "a")).unwrap();
        fs::rename(dir.path().join("a"), dir.path().join("old")).unwrap();
        log.deliver(&testing::delivery("2", "a")).unwrap();
        let lines = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap().lines().count();
        assert_eq!((lines("old"), lines("a")), (1, 1));
    }

    #[test]
    fn what_cannot_be_written_is_retried() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("taken")).unwrap();
        let mut log = Log::below(dir.path(), &config(r#"{"path": "taken"}"#)).unwrap();
        assert!(log.check_health().is_err());
        assert!(matches!(
            log.deliver(&testing::delivery("1", "a")),
            Err(Problem::Retry(_))
        ));
    }

    #[test]
    fn paths_stay_below_the_granted_directory() {
        for wrong in ["", "/etc/passwd", "../x", "a/../../x", "a/"] {
            assert!(check_path(wrong).is_err(), "{wrong}");
        }
        for right in ["a", "a/b.ndjson", "./a", "..a"] {
            assert!(check_path(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let errors = Log::below(
            Path::new("/"),
            &config(r#"{"path": "/a", "rotate": {"size": 0, "keep": 5000}}"#),
        )
        .unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["path", "rotate.size", "rotate.keep"]);
        let errors = Log::below(
            Path::new("/"),
            &config(r#"{"path": "a", "rotate": {"compress": true}}"#),
        )
        .unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["rotate", "rotate.size"]);
        let errors = Log::below(
            Path::new("/"),
            &config(r#"{"path": "a", "rotate": {"size": "1GiB", "age": 0, "compress": true}}"#),
        )
        .unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["rotate.age", "rotate.size"]);
        let errors = testing::configure_channel::<Log>(r#"{"path": "a", "rotate": {"size": "big"}}"#).unwrap_err();
        assert_eq!(errors.first().map(|error| error.path.as_str()), Some("rotate.size"));
    }
}
