//! One subscription in memory: what is leased, and where on the disk the rest begins.
//!
//! Every pending delivery is in exactly one place: behind the cursor `next` (the first of those in `live`, the others on
//! the disk only), in `open`, or in a row of `deliveries`. So what this takes grows with what is leased, and not with what
//! is pending.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use patchpanel_event::Event;
use tokio::sync::Notify;

use super::live::Live;
use crate::{Account, DeliveryKey, SubscriptionName};

/// Most new deliveries that wait in memory; further ones are read from the disk when their time comes.
const MOST_LIVE: usize = 256;

pub(super) struct Queue {
    pub(super) name: SubscriptionName,
    /// As the database calls it.
    pub(super) number: u32,
    pub(super) account: Account,
    /// The cursor: everything up to here was handed out at some time.
    pub(super) next: u64,
    /// The last event that was accepted for it.
    pub(super) head: u64,
    /// Up to the cursor, not settled, and without a row.
    pub(super) open: BTreeMap<u64, Open>,
    /// Directly behind the cursor.
    live: VecDeque<(u64, Arc<Live>)>,
    /// More than `live` is behind the cursor.
    pub(super) lagging: bool,
    /// Pending deliveries with a row.
    pub(super) rows: u64,
    pub(super) leased_rows: HashMap<DeliveryKey, Lease>,
    /// Of those that are settled: until that is written, the disk has them as they were.
    pub(super) taken_rows: HashSet<DeliveryKey>,
    /// Taken from `open`, and on the way to the disk.
    taken: u64,
    /// Pending by the sums, and nowhere to be found on a damaged disk.
    pub(super) missing: u64,
    /// No row that is ready and not leased is due earlier; `None`: there is no such row.
    pub(super) row_due: Option<u64>,
    /// Counts the rows that became ready, for those who read them without the lock.
    pub(super) row_version: u64,
    /// The values that order deliveries and are taken.
    pub(super) keys: HashMap<i64, Turn>,
    /// One fetch at a time.
    pub(super) fetching: Arc<tokio::sync::Mutex<()>>,
    pub(super) work: Arc<Notify>,
}

/// A delivery without a row that is not settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) leased: bool,
    pub(super) lease: Lease,
}

/// What is known of a delivery while it is leased.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lease {
    pub(super) since: u64,
    /// What orders it.
    pub(super) ordering_key: Option<i64>,
    /// Its row's; `None`: it has no row.
    pub(super) due: Option<u64>,
}

/// Who goes first among deliveries of one ordering key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Turn {
    /// Leased or waiting for a retry; `None`: the first of those that are held back, once their rows are there.
    pub(super) holder: Option<DeliveryKey>,
    /// Held back, with a row or about to get one.
    pub(super) held: u64,
}

/// What becomes of a delivery that is about to be leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Granted,
    /// Another one with its ordering key goes first.
    Held,
}

impl Queue {
    pub(super) fn new(name: SubscriptionName, number: u32) -> Queue {
        Queue {
            name,
            number,
            account: Account::default(),
            next: 0,
            head: 0,
            open: BTreeMap::new(),
            live: VecDeque::new(),
            lagging: false,
            rows: 0,
            leased_rows: HashMap::new(),
            taken_rows: HashSet::new(),
            taken: 0,
            missing: 0,
            row_due: None,
            row_version: 0,
            keys: HashMap::new(),
            fetching: Arc::default(),
            work: Arc::default(),
        }
    }

    /// A new delivery. `room`: it may wait in memory.
    pub(super) fn push(&mut self, sequence: u64, event: &Arc<Live>, room: bool) {
        if self.live.is_empty() && !self.lagging {
            // Nothing of this subscription is in between.
            self.next = self.next.max(sequence.saturating_sub(1));
        }
        self.head = sequence;
        if !self.lagging && room && self.live.len() < MOST_LIVE {
            self.live.push_back((sequence, Arc::clone(event)));
        } else {
            self.lagging = true;
        }
        self.work.notify_one();
    }

    /// The first new delivery, if it waits in memory.
    pub(super) fn first_live(&self) -> Option<(u64, u64, &Event)> {
        let (sequence, live) = self.live.front()?;
        Some((*sequence, live.accepted, &live.event))
    }

