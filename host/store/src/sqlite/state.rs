//! What the store knows without reading the disk.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _};

use super::cursor_row::{self, CursorRow};
use super::delivery_row::{self, DeliveryRow};
use super::kept::Waiting;
use super::live::Budget;
use super::queue::{Lease, Open, Queue, Turn};
use super::row::{self, EventRow, signed, unsigned};
use super::{numbers, state_code};
use crate::{DeliveryKey, Ledger, StoreError, SubscriptionName};

#[derive(Default)]
pub(super) struct State {
    queues: Vec<Queue>,
    names: HashMap<SubscriptionName, usize>,
    pub(super) totals: Totals,
    pub(super) budget: Budget,
    /// Rows that were found damaged.
    pub(super) damaged: u64,
    /// Why nothing can be written.
    pub(super) trouble: Option<StoreError>,
    /// Why events are refused, though the rest can be written.
    pub(super) full: Option<StoreError>,
}

/// Sums over all subscriptions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) events: u64,
    pub(super) unmatched: u64,
    pub(super) duplicates: u64,
    /// The last one that was given away.
    pub(super) sequence: u64,
    /// When the last event was accepted that was there at the start.
    pub(super) accepted: u64,
}

impl Totals {
    fn read(connection: &Connection) -> rusqlite::Result<Totals> {
        let last = format!("SELECT {} FROM events ORDER BY sequence DESC LIMIT 1", row::COLUMNS);
        let last = connection.query_row(&last, (), EventRow::read).optional()?;
        let columns = "SELECT events, unmatched, duplicates, sequence FROM totals";
        connection.query_row(columns, (), |row| {
            Ok(Totals {
                events: unsigned(row.get(0)?),
                unmatched: unsigned(row.get(1)?),
                duplicates: unsigned(row.get(2)?),
                sequence: unsigned(row.get(3)?),
                accepted: last.and_then(Result::ok).map_or(0, |last| last.accepted),
            })
        })
    }
}

/// The number that the database has for the queue of this index: they are given away in order, from 1.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// What the writer has in common with those who ask.
#[derive(Default)]
pub(super) struct Shared {
    /// Its lock is never held while something waits.
    state: Mutex<State>,
    pub(super) kept: Waiting,
}

impl Shared {
    pub(super) fn new(state: State) -> Shared {
        Shared {
            state: Mutex::new(state),
            ..Shared::default()
        }
    }

