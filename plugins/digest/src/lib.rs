//! The bundled digest plugin: instead of many events of a group, one that sums them up, when the group's time is over.
//!
//! | key | value |
//! | --- | --- |
//! | `by` | paths: events that are the same there are a group; default `["type"]` |
//! | `every` | a group's time, from its first event on; default `"5m"` |
//! | `max_events` | a group of so many is summed up at once; default: none is |
//! | `samples` | how many of the first events are in the summary; default 3 |
//! | `type` | the type of summaries; events of this type pass; default `"digest"` |
//!
//! A group lives in `kv`, so it outlives the router, and all instances add to the same one. An event that comes again is not
//! counted again: the last 256 ids of a group are known until ten minutes after its summary was stored, or until the group
//! after the next one of its name begins.

mod config;
mod due;
mod group;
mod summary;

pub use config::Config;
use group::Group;
use patchpanel_plugin::{
    ConfigError, Event, Failure, HumanDuration, Outcome, Path, Timer, Transform, export_timed_transform, fingerprint,
    kv, now,
};
use sha2::{Digest as _, Sha256};

/// Sums up.
#[derive(Debug)]
pub struct Digest {
    by: Vec<Path>,
    every: HumanDuration,
    max_events: Option<u64>,
    samples: usize,
    type_: String,
}

/// Other instances may be quicker so often with the same group.
const TRIES: u32 = 1_000;

impl Transform for Digest {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        config.check()
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        if event.type_ == self.type_ {
            return Ok(Outcome::Unchanged);
        }
        let name = hash(&fingerprint(event, &self.by));
        let summary = self
            .add(&name, event)
            .map_err(|error| Failure::Retry(error.to_string()))?
            .ok_or_else(|| Failure::Retry("others add to the same group all the time".to_owned()))?;
        Ok(Outcome::Dropped(format!("in digest {summary}")))
    }
}

impl Timer for Digest {
    fn due(&mut self, now: u64) -> Result<Vec<Event>, String> {
        self.due_groups(now).map_err(|error| error.to_string())
    }

    fn stored(&mut self, ids: &[String]) -> Result<(), String> {
        ids.iter()
            .try_for_each(|id| due::forget(id))
            .map_err(|error| error.to_string())
    }
}

impl Digest {
    /// Adds the event to its group, whatever other instances do meanwhile, and tells the id of its summary; `None` where they
    /// do so all the time.
    fn add(&self, name: &str, event: &Event) -> Result<Option<String>, kv::Error> {
        let key = due::open_key(name);
        for _ in 0..TRIES {
            let mut stored = kv::get(&key)?;
            let mut group = match stored.as_deref().and_then(Group::parse) {
                None => self.begin(name, event, None)?,
                Some(group) => {
                    if let Some(summary) = group.counted_for(name, &event.id) {
                        return Ok(Some(summary));
                    }
                    if group.is_open(now()) {
                        group
                    } else {
                        // Over by the clock, it may still be open for others: it has to be closed before it is set aside.
                        let Some((bytes, closed)) = due::close(&key, stored.as_deref(), group)? else {
                            continue;
                        };
                        due::set_aside(name, &bytes, &closed)?;
                        stored = Some(bytes);
                        self.begin(name, event, Some(&closed))?
                    }
                }
            };
            group.add(event, self.samples);
            let is_full = self.max_events.is_some_and(|most| group.count() >= most);
            if is_full {
                group.close(now());
            }
            if kv::compare_and_set(&key, stored.as_deref(), Some(&group.to_bytes()), None)? {
                if is_full {
                    due::announce(name, 0)?;
                }
                return Ok(Some(group.id(name)));
            }
        }
        Ok(None)
    }

    fn begin(&self, name: &str, event: &Event, before: Option<&Group>) -> Result<Group, kv::Error> {
        let before = before.map(|group| (name, group));
        let group = Group::begin(event, &self.by, now(), self.every.0, before);
        due::announce(name, group.end())?;
        Ok(group)
    }
}

/// 128 bits in hexadecimal: part of keys and of ids.
fn hash(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

export_timed_transform! {
    Digest,
    name: "digest",
    description: "Sums up the events of a group in one, when the group's time is over.",
    capabilities: r#"{"kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
