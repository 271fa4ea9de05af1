//! The deliveries of one subscription, by sequence number.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::Notify;

use crate::{Account, Verdict};

/// Every pending delivery is in exactly one of `ready`, `waiting` and `leased`.
#[derive(Default)]
pub(crate) struct Queue {
    ready: BTreeSet<u64>,
    /// By due time.
    waiting: BTreeSet<(u64, u64)>,
    leased: HashSet<u64>,
    /// Failed attempts, of those that have any.
    attempts: HashMap<u64, u32>,
    pub(crate) account: Account,
    pub(crate) work: Arc<Notify>,
}

/// What a settlement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing: it was not leased.
    Ignored,
    /// It is pending again.
    Returned,
    /// It is settled.
    Ended,
}

impl Queue {
    /// `false` if it is there already.
    pub(crate) fn push(&mut self, sequence: u64) -> bool {
        let new = self.ready.insert(sequence);
        if new {
            self.account.accept();
            self.work.notify_one();
        }
        new
    }

    /// Leases what is due, oldest first, with the number of failed attempts; returns when the next is due.
    pub(crate) fn lease(&mut self, max: usize, now: u64) -> (Vec<(u64, u32)>, Option<u64>) {
        while let Some(&(due, sequence)) = self.waiting.first()
            && due <= now
        {
            self.waiting.pop_first();
            self.ready.insert(sequence);
        }
        let mut leases = Vec::with_capacity(max.min(self.ready.len()));
        while leases.len() < max
            && let Some(sequence) = self.ready.pop_first()
        {
            self.leased.insert(sequence);
            leases.push((sequence, self.attempts(sequence)));
        }
        let next_due = if self.ready.is_empty() {
            self.waiting.first().map(|(due, _)| *due)
        } else {
            Some(now)
        };
        (leases, next_due)
    }

    pub(crate) fn settle(&mut self, sequence: u64, verdict: &Verdict) -> Settled {
        if !self.leased.remove(&sequence) {
            return Settled::Ignored;
        }
        if self.account.settle(verdict) {
            self.attempts.remove(&sequence);
            return Settled::Ended;
        }
        if let Verdict::Retry { due, .. } = verdict {
            let attempts = self.attempts(sequence).saturating_add(1);
            self.attempts.insert(sequence, attempts);
            self.waiting.insert((*due, sequence));
        } else {
            self.ready.insert(sequence);
        }
        self.work.notify_one();
        Settled::Returned
    }

    /// Leases everything that is pending, due or not.
    pub(crate) fn lease_all(&mut self) -> Vec<(u64, u32)> {
        self.lease(usize::MAX, u64::MAX).0
    }

    fn attempts(&self, sequence: u64) -> u32 {
        self.attempts.get(&sequence).copied().unwrap_or(0)
    }
}
