//! Counts deliveries for each type of event.

use patchpanel_plugin::{
    Channel, ConfigError, Delivery, Level, NoConfig, Problem, Receipt, export_channel, kv, log,
};

struct Tally;

impl Channel for Tally {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
        Ok(Tally)
    }

    fn deliver(&mut self, delivery: &Delivery) -> Result<Receipt, Problem> {
        let event = &delivery.event;
        if event.level == Level::Debug {
            return Err(Problem::Reject("debug is not counted".to_owned()));
        }
        let count = increment(&format!("count/{}", event.type_))
            .map_err(|_| Problem::Retry("the counts cannot be reached".to_owned()))?;
        log::info(&format!("{}: {count}", event.type_), &[]);
        Ok(Receipt::new()
            .reference(format!("{}#{count}", event.type_))
            .detail("counted"))
    }
}

/// Adds one to the number under `key`, and returns it. Other instances count at the same time: what they changed
/// meanwhile is read again.
fn increment(key: &str) -> Result<u64, kv::Error> {
    loop {
        let before = kv::get(key)?;
        let digits = before.as_deref().unwrap_or_default();
        let count = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(0) + 1;
        let after = count.to_string();
        if kv::compare_and_set(key, before.as_deref(), Some(after.as_bytes()), None)? {
            return Ok(count);
        }
    }
}

export_channel! {
    Tally,
    description: "Counts deliveries for each type of event.",
    capabilities: r#"{"kv": true}"#,
}