    /// Nothing panics while it holds the lock, so a poisoned one guards a sound state.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// As the disk has it. What takes time here grows with the number of subscriptions and of ordering keys that wait, not
    /// with what is pending. Where the cursor of a subscription cannot be relied on, its name is the answer.
    pub(super) fn recover(connection: &Connection, now: u64) -> rusqlite::Result<Result<State, String>> {
        let mut state = State {
            totals: Totals::read(connection)?,
            ..State::default()
        };
        follow_clock(connection, now)?;
        let mut statement = connection.prepare(&format!(
            "SELECT {} FROM subscriptions ORDER BY number",
            cursor_row::COLUMNS
        ))?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let (row, sound) = CursorRow::read(row)?;
            if !sound || row.number != number(state.queues.len()) {
                return Ok(Err(row.name));
            }
            let mut queue = Queue::new(row.name.into(), row.number);
            queue.next = row.next;
            let given_back = Open {
                leased: false,
                lease: Lease::default(),
            };
            queue.open = numbers::read_u64(&row.open)
                .map(|sequence| (sequence, given_back))
                .collect();
            queue.account = row.account;
            queue.head = state.totals.sequence;
            state.names.insert(queue.name.clone(), state.queues.len());
            state.queues.push(queue);
        }
        state.recover_rows(connection)?;
        state.let_go(connection)?;
        for queue in &mut state.queues {
            queue.lagging = queue.unseen() > 0;
        }
        Ok(Ok(state))
    }

    fn recover_rows(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let pending = [state_code::READY, state_code::HELD];
        for state in pending {
            let mut statement = connection.prepare(&format!(
                "SELECT subscription, count(*), min(due) FROM deliveries WHERE state = {state} GROUP BY subscription"
            ))?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let Some(queue) = self.by_number(row.get(0)?) else {
                    continue;
                };
                queue.rows += unsigned(row.get(1)?);
                if state == state_code::READY {
                    queue.row_due = Some(unsigned(row.get(2)?));
                }
            }
            let mut statement = connection.prepare(&format!(
                "SELECT subscription, ordering_key, sequence, replay FROM deliveries \
                 WHERE state = {state} AND ordering_key IS NOT NULL"
            ))?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                let Some(queue) = self.by_number(row.get(0)?) else {
                    continue;
                };
                let key = DeliveryKey {
                    sequence: unsigned(row.get(2)?),
                    replay: row.get(3)?,
                };
                let turn = queue.keys.entry(row.get(1)?).or_default();
                if state == state_code::READY {
                    turn.holder = Some(key);
                } else {
                    turn.held += 1;
                }
            }
        }
        Ok(())
    }

    /// Those that wait for the end of a delivery without a row: what that had for an ordering key is not known any more,
    /// and by now something else may order them, or nothing. So they look for their turn again, behind it.
    fn let_go(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let has_no_holder = |turn: &Turn| turn.holder.is_none();
        if !self.queues.iter().any(|queue| queue.keys.values().any(has_no_holder)) {
            return Ok(());
        }
        let transaction = connection.unchecked_transaction()?;
        let mut select = connection.prepare(&format!(
            "SELECT {} FROM deliveries d WHERE state = {}",
            delivery_row::COLUMNS,
            state_code::HELD
        ))?;
        let rows: Vec<_> = select.query_map((), DeliveryRow::read)?.collect::<Result<_, _>>()?;
        for (row, sound) in rows {
            let Some(queue) = self.by_number(row.subscription) else {
                continue;
            };
            let holder = row.ordering_key.and_then(|key| queue.keys.get(&key)?.holder);
            if holder.is_some() {
                continue;
            }
            queue.row_due = Some(0);
            if sound {
                let row = DeliveryRow {
                    state: state_code::READY,
                    due: 0,
                    ordering_key: None,
                    ..row
                };
                row.write(connection)?;
            } else {
                // Its checksum stays as it is, so that the damage is noticed when it is read.
                let statement = "UPDATE deliveries SET state = 0, due = 0 \
                                 WHERE sequence = ?1 AND subscription = ?2 AND replay = ?3";
                connection.execute(statement, (signed(row.key.sequence), row.subscription, row.key.replay))?;
            }
        }
        for queue in &mut self.queues {
            queue.keys.retain(|_, turn| turn.holder.is_some());
        }
        drop(select);
        transaction.commit()
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The queue of a subscription; a new one, if the name is new.
    pub(super) fn find_or_add(&mut self, name: &SubscriptionName) -> usize {
        if let Some(index) = self.find(name) {
            return index;
        }
        let index = self.queues.len();
        self.names.insert(name.clone(), index);
        self.queues.push(Queue::new(name.clone(), number(index)));
        index
    }

    pub(super) fn len(&self) -> usize {
        self.queues.len()
    }

    pub(super) fn queue(&self, index: usize) -> Option<&Queue> {
        self.queues.get(index)
    }

    pub(super) fn queue_mut(&mut self, index: usize) -> Option<&mut Queue> {
        self.queues.get_mut(index)
    }

    /// As [`number`] says.
    pub(super) fn by_number(&mut self, number: u32) -> Option<&mut Queue> {
        self.queues.get_mut(number.checked_sub(1)? as usize)
    }

    pub(super) fn name_of(&self, number: u32) -> Option<SubscriptionName> {
        let queue = self.queues.get(number.checked_sub(1)? as usize)?;
        Some(queue.name.clone())
    }

    pub(super) fn ledger(&self) -> Ledger {
        let known = self.queues.iter().filter(|queue| queue.account.accepted > 0);
        Ledger {
            events: self.totals.events,
            unmatched: self.totals.unmatched,
            duplicates: self.totals.duplicates,
            accounts: known.map(|queue| (queue.name.clone(), queue.account)).collect(),
        }
    }
}

/// Where the clock went back while the process was down, what waits is moved with it, or it would wait that much longer.
fn follow_clock(connection: &Connection, now: u64) -> rusqlite::Result<()> {
    let time = connection.query_row("SELECT time FROM totals", (), |row| Ok(unsigned(row.get(0)?)))?;
    let back = time.saturating_sub(now);
    if back == 0 {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    let mut select = connection.prepare(&format!(
        "SELECT {} FROM deliveries d WHERE state = {}",
        delivery_row::COLUMNS,
        state_code::READY
    ))?;
    let rows: Vec<_> = select.query_map((), DeliveryRow::read)?.collect::<Result<_, _>>()?;
    // One that is damaged stays as it is, so that it is noticed when it is read.
    for (mut row, _) in rows.into_iter().filter(|(_, sound)| *sound) {
        row.due = row.due.saturating_sub(back);
        row.write(connection)?;
    }
    // Once only: the next start has to move nothing.
    connection.execute("UPDATE totals SET time = ?1", (signed(now),))?;
    transaction.commit()
}
