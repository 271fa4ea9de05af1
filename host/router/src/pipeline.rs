//! Events through steps: the same code before an event is stored, at each attempt, and offline.

use patchpanel_event::{Event, Limits, Outcome, TextBatch, TextSelector, TransformFailure};

use crate::redactions::Redactions;
use crate::split::{MOST_PARTS, split};
use crate::{PluginFailure, Redactor, Step, Transformer, isolate};

/// Most bytes of replacements in one answer of a redactor: what one call gives it at most, unless one event has more.
const REPLACEMENT_BYTES: usize = 1 << 20;

/// Longest reason of a plugin that is kept, in bytes.
const REASON_BYTES: usize = 256;

/// What steps made of one event.
#[derive(Clone, Debug, PartialEq)]
pub enum Processed {
    /// It, changed or not.
    Passed(Event),
    /// Two or more in its place.
    Split(Vec<Event>),
    /// Nothing is left, for this reason.
    Dropped {
        /// The plugin that dropped it, or the last part of it.
        plugin: String,
        /// What that says.
        reason: String,
    },
    /// A step failed for it. Nothing of it may go on: it may not be redacted.
    Failed(StepFailure),
}

/// Why a step has no result for an event. Never holds text of the event, except where a transform puts it into a reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepFailure {
    /// The plugin is at fault.
    #[error(transparent)]
    Plugin(#[from] PluginFailure),
    /// The plugin refuses the event for ever.
    #[error("plugin `{plugin}` refuses the event: {reason}")]
    Invalid {
        /// Its name.
        plugin: String,
        /// What it says.
        reason: String,
    },
    /// The plugin cannot say yet.
    #[error("plugin `{plugin}` has no result for the event now: {reason}")]
    Later {
        /// Its name.
        plugin: String,
        /// What it says.
        reason: String,
    },
}

impl StepFailure {
    /// The plugin that has no result.
    pub fn plugin(&self) -> &str {
        match self {
            StepFailure::Plugin(failure) => &failure.plugin,
            StepFailure::Invalid { plugin, .. } | StepFailure::Later { plugin, .. } => plugin,
        }
    }
}

/// Buffers that stop allocating when they are used again.
#[derive(Default)]
pub struct Scratch {
    texts: TextBatch,
    pub(crate) matching: patchpanel_filter::Scratch,
    /// Of what was applied since the last look.
    pub(crate) redactions: Redactions,
}

impl Scratch {
    /// How many edits redactors made since the scratch was new, by label.
    pub fn redactions(&self) -> std::collections::BTreeMap<String, u64> {
        self.redactions.by_label()
    }
}

/// Runs events through steps in order; the answers are in the order of the events. Blocks as long as the plugins do.
///
/// Fails closed: an event for which a step failed goes nowhere, nor does any part of it.
pub(crate) fn apply(steps: &[Step], events: Vec<Event>, limits: &Limits, scratch: &mut Scratch) -> Vec<Processed> {
    let mut flow = Flow {
        fates: events.iter().map(|_| Fate::Open).collect(),
        origins: (0..events.len()).collect(),
        events,
    };
    for step in steps {
        match step {
            Step::Redactor {
                plugin,
                selector,
                report,
                handle,
            } => flow.redact(plugin, selector, report.as_deref(), &**handle, scratch),
            Step::Transformer { plugin, handle } => flow.transform(plugin, &**handle, limits),
        }
    }
    flow.finish()
}

/// Events on their way. Those of one origin stand side by side, in the order of the origins.
struct Flow {
    events: Vec<Event>,
    /// For each event the input that it comes from.
    origins: Vec<usize>,
    /// For each input.
    fates: Vec<Fate>,
}

enum Fate {
    Open,
    /// Counts only if nothing of the input is left at the end.
    Dropped {
        plugin: String,
        reason: String,
    },
    Failed(StepFailure),
}

impl Flow {
    fn redact(
        &mut self,
        plugin: &str,
        selector: &TextSelector,
        report: Option<&str>,
        redactor: &dyn Redactor,
        scratch: &mut Scratch,
    ) {
        let failed = |reason: String| PluginFailure {
            plugin: plugin.to_owned(),
            reason,
        };
        let answers = isolate::call(&mut self.events, |batch| {
            let done = vec![(); batch.len()];
            scratch.texts.clear();
            for (index, event) in batch.iter().enumerate() {
                scratch.texts.push(index, event, selector);
            }
            if scratch.texts.is_empty() {
                return Ok(done);
            }
            let edits = redactor.redact(&scratch.texts)?;
            if edits.bytes.len() > scratch.texts.bytes().len().max(REPLACEMENT_BYTES) {
                return Err(failed("it answered with more text than it may".to_owned()));
            }
            let applied = scratch.texts.apply(&edits, batch);
            applied.map_err(|error| failed(error.to_string()))?;
            scratch.redactions.count(&edits);
            if let Some(key) = report {
                for (index, counts) in scratch.texts.counts(&edits) {
                    if let Some(event) = batch.get_mut(index) {
                        event.add_counts(key, &Redactions::of(&edits, counts).by_label());
                    }
                }
            }
            Ok(done)
        });
        for (origin, answer) in self.origins.iter().zip(answers) {
            if let Err(failure) = answer {
                seal(&mut self.fates, *origin, Fate::Failed(failure.into()));
            }
        }
        self.forget_failed();
    }

