//! Transforms: synchronous calls with whole events, to be made from a thread that may block.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use patchpanel_event::{Event, EventParts, Level, Outcome, Patch, TransformFailure};

use crate::bindings::events;
use crate::bindings::timer;
use crate::bindings::transform::exports::patchpanel::plugin::transformer as wit;
use crate::bindings::transform::{TransformPlugin as Bindings, TransformPluginIndices, TransformPluginPre};
use crate::guest::{About, Core, Guest};
use crate::revision::Revision;
use crate::shadow::{Shadow, Tally, compare_answers};
use crate::state::{Shared, State};
use crate::{API_VERSION, CallError, LoadError};

/// What a transform answers for each event.
pub type Answer = Result<Outcome, TransformFailure>;

/// What one instance exports.
struct Exports {
    world: Bindings,
    timer: Option<timer::Guest>,
}

/// Most events that a plugin may give out at once by the clock.
const MOST_DUE: usize = 1_000;

/// One revision of a transform with one configuration.
pub struct TransformPlugin {
    core: Core<Exports>,
    pre: TransformPluginPre<State>,
    indices: TransformPluginIndices,
    /// Where it exports `timer`.
    timer: Option<timer::GuestIndices>,
    shadow: ArcSwapOption<Shadow<Vec<Event>, Vec<Answer>>>,
}

impl TransformPlugin {
    pub(crate) fn start(
        revision: &Arc<Revision>,
        pre: &TransformPluginPre<State>,
        shared: Arc<Shared>,
        config: &serde_json::Value,
    ) -> Result<TransformPlugin, LoadError> {
        let core = Core::new(pre.engine(), revision, shared, config)?;
        let misfit = |error: wasmtime::Error| LoadError::World {
            world: "timed-transform-plugin",
            message: format!("{error:#}"),
        };
        let instance = pre.instance_pre();
        let timer = format!("patchpanel:plugin/timer@{API_VERSION}");
        let has_timer = instance.component().get_export_index(None, timer.as_str()).is_some();
        let timer = has_timer.then(|| timer::GuestIndices::new(instance));
        let plugin = TransformPlugin {
            core,
            indices: TransformPluginIndices::new(instance).map_err(misfit)?,
            timer: timer.transpose().map_err(misfit)?,
            pre: pre.clone(),
            shadow: ArcSwapOption::empty(),
        };
        let guest = plugin.fresh()?;
        plugin.core.put(guest);
        Ok(plugin)
    }

    /// Transforms a batch: one answer per event, in order.
    ///
    /// # Errors
    /// Where there is no answer, or not one per event.
    pub fn transform(&self, batch: &[Event]) -> Result<Vec<Answer>, CallError> {
        let answers = match self.core.singly() {
            true => self.transform_singly(batch),
            false => self.transform_together(batch, None),
        }?;
        if let Some(shadow) = &*self.shadow.load() {
            shadow.offer(batch.to_vec(), answers.clone());
        }
        Ok(answers)
    }

    /// Has another revision answer the same batches from now on, to be compared; `None` ends that.
    pub(crate) fn shadow(&self, candidate: Option<(Arc<TransformPlugin>, Arc<Tally>)>) -> std::io::Result<()> {
        let shadow = candidate.map(|(candidate, tally)| {
            Shadow::start(tally, move |batch: Vec<Event>, was: Vec<Answer>| {
                let is = candidate.transform(&batch)?;
                Ok(compare_answers(&was, &is))
            })
        });
        self.shadow.store(shadow.transpose()?.map(Arc::new));
        Ok(())
    }

