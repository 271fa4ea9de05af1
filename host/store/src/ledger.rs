use std::collections::BTreeMap;

use serde::Serialize;

use crate::SubscriptionName;

/// The sums of one subscription, in deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Ever accepted.
    pub accepted: u64,
    /// Not settled yet: due, waiting for a retry, or leased.
    pub pending: u64,
    /// Settled with a receipt.
    pub delivered: u64,
    /// Settled because a transform dropped them.
    pub filtered: u64,
    /// Settled because of the throttle.
    pub throttled: u64,
    /// Settled because they were too old.
    pub expired: u64,
    /// Settled as dead letters, also those that were discarded.
    pub dead: u64,
}

impl Account {
    /// Whether the sum holds.
    pub fn is_balanced(&self) -> bool {
        self.accepted == self.settled() + self.pending
    }

    /// All that are settled, however that was.
    pub fn settled(&self) -> u64 {
        self.delivered + self.filtered + self.throttled + self.expired + self.dead
    }
}

/// The sums of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Events ever accepted, duplicates not counted.
    pub events: u64,
    /// Those of them that no subscription matched.
    pub unmatched: u64,
    /// Events that were refused as duplicates.
    pub duplicates: u64,
    /// Of every subscription that was ever matched.
    pub accounts: BTreeMap<SubscriptionName, Account>,
}

impl Ledger {
    /// Deliveries of all subscriptions that are not settled yet.
    pub fn pending(&self) -> u64 {
        self.accounts.values().map(|account| account.pending).sum()
    }
}
