//! Channels as an operator sees them: what there is, and whether it would work.

use std::time::Instant;

use patchpanel_event::Level;
use serde::Serialize;

use crate::ChannelStats;
use crate::generation::Lane;
use crate::inner::Inner;
use crate::pipeline::bounded;

/// A channel in service.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelStatus {
    /// Its key.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Name of its plugin.
    pub plugin: String,
    /// Events below never get there.
    #[serde(serialize_with = "as_word")]
    pub min_level: Level,
    /// Whether it takes deliveries.
    #[serde(flatten)]
    pub state: ChannelStats,
}

/// What came of asking a channel how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelCheck {
    /// Its key.
    pub channel: String,
    /// Whether deliveries would work now, as far as its plugin can tell without making one.
    pub healthy: bool,
    /// Why they would not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long the answer took, in milliseconds.
    pub took_ms: u64,
}

/// Why a channel was not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No channel has this key or alias.
    #[error("there is no channel `{0}`")]
    NoChannel(String),
    /// One at a time.
    #[error("channel `{0}` is being asked already; ask again when that has ended")]
    Busy(String),
}

fn as_word<S: serde::Serializer>(level: &Level, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(level.as_str())
}

/// In the order of the configuration.
pub(crate) fn list(inner: &Inner) -> Vec<ChannelStatus> {
    let status = |lane: &Lane| ChannelStatus {
        name: lane.entry.key.clone(),
        aliases: lane.entry.aliases.clone(),
        plugin: lane.entry.plugin.clone(),
        min_level: lane.entry.min_level,
        state: ChannelStats::of(lane, inner.clock.now()),
    };
    inner.generation().lanes().map(status).collect()
}

/// Asks the channel of this key or alias. Neither its breaker nor what is delivered meanwhile is touched.
pub(crate) async fn check(inner: &Inner, name: &str) -> Result<ChannelCheck, CheckError> {
    let generation = inner.generation();
    let is_named = |lane: &&Lane| lane.entry.key == name || lane.entry.aliases.iter().any(|alias| alias == name);
    let lane = generation.lanes().find(is_named);
    let lane = lane.ok_or_else(|| CheckError::NoChannel(name.to_owned()))?;
    let busy = |_| CheckError::Busy(name.to_owned());
    let _only = lane.checking.try_lock().map_err(busy)?;
    let started = Instant::now();
    let reason = ask(lane).await.err().map(|reason| bounded(&reason));
    Ok(ChannelCheck {
        channel: lane.entry.key.clone(),
        healthy: reason.is_none(),
        reason,
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

async fn ask(lane: &Lane) -> Result<(), String> {
    if let Some(reason) = lane.disabled.get() {
        return Err(format!("disabled until the configuration is loaded again: {reason}"));
    }
    let deadline = lane.entry.deadline;
    let late = |_| format!("the channel gave no answer within {} ms", deadline.as_millis());
    let answer = tokio::time::timeout(deadline, lane.entry.handle.check()).await;
    answer.map_err(late).flatten()
}
