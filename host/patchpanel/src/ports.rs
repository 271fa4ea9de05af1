//! The router's ports over the runtime's plugins, and the runtime's over the store: names and errors change their type, nothing
//! else happens here.

use std::sync::Arc;

use async_trait::async_trait;
use patchpanel_event::{Attempt, Edits, Event, EventParts, Outcome, Problem, Receipt, TextBatch, TransformFailure};
use patchpanel_router::{Channel, PluginFailure, Redactor, Timed, Transformer};
use patchpanel_runtime::{CallError, ChannelPlugin, Keep, Kept, RedactorPlugin, TransformPlugin};
use patchpanel_store::{Clock, KeptValue, Store};
use tokio::runtime::Handle;

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

    fn timed(&self) -> Option<&dyn Timed> {
        self.0.timed().then_some(self as &dyn Timed)
    }
}

impl Timed for WasmTransform {
    fn due(&self, now: u64) -> Result<Vec<EventParts>, PluginFailure> {
        self.0.due(now).map_err(|error| failure(self.0.about().name(), &error))
    }

    fn stored(&self, ids: &[String]) -> Result<(), PluginFailure> {
        self.0
            .stored(ids)
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

    async fn check(&self) -> Result<(), String> {
        self.0.check_health().await
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

    async fn check(&self) -> Result<(), String> {
        Err(format!("plugin `{}` is not there", self.0))
    }
}

/// What plugins keep goes into the store of events.
pub(crate) struct StoreKeep {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Keep for StoreKeep {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn load(&self, owner: &str) -> Result<Vec<(String, Kept)>, String> {
        let kept = |(key, value): (String, KeptValue)| {
            let KeptValue { bytes, expires } = value;
            (key, Kept { value: bytes, expires })
        };
        let loaded = Handle::current().block_on(self.store.kept(owner));
        let loaded = loaded.map_err(|error| error.to_string())?;
        Ok(loaded.into_iter().map(kept).collect())
    }

    fn ready(&self) -> Result<(), String> {
        self.store.can_keep().map_err(|error| error.to_string())
    }

    fn write(&self, owner: &str, key: &str, kept: Option<&Kept>) {
        let value = kept.map(|kept| KeptValue {
            bytes: kept.value.clone(),
            expires: kept.expires,
        });
        self.store.keep(owner, key, value);
    }
}
