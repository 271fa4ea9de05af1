//! A plugin outside of any router, as its author tries it: under the real limits, and with nothing granted but `kv`, which
//! ends with the trial.

use std::sync::Arc;
use std::time::{Duration, Instant};

use patchpanel_event::{Attempt, Event, TextBatch, delivery_id};
use serde_json::{Value, json};

use crate::golden::{delivered, redacted, texts_of, transformed};
use crate::unit::Start;
use crate::{CallError, Declaration, Grants, Kind, LoadError, PluginSpec, Role, Runtime, Unit, UnitSpec};

/// What deliveries of a trial say that they are for.
const SUBSCRIPTION: &str = "trial";

/// One revision with one configuration.
pub struct Trial {
    unit: Unit,
}

/// What one call of a trial is about, in the form in which the router has it.
pub struct Batch(Items);

enum Items {
    Texts(TextBatch),
    Events(Vec<Event>),
    Attempts(Vec<Attempt>),
}

impl Trial {
    /// Does all that happens to a file in the plugins directory: checks, compiles and configures it, and tries its examples.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub async fn start(runtime: &Runtime, component: Vec<u8>, config: &Value) -> Result<Trial, LoadError> {
        let loader = runtime.clone();
        let loading = tokio::task::spawn_blocking(move || loader.load(&component));
        let revision = loading
            .await
            .unwrap_or_else(|panic| Err(LoadError::Compile(panic.to_string())))?;
        let declaration = revision.declaration();
        let spec = PluginSpec {
            name: declaration.name.clone(),
            from: declaration.name.clone(),
            grants: Grants {
                kv: true,
                ..Grants::default()
            },
            ..PluginSpec::default()
        };
        let role = match declaration.kind {
            Kind::Redactor | Kind::Transform => Role::Transform,
            Kind::Channel => Role::Channel,
        };
        let use_ = UnitSpec {
            id: SUBSCRIPTION.to_owned(),
            plugin: spec.name.clone(),
            config: config.clone(),
            role,
        };
        let start = Start {
            runtime,
            spec: &spec,
            unit: &use_,
            revision: &revision,
            kv: Arc::default(),
            alarm: None,
        };
        Ok(Trial {
            unit: start.run().await?,
        })
    }

    /// What the plugin says about itself.
    pub fn declaration(&self) -> &Declaration {
        self.unit.about().revision().declaration()
    }

    /// One answer for each event, in the form that the golden files of `patchpanel plugin test` have. The events go in one
    /// call; if that fails, singly, and those that fail alone are answered with `{"failed": "…"}`.
    pub async fn answers(&self, events: &[Event]) -> Vec<Value> {
        match self.ask(events).await {
            Ok(answers) => answers,
            Err(_) => {
                let mut answers = Vec::new();
                for event in events {
                    match self.ask(std::slice::from_ref(event)).await {
                        Ok(answer) => answers.extend(answer),
                        Err(reason) => answers.push(json!({"failed": reason})),
                    }
                }
                answers
            }
        }
    }

    async fn ask(&self, events: &[Event]) -> Result<Vec<Value>, String> {
        let failed = |error: CallError| error.to_string();
        match &self.unit {
            Unit::Redactor(plugin) => {
                let mut together = events.to_vec();
                let batch = texts_of(events);
                let edits = blocking(|| plugin.redact(&batch)).map_err(failed)?;
                batch.apply(&edits, &mut together).map_err(|error| error.to_string())?;
                let answer = |(event, together): (&Event, &Event)| {
                    let batch = texts_of(std::slice::from_ref(event));
                    let edits = plugin.redact(&batch).map_err(failed)?;
                    redacted(event, &batch, &edits, together)
                };
                blocking(|| events.iter().zip(&together).map(answer).collect())
            }
            Unit::Transform(plugin) => {
                let answers = blocking(|| plugin.transform(events)).map_err(failed)?;
                let answers = events.iter().zip(answers);
                answers.map(|(event, answer)| transformed(event, answer)).collect()
            }
            Unit::Channel(plugin) => {
                let answers = plugin.deliver(&attempts(events)).await.map_err(failed)?;
                Ok(answers.into_iter().map(delivered).collect())
            }
        }
    }

    /// Makes the argument of a call about these events.
    pub fn batch(&self, events: &[Event]) -> Batch {
        Batch(match &self.unit {
            Unit::Redactor(_) => Items::Texts(texts_of(events)),
            Unit::Transform(_) => Items::Events(events.to_vec()),
            Unit::Channel(_) => Items::Attempts(attempts(events)),
        })
    }

    /// Calls the plugin once and tells how long it took, with all that the router has to do for a call.
    ///
    /// # Errors
    /// Why there was no answer.
    pub async fn time(&self, batch: &Batch) -> Result<Duration, CallError> {
        let started = Instant::now();
        match (&self.unit, &batch.0) {
            (Unit::Redactor(plugin), Items::Texts(texts)) => blocking(|| plugin.redact(texts).map(drop))?,
            (Unit::Transform(plugin), Items::Events(events)) => blocking(|| plugin.transform(events).map(drop))?,
            (Unit::Channel(plugin), Items::Attempts(attempts)) => plugin.deliver(attempts).await.map(drop)?,
            _ => return Err(CallError::Contract("the batch is one of another plugin".to_owned())),
        }
        Ok(started.elapsed())
    }

    /// How long a fresh instance takes until it is configured.
    ///
    /// # Errors
    /// As when it was started.
    pub async fn time_start(&self) -> Result<Duration, LoadError> {
        let started = Instant::now();
        match &self.unit {
            Unit::Redactor(plugin) => blocking(|| plugin.try_start())?,
            Unit::Transform(plugin) => blocking(|| plugin.try_start())?,
            Unit::Channel(plugin) => plugin.try_start().await?,
        }
        Ok(started.elapsed())
    }

    /// The most linear memory that an instance has had so far, in bytes.
    pub fn memory(&self) -> u64 {
        self.unit.about().health().memory
    }
}

fn attempts(events: &[Event]) -> Vec<Attempt> {
    let attempt = |event: &Event| Attempt {
        delivery_id: delivery_id(&event.id(), SUBSCRIPTION, 0),
        number: 1,
        replay: 0,
        subscription: SUBSCRIPTION.to_owned(),
        recipients: Vec::new(),
        event: event.clone(),
    };
    events.iter().map(attempt).collect()
}

/// Synchronous plugins block their thread, which must not be one that drives futures.
fn blocking<T>(call: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(call)
}
