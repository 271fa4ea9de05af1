//! The router in numbers, as served by the API.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use patchpanel_store::{Account, StoreError, Usage};
use serde::Serialize;
use tokio::time::Instant;

use crate::breaker::Admission;
use crate::generation::Lane;
use crate::inner::Inner;
use crate::verdict::nanos;

/// Sums. Over all subscriptions, `accepted = pending + delivered + filtered + throttled + expired + dead`.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Events that the store has ever accepted, duplicates not counted.
    pub accepted: u64,
    /// Events that it refused as duplicates.
    pub duplicates: u64,
    /// Events that were refused since the start because an ingress transform failed, or because there was no room.
    pub refused: u64,
    /// Events that an ingress transform dropped since the start.
    pub dropped: u64,
    /// Accepted events that matched no subscription.
    pub unmatched: u64,
    /// Names in `channels` of events since the start that no channel has.
    pub unknown_channels: u64,
    /// Edits of redactors since the start, by label.
    pub redactions: BTreeMap<String, u64>,
    /// The ledger, by subscription; direct routes are called `channel:<key>`.
    pub subscriptions: BTreeMap<String, Account>,
    /// By key.
    pub channels: BTreeMap<String, ChannelStats>,
    /// The room that the store takes.
    pub store: Usage,
}

/// A channel's state.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelStats {
    /// Why it takes nothing any more; until the next configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// `closed`: it is used; `open`: it failed too often and is left alone; `half_open`: the next delivery is a probe.
    pub breaker: &'static str,
    /// When it is probed next, RFC 3339, where the breaker is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<String>,
}

impl Stats {
    /// The accounts of all subscriptions.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.subscriptions.values()
    }

    pub(crate) async fn of(inner: &Inner) -> Result<Stats, StoreError> {
        let ledger = inner.store.ledger().await?;
        let store = inner.store.usage().await?;
        let generation = inner.generation();
        let channel = |lane: &Lane| (lane.entry.key.clone(), ChannelStats::of(lane, inner.clock.now()));
        let redactions = inner.redactions.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Stats {
            accepted: ledger.events,
            duplicates: ledger.duplicates,
            refused: inner.refused.load(Relaxed),
            dropped: inner.dropped.load(Relaxed),
            unmatched: ledger.unmatched,
            unknown_channels: inner.unknown_channels.load(Relaxed),
            redactions: redactions.by_label(),
            subscriptions: ledger
                .accounts
                .iter()
                .map(|(name, account)| (name.to_string(), *account))
                .collect(),
            channels: generation.lanes().map(channel).collect(),
            store,
        })
    }
}

impl ChannelStats {
    pub(crate) fn of(lane: &Lane, now: u64) -> ChannelStats {
        let state = lane.breaker.state();
        let retry_at = match state.admission() {
            Admission::At(time) => Some(time.saturating_duration_since(Instant::now())),
            Admission::Everything | Admission::Probe | Admission::Changed => None,
        };
        ChannelStats {
            disabled: lane.disabled.get().cloned(),
            breaker: state.name(),
            retry_at: retry_at.map(|wait| patchpanel_event::format_time(now.saturating_add(nanos(wait)))),
        }
    }
}
