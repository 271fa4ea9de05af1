//! The misdeeds.

use std::cell::RefCell;
use std::hint::black_box;

use serde::Deserialize;

use crate::contract::exports::patchpanel::plugin::lifecycle::{self, ConfigError};
use crate::contract::exports::patchpanel::plugin::transformer::{self, Event, Failure, Outcome, Patch};

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    mode: Mode,
    when: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    /// Computes for ever.
    Loop,
    /// Takes memory until there is none.
    Memory,
    /// Panics with the text in its message.
    Panic,
    /// Answers for one event less than there are.
    TooFew,
    /// Answers for one event more than there are.
    TooMany,
    /// Makes the metadata something else than an object.
    BadMetadata,
    /// Makes the payload something that is no JSON.
    BadPayload,
    /// Makes the type an empty one.
    BadType,
    /// Splits the event into two of one id.
    SameIds,
    /// Splits the event into nothing.
    Nothing,
    /// Splits the event into ten thousand.
    Thousands,
}

thread_local! {
    static CONFIG: RefCell<Option<Config>> = const { RefCell::new(None) };
}

pub(crate) struct Component;

impl lifecycle::Guest for Component {
    fn configure(config: String) -> Result<(), Vec<ConfigError>> {
        let config = serde_json::from_str::<Config>(&config).map_err(|error| {
            vec![ConfigError {
                path: String::new(),
                message: error.to_string(),
            }]
        })?;
        CONFIG.set(Some(config));
        Ok(())
    }
}

impl transformer::Guest for Component {
    fn transform(batch: Vec<Event>) -> Vec<Result<Outcome, Failure>> {
        let Some(Config { mode, when }) = CONFIG.with_borrow(Clone::clone) else {
            return Vec::new();
        };
        let is_meant = |event: &Event| event.message.contains(&when);
        let mut answers: Vec<_> = batch
            .iter()
            .map(|event| {
                Ok(if is_meant(event) {
                    answer(mode, event)
                } else {
                    Outcome::Unchanged
                })
            })
            .collect();
        if batch.iter().any(is_meant) {
            match mode {
                Mode::TooFew => drop(answers.pop()),
                Mode::TooMany => answers.push(Ok(Outcome::Unchanged)),
                _ => {}
            }
        }
        answers
    }
}

#[allow(clippy::panic, reason = "to see it contained")]
fn answer(mode: Mode, event: &Event) -> Outcome {
    let part = |id: String| Event { id, ..event.clone() };
    let patch = |change: fn(&mut Patch)| {
        let mut patch = Patch {
            type_: None,
            level: None,
            message: None,
            subject: None,
            correlation_id: None,
            channels: None,
            metadata: None,
            payload: None,
        };
        change(&mut patch);
        Outcome::Patched(patch)
    };
    match mode {
        Mode::Loop => loop {
            black_box(());
        },
        Mode::Memory => {
            let mut taken: Vec<Vec<u8>> = Vec::new();
            loop {
                taken.push(black_box(vec![1; 1 << 20]));
            }
        }
        Mode::Panic => panic!("cannot stand {}", event.message),
        Mode::TooFew | Mode::TooMany => Outcome::Unchanged,
        Mode::BadMetadata => patch(|patch| patch.metadata = Some("[1]".to_owned())),
        Mode::BadPayload => patch(|patch| patch.payload = Some("{\"a\":".to_owned())),
        Mode::BadType => patch(|patch| patch.type_ = Some(String::new())),
        Mode::SameIds => Outcome::Split(vec![part("same".to_owned()), part("same".to_owned())]),
        Mode::Nothing => Outcome::Split(Vec::new()),
        Mode::Thousands => Outcome::Split((0..10_000).map(|number| part(number.to_string())).collect()),
    }
}