    /// Moves the cursor over a new delivery and leases it.
    pub(super) fn open(&mut self, sequence: u64, since: u64) {
        while self.live.front().is_some_and(|(first, _)| *first <= sequence) {
            self.live.pop_front();
        }
        self.next = self.next.max(sequence);
        let lease = Lease {
            since,
            ..Lease::default()
        };
        self.open.insert(sequence, Open { leased: true, lease });
    }

    /// Given back, without rows.
    pub(super) fn returned(&self) -> Vec<u64> {
        let returned = self.open.iter().filter(|(_, open)| !open.leased);
        returned.map(|(sequence, _)| *sequence).collect()
    }

    /// Whether a leased delivery may go, or has to wait for its turn. It is counted as held then.
    pub(super) fn take_turn(&mut self, key: DeliveryKey, ordering_key: i64) -> Place {
        if let Some(lease) = self.lease_mut(key) {
            lease.ordering_key = Some(ordering_key);
        }
        let turn = self.keys.entry(ordering_key).or_default();
        match turn.holder {
            None if turn.held == 0 => turn.holder = Some(key),
            Some(holder) if holder == key => {}
            _ => {
                turn.held += 1;
                return Place::Held;
            }
        }
        Place::Granted
    }

    fn lease_mut(&mut self, key: DeliveryKey) -> Option<&mut Lease> {
        if key.replay == 0
            && let Some(open) = self.open.get_mut(&key.sequence)
        {
            return Some(&mut open.lease);
        }
        self.leased_rows.get_mut(&key)
    }

    /// Ends a lease, to be settled or given back.
    pub(super) fn take(&mut self, key: DeliveryKey) -> Option<Lease> {
        if key.replay == 0
            && let Some(open) = self.open.get(&key.sequence)
        {
            let (leased, lease) = (open.leased, open.lease);
            return leased.then(|| {
                self.open.remove(&key.sequence);
                self.taken += 1;
                lease
            });
        }
        let lease = self.leased_rows.remove(&key)?;
        self.taken_rows.insert(key);
        Some(lease)
    }

    /// What was taken is written.
    pub(super) fn written(&mut self, key: DeliveryKey, lease: Lease) {
        self.taken_rows.remove(&key);
        self.taken = self.taken.saturating_sub(u64::from(lease.due.is_none()));
    }

    /// Undoes [`Queue::take`].
    pub(super) fn put_back(&mut self, key: DeliveryKey, lease: Lease) {
        self.written(key, lease);
        if lease.due.is_some() {
            self.leased_rows.insert(key, lease);
        } else {
            self.open.insert(key.sequence, Open { leased: true, lease });
        }
    }

    /// What was taken is pending again, and due as it was.
    pub(super) fn give_back(&mut self, key: DeliveryKey, lease: Lease) {
        self.written(key, lease);
        match lease.due {
            Some(due) => self.row_ready(due),
            None => {
                self.open.insert(key.sequence, Open { leased: false, lease });
            }
        }
        self.work.notify_one();
    }

    /// Ends a lease that nobody got to know of; false: it had ended.
    pub(super) fn put_down(&mut self, key: DeliveryKey) -> bool {
        match self.take(key) {
            Some(lease) => {
                self.give_back(key, lease);
                true
            }
            None => false,
        }
    }

    /// One less is held back for an ordering key.
    pub(super) fn leave_turn(&mut self, ordering_key: i64) {
        if let Some(turn) = self.keys.get_mut(&ordering_key) {
            turn.held = turn.held.saturating_sub(1);
            if turn.holder.is_none() && turn.held == 0 {
                self.keys.remove(&ordering_key);
            }
        }
    }

    /// A row became ready.
    pub(super) fn row_ready(&mut self, due: u64) {
        self.row_version += 1;
        self.row_due = Some(self.row_due.map_or(due, |known| known.min(due)));
        self.work.notify_one();
    }

    /// Whether anything can be handed out now without a look at the rows.
    pub(super) fn has_new(&self) -> bool {
        self.lagging || !self.live.is_empty() || self.open.values().any(|open| !open.leased)
    }

    /// Deliveries behind the cursor.
    pub(super) fn unseen(&self) -> u64 {
        let seen = self.rows + self.open.len() as u64 + self.taken + self.missing;
        self.account.pending.saturating_sub(seen)
    }

    /// Whether a delivery without a row is settled.
    pub(super) fn is_settled(&self, sequence: u64) -> bool {
        sequence <= self.next && !self.open.contains_key(&sequence)
    }
}