    fn transform(&mut self, plugin: &str, transformer: &dyn Transformer, limits: &Limits) {
        let answers = isolate::call(&mut self.events, |batch| {
            let answers = transformer.transform(batch)?;
            if answers.len() == batch.len() {
                return Ok(answers);
            }
            Err(PluginFailure {
                plugin: plugin.to_owned(),
                reason: format!("it gave {} answers for {} events", answers.len(), batch.len()),
            })
        });
        let mut next = Next::with_capacity(self.events.len());
        let inputs = std::mem::take(&mut self.origins).into_iter();
        for ((origin, event), answer) in inputs.zip(std::mem::take(&mut self.events)).zip(answers) {
            let outcome = match answer {
                Ok(Ok(outcome)) => next.add(plugin, origin, event, outcome, limits),
                Ok(Err(TransformFailure::InvalidEvent(reason))) => Err(StepFailure::Invalid {
                    plugin: plugin.to_owned(),
                    reason: bounded(&reason),
                }),
                Ok(Err(TransformFailure::Retry(reason))) => Err(StepFailure::Later {
                    plugin: plugin.to_owned(),
                    reason: bounded(&reason),
                }),
                Err(failure) => Err(failure.into()),
            };
            let fate = match outcome {
                Ok(None) => continue,
                Ok(Some(reason)) => Fate::Dropped {
                    plugin: plugin.to_owned(),
                    reason,
                },
                Err(failure) => Fate::Failed(failure),
            };
            seal(&mut self.fates, origin, fate);
        }
        (self.events, self.origins) = (next.events, next.origins);
        self.forget_failed();
    }

    /// Later steps must not see what will go nowhere.
    fn forget_failed(&mut self) {
        let Flow { events, origins, fates } = self;
        let failed = |origin: &usize| matches!(fates.get(*origin), Some(Fate::Failed(_)));
        if !origins.iter().any(failed) {
            return;
        }
        let mut keep = origins.iter().map(|origin| !failed(origin));
        events.retain(|_| keep.next().unwrap_or(false));
        origins.retain(|origin| !failed(origin));
    }

    fn finish(self) -> Vec<Processed> {
        let mut left = self.origins.into_iter().zip(self.events).peekable();
        let inputs = self.fates.into_iter().enumerate();
        inputs
            .map(|(input, fate)| {
                let mut next = || left.next_if(|(origin, _)| *origin == input).map(|(_, event)| event);
                match (fate, next()) {
                    (Fate::Failed(failure), _) => Processed::Failed(failure),
                    (_, Some(first)) => match next() {
                        None => Processed::Passed(first),
                        Some(second) => {
                            let rest = std::iter::from_fn(next);
                            Processed::Split([first, second].into_iter().chain(rest).collect())
                        }
                    },
                    (Fate::Dropped { plugin, reason }, None) => Processed::Dropped { plugin, reason },
                    // An input only ever loses its events by being dropped or by failing.
                    (Fate::Open, None) => Processed::Failed(StepFailure::Plugin(PluginFailure {
                        plugin: String::new(),
                        reason: "the event was lost".to_owned(),
                    })),
                }
            })
            .collect()
    }
}

/// What a transformer leaves, while its answers are gone through.
struct Next {
    events: Vec<Event>,
    origins: Vec<usize>,
    /// How many of the last events have the same origin.
    parts: usize,
}

impl Next {
    fn with_capacity(capacity: usize) -> Self {
        Next {
            events: Vec::with_capacity(capacity),
            origins: Vec::with_capacity(capacity),
            parts: 0,
        }
    }

    /// Adds what the outcome leaves of the event; a reason if that is nothing.
    fn add(
        &mut self,
        plugin: &str,
        origin: usize,
        event: Event,
        outcome: Outcome,
        limits: &Limits,
    ) -> Result<Option<String>, StepFailure> {
        let failed = |reason: String| PluginFailure {
            plugin: plugin.to_owned(),
            reason,
        };
        match outcome {
            Outcome::Unchanged => self.push(origin, event).map_err(failed)?,
            Outcome::Patched(patch) => {
                let patched = event
                    .patched(patch, limits)
                    .map_err(|error| failed(error.to_string()))?;
                self.push(origin, patched).map_err(failed)?;
            }
            Outcome::Dropped(reason) => return Ok(Some(bounded(&reason))),
            Outcome::Split(parts) if parts.is_empty() => {
                let reason = "it split an event into nothing, where it should say that it drops it";
                return Err(failed(reason.to_owned()).into());
            }
            Outcome::Split(parts) => {
                for part in split(&event, parts, limits).map_err(failed)? {
                    self.push(origin, part).map_err(failed)?;
                }
            }
        }
        Ok(None)
    }

    fn push(&mut self, origin: usize, event: Event) -> Result<(), String> {
        self.parts = if self.origins.last() == Some(&origin) {
            self.parts + 1
        } else {
            1
        };
        if self.parts > MOST_PARTS {
            return Err(format!("the event became more than the {MOST_PARTS} that are allowed"));
        }
        self.events.push(event);
        self.origins.push(origin);
        Ok(())
    }
}

/// A failure stays, whatever comes behind it.
fn seal(fates: &mut [Fate], origin: usize, new: Fate) {
    if let Some(fate @ (Fate::Open | Fate::Dropped { .. })) = fates.get_mut(origin) {
        *fate = new;
    }
}

/// What is kept of a plugin's reason.
pub(crate) fn bounded(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON_BYTES);
    reason.get(..end).unwrap_or_default().to_owned()
}
