//! A transform that counts events, and gives the sum out by the clock where its configuration says so.
//!
//! `open` holds the number of the sum that is counted and how far it is. It is closed by writing it under `sum/<number>`
//! and counting on with the next number; until that has worked, nobody gives it out.

use std::hint::black_box;

use patchpanel_plugin::{ConfigError, Event, Failure, Outcome, Timer, Transform, export_timed_transform, kv};
use serde::Deserialize;

/// What stands in front of the number of a sum that is closed.
const CLOSED: &str = "sum/";

/// Counts.
#[derive(Debug)]
pub struct Counting(Config);

/// How it counts.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Begins the ids of sums.
    name: String,
    /// Whether sums are given out.
    give: bool,
    /// What is given out instead.
    misdeed: Option<Misdeed>,
}

/// What must cost nobody else anything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Misdeed {
    /// More events than may be due at once.
    Flood,
    /// An event without an id.
    Nameless,
    /// An event that is none.
    Broken,
    Panic,
    Loop,
}

impl Misdeed {
    #[allow(clippy::panic, reason = "to see it contained")]
    fn events(&self) -> Vec<Event> {
        match self {
            Misdeed::Flood => (0..1_001)
                .map(|number| Event::new(format!("flood-{number}"), "sum"))
                .collect(),
            Misdeed::Nameless => vec![Event::new("", "sum")],
            Misdeed::Broken => vec![Event {
                payload: "{".to_owned(),
                ..Event::new("broken", "sum")
            }],
            Misdeed::Panic => panic!("not now"),
            Misdeed::Loop => loop {
                black_box(());
            },
        }
    }
}

fn failed(error: kv::Error) -> String {
    error.to_string()
}

/// The open sum as it is kept, its number, and its count.
fn open() -> Result<(Option<Vec<u8>>, u64, u64), String> {
    let kept = kv::get("open").map_err(failed)?;
    let text = String::from_utf8_lossy(kept.as_deref().unwrap_or(b"1 0")).into_owned();
    let (number, count) = text.split_once(' ').ok_or("no sum is kept under `open`")?;
    let number = number.parse().map_err(|_| "no number is kept under `open`")?;
    let count = count.parse().map_err(|_| "no count is kept under `open`")?;
    Ok((kept, number, count))
}

/// False where somebody else has counted meanwhile.
fn set_open(kept: Option<&[u8]>, number: u64, count: u64) -> Result<bool, String> {
    let next = format!("{number} {count}");
    kv::compare_and_set("open", kept, Some(next.as_bytes()), None).map_err(failed)
}

impl Transform for Counting {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Self(config))
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        if event.type_ == "sum" {
            return Ok(Outcome::Unchanged);
        }
        loop {
            let (kept, number, count) = open().map_err(Failure::Retry)?;
            if set_open(kept.as_deref(), number, count + 1).map_err(Failure::Retry)? {
                return Ok(Outcome::Unchanged);
            }
        }
    }
}

impl Timer for Counting {
    fn due(&mut self, now: u64) -> Result<Vec<Event>, String> {
        if let Some(misdeed) = &self.0.misdeed {
            return Ok(misdeed.events());
        }
        if !self.0.give {
            return Ok(Vec::new());
        }
        let (kept, number, count) = open()?;
        if count > 0 {
            let closed = format!("{CLOSED}{number}");
            kv::set(&closed, format!("{now} {count}").as_bytes(), None).map_err(failed)?;
            if !set_open(kept.as_deref(), number + 1, 0)? {
                return Ok(Vec::new());
            }
        }
        let mut due = Vec::new();
        for key in kv::keys(CLOSED, None, 1_000).map_err(failed)? {
            let sum = kv::get(&key).map_err(failed)?.unwrap_or_default();
            let sum = String::from_utf8_lossy(&sum).into_owned();
            let (time, count) = sum.split_once(' ').ok_or("no sum is kept")?;
            due.push(Event {
                message: count.to_owned(),
                time: time.parse().map_err(|_| "no time is kept")?,
                ..Event::new(format!("{}/{key}", self.0.name), "sum")
            });
        }
        Ok(due)
    }

    fn stored(&mut self, ids: &[String]) -> Result<(), String> {
        for id in ids {
            let (_, key) = id.split_once('/').ok_or("the id of something else")?;
            kv::delete(key).map_err(failed)?;
        }
        Ok(())
    }
}

export_timed_transform! {
    Counting,
    name: "counting-transform",
    description: "Counts events and gives the sum out by the clock.",
    capabilities: r#"{"kv": true}"#,
}
