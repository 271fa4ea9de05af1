//! Transforms: synchronous calls with whole events, to be made from a thread that may block.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use patchpanel_event::{Event, EventParts, Level, Outcome, Patch, TransformFailure};

use crate::bindings::events;
use crate::bindings::transform::exports::patchpanel::plugin::transformer as wit;
use crate::bindings::transform::{TransformPlugin as Bindings, TransformPluginPre};
use crate::guest::{About, Core, Guest, configured};
use crate::revision::Revision;
use crate::shadow::{Shadow, Tally, compare_answers};
use crate::state::{Shared, State};
use crate::{CallError, LoadError};

/// What a transform answers for each event.
pub type Answer = Result<Outcome, TransformFailure>;

/// One revision of a transform with one configuration.
pub struct TransformPlugin {
    core: Core<Bindings>,
    pre: TransformPluginPre<State>,
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
        let plugin = TransformPlugin {
            core,
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
            until,
            || self.fresh(),
            |guest, time| self.call(guest, batch, time),
        )
    }

    fn call(&self, mut guest: Guest<Bindings>, batch: &[Event], time: Duration) -> Result<Vec<Answer>, CallError> {
        self.core.arm(&mut guest.store, time);
        let batch: Vec<events::Event> = batch.iter().map(to_guest).collect();
        let answers = guest
            .bindings
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
        Ok(answers.into_iter().map(from_guest).collect())
    }

    fn fresh(&self) -> Result<Guest<Bindings>, LoadError> {
        let mut store = self.core.store()?;
        let started = self.pre.instantiate(&mut store).and_then(|bindings| {
            let answer = bindings
                .patchpanel_plugin_lifecycle()
                .call_configure(&mut store, &self.core.config)?;
            Ok((bindings, answer))
        });
        let (bindings, answer) = started.map_err(|error| LoadError::Start(self.core.explain(&error, &store)))?;
        configured(answer, |mistake| (mistake.path, mistake.message))?;
        Ok(self.core.guest(store, bindings))
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

fn from_guest(answer: Result<wit::Outcome, wit::Failure>) -> Answer {
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
        Ok(wit::Outcome::Dropped(reason)) => Ok(Outcome::Dropped(reason)),
        Ok(wit::Outcome::Split(parts)) => Ok(Outcome::Split(parts.into_iter().map(parts_from_guest).collect())),
        Err(wit::Failure::InvalidEvent(reason)) => Err(TransformFailure::InvalidEvent(reason)),
        Err(wit::Failure::Retry(reason)) => Err(TransformFailure::Retry(reason)),
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