    fn transform_singly(&self, batch: &[Event]) -> Result<Vec<Answer>, CallError> {
        let until = Instant::now() + self.core.limits().time_for(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        for event in batch.chunks(1) {
            answers.extend(self.transform_together(event, Some(until))?);
        }
        Ok(answers)
    }

    fn transform_together(&self, batch: &[Event], until: Option<Instant>) -> Result<Vec<Answer>, CallError> {
        self.core.blocking(
            batch.len(),
            self.core.limits().time_for(batch.len()),
            until,
            || self.fresh(),
            |guest, time| self.call(guest, batch, time),
        )
    }

    fn call(&self, mut guest: Guest<Exports>, batch: &[Event], time: Duration) -> Result<Vec<Answer>, CallError> {
        self.core.arm(&mut guest.store, time);
        let batch: Vec<events::Event> = batch.iter().map(to_guest).collect();
        let answers = guest
            .bindings
            .world
            .patchpanel_plugin_transformer()
            .call_transform(&mut guest.store, &batch)
            .map_err(|error| self.core.explain(&error, &guest.store))?;
        self.core.put(guest);
        if answers.len() != batch.len() {
            return Err(CallError::Contract(format!(
                "{} answers to {} events",
                answers.len(),
                batch.len()
            )));
        }
        Ok(answers
            .into_iter()
            .map(|answer| from_guest(answer, |text| self.core.said(text)))
            .collect())
    }

    /// Whether it also gives events out by the clock.
    pub fn timed(&self) -> bool {
        self.timer.is_some()
    }

    /// Events that are due at this time, in nanoseconds since the Unix epoch; each has an id. They may break the limits of
    /// events.
    ///
    /// # Errors
    /// Where there is no answer, or not one as the contract has it.
    pub fn due(&self, now: u64) -> Result<Vec<EventParts>, CallError> {
        self.by_the_clock(1, |timer, guest| {
            let due = timer
                .call_due(&mut guest.store, now)
                .map_err(|error| self.core.explain(&error, &guest.store))?;
            let due = due.map_err(|text| CallError::Refused(Some(self.core.said(text))))?;
            if due.len() > MOST_DUE {
                let problem = format!(
                    "{} events are due at once, more than the {MOST_DUE} that may be",
                    due.len()
                );
                return Err(CallError::Contract(problem));
            }
            if due.iter().any(|event| event.id.is_empty()) {
                return Err(CallError::Contract("an event that is due has no id".to_owned()));
            }
            Ok(due.into_iter().map(parts_from_guest).collect())
        })
    }

    /// Tells it that the events of these ids are stored.
    ///
    /// # Errors
    /// Where there is no answer, or a refusal.
    pub fn stored(&self, ids: &[String]) -> Result<(), CallError> {
        self.by_the_clock(ids.len(), |timer, guest| {
            let answer = timer
                .call_stored(&mut guest.store, ids)
                .map_err(|error| self.core.explain(&error, &guest.store))?;
            answer.map_err(|text| CallError::Refused(Some(self.core.said(text))))
        })
    }

    fn by_the_clock<T>(
        &self,
        items: usize,
        call: impl FnOnce(timer::Guest, &mut Guest<Exports>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let make = |mut guest: Guest<Exports>, time: Duration| {
            let timer = guest.bindings.timer.clone();
            let timer = timer.ok_or_else(|| CallError::Contract("it has no timer".to_owned()))?;
            self.core.arm(&mut guest.store, time);
            let answer = call(timer, &mut guest);
            // After a refusal, too: it is an answer.
            if matches!(answer, Ok(_) | Err(CallError::Refused(_))) {
                self.core.put(guest);
            }
            answer
        };
        let time = self.core.limits().deadline;
        self.core.blocking(items, time, None, || self.fresh(), make)
    }

    fn fresh(&self) -> Result<Guest<Exports>, LoadError> {
        let mut store = self.core.store()?;
        let instance = self.pre.instance_pre().instantiate(&mut store);
        let started = instance.and_then(|instance| {
            let timer = self.timer.as_ref().map(|timer| timer.load(&mut store, &instance));
            let exports = Exports {
                world: self.indices.load(&mut store, &instance)?,
                timer: timer.transpose()?,
            };
            let answer = exports
                .world
                .patchpanel_plugin_lifecycle()
                .call_configure(&mut store, &self.core.config)?;
            Ok((exports, answer))
        });
        let (exports, answer) = started.map_err(|error| LoadError::Start(self.core.explain(&error, &store)))?;
        self.core
            .configured(answer, |mistake| (mistake.path, mistake.message))?;
        Ok(self.core.guest(store, exports))
    }

    /// Makes a fresh instance, and nothing with it.
    pub(crate) fn try_start(&self) -> Result<(), LoadError> {
        self.fresh().map(drop)
    }

    /// What can be told about it.
    pub fn about(&self) -> &About {
        &self.core.about
    }
}

/// The contract's form of an event.
pub(crate) fn to_guest(event: &Event) -> events::Event {
    let parts = event.parts();
    events::Event {
        id: parts.id,
        type_: parts.kind,
        source: parts.source,
        level: parts.level.into(),
        time: event.time(),
        message: parts.message,
        subject: parts.subject,
        correlation_id: parts.correlation_id,
        channels: parts.channels,
        metadata: if parts.metadata.is_empty() {
            "{}".to_owned()
        } else {
            parts.metadata
        },
        payload: if parts.payload.is_empty() {
            "null".to_owned()
        } else {
            parts.payload
        },
    }
}

/// `said` is what becomes of texts that are not the event's.
fn from_guest(answer: Result<wit::Outcome, wit::Failure>, said: impl Fn(String) -> String) -> Answer {
    match answer {
        Ok(wit::Outcome::Unchanged) => Ok(Outcome::Unchanged),
        Ok(wit::Outcome::Patched(patch)) => Ok(Outcome::Patched(Patch {
            kind: patch.type_,
            level: patch.level.map(Level::from),
            message: patch.message,
            subject: patch.subject,
            correlation_id: patch.correlation_id,
            channels: patch.channels,
            metadata: patch.metadata,
            payload: patch.payload,
        })),
        Ok(wit::Outcome::Dropped(reason)) => Ok(Outcome::Dropped(said(reason))),
        Ok(wit::Outcome::Split(parts)) => Ok(Outcome::Split(parts.into_iter().map(parts_from_guest).collect())),
        Err(wit::Failure::InvalidEvent(reason)) => Err(TransformFailure::InvalidEvent(said(reason))),
        Err(wit::Failure::Retry(reason)) => Err(TransformFailure::Retry(said(reason))),
    }
}

fn parts_from_guest(event: events::Event) -> EventParts {
    EventParts {
        id: event.id,
        kind: event.type_,
        source: event.source,
        level: event.level.into(),
        time: Some(event.time),
        message: event.message,
        subject: event.subject,
        correlation_id: event.correlation_id,
        channels: event.channels,
        metadata: if event.metadata == "{}" {
            String::new()
        } else {
            event.metadata
        },
        payload: if event.payload == "null" {
            String::new()
        } else {
            event.payload
        },
    }
}
