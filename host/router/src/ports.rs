//! What the router needs of plugins; the binary implements it over the runtime's handles.
//!
//! A handle is one revision of one plugin: a new revision is a new handle in a new [`Table`](crate::Table), so a call
//! never sees two revisions. Every call must end within the plugin's own deadline, and an answer is untrusted.

use async_trait::async_trait;
use patchpanel_event::{Attempt, Edits, Event, EventParts, Outcome, Problem, Receipt, TextBatch, TransformFailure};

/// A plugin that replaces text. Blocks, so it is called off the async threads.
pub trait Redactor: Send + Sync {
    /// The edits that the batch needs.
    ///
    /// # Errors
    /// No text of the batch may be passed on.
    fn redact(&self, batch: &TextBatch) -> Result<Edits, PluginFailure>;
}

/// A plugin that changes, drops or splits events. Blocks, so it is called off the async threads.
pub trait Transformer: Send + Sync {
    /// One answer for each event, in order.
    ///
    /// # Errors
    /// There is no answer for any of the events.
    fn transform(&self, events: &[Event]) -> Result<Vec<Result<Outcome, TransformFailure>>, PluginFailure>;

    /// The same plugin, where it also gives events out by the clock.
    fn timed(&self) -> Option<&dyn Timed> {
        None
    }
}

/// A transform that gives events out when it is time. Blocks, so it is called off the async threads.
pub trait Timed: Send + Sync {
    /// Events that are due at this time, in nanoseconds since the Unix epoch. They stay due until they are
    /// [`Timed::stored`].
    ///
    /// # Errors
    /// Nothing can be told to be due.
    fn due(&self, now: u64) -> Result<Vec<EventParts>, PluginFailure>;

    /// The events of these ids are stored.
    ///
    /// # Errors
    /// They are still due.
    fn stored(&self, ids: &[String]) -> Result<(), PluginFailure>;
}

/// A configured channel plugin.
#[async_trait]
pub trait Channel: Send + Sync {
    /// One answer for each attempt, in order. Dropping the future ends the call.
    ///
    /// # Errors
    /// There is no answer for any of the attempts; some may have reached the other side all the same.
    async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure>;

    /// Whether deliveries would work now, without making any. Dropping the future ends the call.
    ///
    /// # Errors
    /// Why they would not, for operators; never holds a secret.
    async fn check(&self) -> Result<(), String>;
}

/// A plugin did not answer as it must: a trap, a timeout, quarantine, a bad answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{plugin}` failed: {reason}")]
pub struct PluginFailure {
    /// Its name.
    pub plugin: String,
    /// For operators; never holds text of an event.
    pub reason: String,
}
