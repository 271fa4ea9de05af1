//! The router in numbers, as served by the API.

use std::collections::BTreeMap;

use patchpanel_store::{Account, DeadLetter, Ledger};
use serde::Serialize;

/// Sums since the start. Over all subscriptions, `accepted = pending + delivered + filtered + throttled + expired + dead`.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Events that were accepted, duplicates not counted.
    pub accepted: u64,
    /// Events that were refused as duplicates.
    pub duplicates: u64,
    /// Events that were refused because an ingress transform failed, or because there was no room.
    pub refused: u64,
    /// Events that an ingress transform dropped.
    pub dropped: u64,
    /// Accepted events that matched no subscription.
    pub unmatched: u64,
    /// Names in `channels` of events that no channel has.
    pub unknown_channels: u64,
    /// Edits of redactors, by label.
    pub redactions: BTreeMap<String, u64>,
    /// The ledger, by subscription; direct routes are called `channel:<key>`.
    pub subscriptions: BTreeMap<String, Account>,
    /// By key.
    pub channels: BTreeMap<String, ChannelStats>,
    /// The last ones, newest first.
    pub dead_letters: Vec<DeadLetterStats>,
}

/// A channel's state.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelStats {
    /// Why it takes nothing any more; until the next configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
}

/// A dead letter.
#[derive(Clone, Debug, Serialize)]
pub struct DeadLetterStats {
    /// Whose delivery it was.
    pub subscription: String,
    /// Of which event.
    pub event_id: String,
    /// How often it was attempted.
    pub attempts: u32,
    /// Why nobody tries again.
    pub reason: String,
    /// When it was settled, RFC 3339.
    pub time: String,
}

impl Stats {
    /// The accounts of all subscriptions.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.subscriptions.values()
    }

    pub(crate) fn of(ledger: &Ledger, dead: Vec<DeadLetter>) -> Self {
        let letter = |letter: DeadLetter| DeadLetterStats {
            subscription: letter.subscription.to_string(),
            event_id: letter.event_id,
            attempts: letter.attempts,
            reason: letter.reason,
            time: patchpanel_event::format_time(letter.time),
        };
        Stats {
            accepted: ledger.events,
            duplicates: ledger.duplicates,
            refused: 0,
            dropped: 0,
            unmatched: ledger.unmatched,
            unknown_channels: 0,
            redactions: BTreeMap::new(),
            subscriptions: ledger
                .accounts
                .iter()
                .map(|(name, account)| (name.to_string(), *account))
                .collect(),
            channels: BTreeMap::new(),
            dead_letters: dead.into_iter().map(letter).collect(),
        }
    }
}
