//! One transaction: what is written, and what changes in memory once it is synced.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::live::Live;
use super::op::Answer;
use super::queue::{Lease, Queue};
use super::state::{State, Totals};
use crate::{Account, Appended, DeliveryKey, StoreError};

/// Collects what a transaction means for the memory. Until [`Batch::apply`], nothing but leases has changed there.
pub(super) struct Batch {
    pub(super) now: u64,
    pub(super) totals: Totals,
    /// By index of the queue, so that they are written in one order.
    pub(super) changes: BTreeMap<usize, Change>,
    /// Accepted: the event, and the indices of its queues.
    pub(super) accepted: Vec<(u64, Arc<Live>, Vec<usize>)>,
    /// Whether anything was written.
    pub(super) dirty: bool,
    /// Queues that have a row then.
    pub(super) stored: usize,
    answers: Vec<Answered>,
}

/// An answer that waits for the commit.
enum Answered {
    Appended(Answer<Vec<Appended>>, Vec<Appended>),
    Done(Answer<()>),
    Counted(Answer<u64>, u64),
}

/// What a transaction does to one queue.
#[derive(Default)]
pub(super) struct Change {
    pub(super) accepted: u64,
    /// `pending` and `accepted` in it are not used.
    pub(super) settled: Account,
    /// Dead letters that are pending again.
    pub(super) redriven: u64,
    /// Rows that are pending now, and those that no longer are.
    pub(super) rows_added: u64,
    pub(super) rows_ended: u64,
    /// When rows that became ready are due.
    pub(super) ready: Vec<u64>,
    /// Leases that were ended, to be put back if the transaction fails.
    pub(super) taken: Vec<(DeliveryKey, Lease)>,
    /// Leases that end without a settlement.
    pub(super) given_back: Vec<(DeliveryKey, Lease)>,
    /// The new holders of ordering keys.
    pub(super) holders: HashMap<i64, Option<DeliveryKey>>,
    /// How many more, or fewer, are held back for ordering keys.
    pub(super) held: HashMap<i64, i64>,
}

impl Batch {
    pub(super) fn new(now: u64, totals: Totals) -> Batch {
        Batch {
            now,
            totals,
            changes: BTreeMap::new(),
            accepted: Vec::new(),
            dirty: false,
            stored: 0,
            answers: Vec::new(),
        }
    }

    pub(super) fn change(&mut self, queue: usize) -> &mut Change {
        self.changes.entry(queue).or_default()
    }

    pub(super) fn appended(&mut self, answer: Answer<Vec<Appended>>, appended: Vec<Appended>) {
        self.answers.push(Answered::Appended(answer, appended));
    }

    pub(super) fn done(&mut self, answer: Answer<()>) {
        self.answers.push(Answered::Done(answer));
    }

    pub(super) fn counted(&mut self, answer: Answer<u64>, count: u64) {
        self.answers.push(Answered::Counted(answer, count));
    }

    /// Who holds an ordering key, and how many wait for it, with what the transaction has done so far.
    pub(super) fn turn(&self, state: &State, queue: usize, ordering_key: i64) -> (Option<DeliveryKey>, u64) {
        let known = state.queue(queue).and_then(|queue| queue.keys.get(&ordering_key));
        let known = known.copied().unwrap_or_default();
        let change = self.changes.get(&queue);
        let holder = change.and_then(|change| change.holders.get(&ordering_key).copied());
        let held = change.and_then(|change| change.held.get(&ordering_key).copied());
        (
            holder.unwrap_or(known.holder),
            known.held.saturating_add_signed(held.unwrap_or(0)),
        )
    }

    /// Deliveries without a row that are given back to a queue: pending, though nobody has them leased.
    pub(super) fn given_back(&self, queue: usize) -> impl Iterator<Item = u64> {
        let change = self.changes.get(&queue).into_iter();
        let leases = change.flat_map(|change| &change.given_back);
        leases
            .filter(|(_, lease)| lease.due.is_none())
            .map(|(key, _)| key.sequence)
    }

    /// The transaction is synced.
    pub(super) fn apply(self, state: &mut State) {
        state.totals = self.totals;
        for (index, change) in self.changes {
            if let Some(queue) = state.queue_mut(index) {
                change.apply(queue);
            }
        }
        for (sequence, event, queues) in self.accepted {
            let room = state.budget.has_room();
            for index in queues {
                if let Some(queue) = state.queue_mut(index) {
                    queue.push(sequence, &event, room);
                }
            }
        }
        for answered in self.answers {
            answered.send();
        }
    }

    /// The transaction has failed, and nothing of it has taken effect.
    pub(super) fn fail(self, state: &mut State, error: &StoreError) {
        for (index, change) in self.changes {
            if let Some(queue) = state.queue_mut(index) {
                for (key, lease) in change.taken.into_iter().chain(change.given_back) {
                    queue.put_back(key, lease);
                }
            }
        }
        for answered in self.answers {
            answered.refuse(error);
        }
    }
}

impl Answered {
    // Whoever does not wait any more does not need the answer.
    fn send(self) {
        match self {
            Answered::Appended(answer, appended) => drop(answer.send(Ok(appended))),
            Answered::Done(answer) => drop(answer.send(Ok(()))),
            Answered::Counted(answer, count) => drop(answer.send(Ok(count))),
        }
    }

    fn refuse(self, error: &StoreError) {
        match self {
            Answered::Appended(answer, _) => drop(answer.send(Err(error.clone()))),
            Answered::Done(answer) => drop(answer.send(Err(error.clone()))),
            Answered::Counted(answer, _) => drop(answer.send(Err(error.clone()))),
        }
    }
}

impl Change {
    pub(super) fn add_to(&self, account: &mut Account) {
        account.accepted += self.accepted;
        account.delivered += self.settled.delivered;
        account.filtered += self.settled.filtered;
        account.throttled += self.settled.throttled;
        account.expired += self.settled.expired;
        account.dead = (account.dead + self.settled.dead).saturating_sub(self.redriven);
        account.pending = account.accepted.saturating_sub(account.settled());
    }

    fn apply(self, queue: &mut Queue) {
        self.add_to(&mut queue.account);
        if !queue.account.is_balanced() {
            tracing::error!(subscription = %queue.name, account = ?queue.account, "the ledger does not add up");
        }
        queue.rows = (queue.rows + self.rows_added).saturating_sub(self.rows_ended);
        for (ordering_key, change) in &self.held {
            let turn = queue.keys.entry(*ordering_key).or_default();
            turn.held = turn.held.saturating_add_signed(*change);
        }
        for (ordering_key, holder) in self.holders {
            let turn = queue.keys.entry(ordering_key).or_default();
            turn.holder = holder;
            if holder.is_none() && turn.held == 0 {
                queue.keys.remove(&ordering_key);
            }
        }
        for (key, lease) in self.taken {
            queue.written(key, lease);
        }
        for (key, lease) in self.given_back {
            queue.give_back(key, lease);
        }
        for due in self.ready {
            queue.row_ready(due);
        }
    }
}
