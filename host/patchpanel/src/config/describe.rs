//! A subscription in words again, as its entry in a file could say it.

use patchpanel_event::{Level, format_time};
use patchpanel_router::{Consumers, RetryPolicy, Start, Target, WhenExceeded};
use serde_json::{Map, Value, json};

use super::model::{Config, SubscriptionConfig};
use super::quantity::duration_text;

impl SubscriptionConfig {
    /// The keys of a `[[subscriptions]]` entry that have another value than the default. Of transforms only the names:
    /// their configuration may hold what must not be shown.
    pub(crate) fn describe(&self, config: &Config) -> Map<String, Value> {
        let mut keys = Map::new();
        let mut say = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
            }
        };
        let plugin = |unit: &str| {
            let unit = config.units.iter().find(|other| other.id == unit);
            unit.map(|unit| unit.plugin.clone())
        };
        let transforms: Vec<String> = self.transforms.iter().filter_map(|step| plugin(&step.unit)).collect();
        say("name", Some(json!(self.name)));
        say(
            "filter",
            self.filter
                .as_ref()
                .and_then(|filter| serde_json::from_str(&filter.to_string()).ok()),
        );
        say(
            "min_level",
            (self.min_level > Level::Debug).then(|| json!(self.min_level.as_str())),
        );
        say("transforms", (!transforms.is_empty()).then(|| json!(transforms)));
        match &self.target {
            Target::Channel(channel) => {
                say("channel", Some(json!(channel)));
                say("priority", (self.priority != 0).then(|| json!(self.priority)));
                say(
                    "recipients",
                    (!self.recipients.is_empty()).then(|| json!(self.recipients)),
                );
                say("concurrency", Some(json!(self.concurrency)));
                say("batch", Some(json!(self.batch)));
            }
            Target::Pull(pull) => {
                let consumers = match pull.consumers {
                    Consumers::Shared => "shared",
                    Consumers::Exclusive => "exclusive",
                    Consumers::Failover => "failover",
                };
                let lease = duration_text(pull.lease);
                say(
                    "pull",
                    Some(json!({"consumers": consumers, "lease": lease, "most_leased": pull.most_leased})),
                );
            }
        }
        say(
            "throttle",
            self.throttle.map(|throttle| {
                let when_exceeded = match throttle.when_exceeded {
                    WhenExceeded::Delay => "delay",
                    WhenExceeded::Drop => "drop",
                    WhenExceeded::DeadLetter => "dead-letter",
                };
                let per = duration_text(throttle.per);
                json!({"rate": throttle.rate, "per": per, "burst": throttle.burst, "when_exceeded": when_exceeded})
            }),
        );
        say(
            "ordering",
            self.ordering.as_ref().map(|path| json!({"key": path.to_string()})),
        );
        say("expires_after", self.expires_after.map(|age| json!(duration_text(age))));
        say("start", start(self.start));
        say("retry", Some(retry(&self.retry)));
        keys
    }
}

fn start(start: Start) -> Option<Value> {
    match start {
        Start::Latest => None,
        Start::Earliest => Some(json!("earliest")),
        Start::Sequence(sequence) => Some(json!({"sequence": sequence})),
        Start::Time(time) => Some(json!({"time": format_time(time)})),
    }
}

fn retry(retry: &RetryPolicy) -> Value {
    let mut said = json!({
        "attempts": retry.attempts,
        "base": duration_text(retry.base),
        "cap": duration_text(retry.cap),
    });
    if let (Some(age), Some(said)) = (retry.max_age, said.as_object_mut()) {
        said.insert("max_age".to_owned(), json!(duration_text(age)));
    }
    said
}
