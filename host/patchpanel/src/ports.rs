//! The router's ports over the runtime's plugins: names and errors change their type, nothing else happens here.

use std::sync::Arc;

use async_trait::async_trait;
use patchpanel_event::{Attempt, Edits, Event, Outcome, Problem, Receipt, TextBatch, TransformFailure};
use patchpanel_router::{Channel, PluginFailure, Redactor, Transformer};
use patchpanel_runtime::{CallError, ChannelPlugin, RedactorPlugin, TransformPlugin};

pub(crate) struct WasmRedactor(pub(crate) Arc<RedactorPlugin>);

pub(crate) struct WasmTransform(pub(crate) Arc<TransformPlugin>);

pub(crate) struct WasmChannel(pub(crate) Arc<ChannelPlugin>);

/// Stands for a channel whose plugin is not there: optional and not yet dropped in, or not wanted because nothing is
/// delivered offline.
pub(crate) struct NoChannel(pub(crate) String);

fn failure(plugin: &str, error: &CallError) -> PluginFailure {
    PluginFailure {
        plugin: plugin.to_owned(),
        reason: error.to_string(),
    }
}

impl Redactor for WasmRedactor {
    fn redact(&self, batch: &TextBatch) -> Result<Edits, PluginFailure> {
        self.0
            .redact(batch)
            .map_err(|error| failure(self.0.about().name(), &error))
    }
}

impl Transformer for WasmTransform {
    fn transform(&self, events: &[Event]) -> Result<Vec<Result<Outcome, TransformFailure>>, PluginFailure> {
        self.0
            .transform(events)
            .map_err(|error| failure(self.0.about().name(), &error))
    }
}

#[async_trait]
impl Channel for WasmChannel {
    async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure> {
        self.0
            .deliver(batch)
            .await
            .map_err(|error| failure(self.0.about().name(), &error))
    }
}

#[async_trait]
impl Channel for NoChannel {
    async fn deliver(&self, _: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure> {
        Err(PluginFailure {
            plugin: self.0.clone(),
            reason: "is not there".to_owned(),
        })
    }
}
