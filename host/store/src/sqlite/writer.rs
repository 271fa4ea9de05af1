//! The one that writes: group commit.
//!
//! Everything that was asked for while the last transaction was synced goes into the next one, and is answered when that
//! is synced. What a transaction means for the memory is collected in a [`Batch`] and takes effect afterwards, so a
//! transaction that fails has changed nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;

use super::batch::Batch;
use super::cursor_row::CursorRow;
use super::kept::Changes;
use super::live::Live;
use super::op::Op;
use super::retain::Sweep;
use super::row::{self, signed};
use super::state::Shared;
use super::{numbers, problem};
use crate::{Appended, Clock, NewEvent, Retention, StoreError};

/// Most requests in one transaction, and most events: what comes later goes into the next one.
const MOST_OPS: usize = 4_096;
const MOST_EVENTS: usize = 8_192;
/// How long to wait for work before the housekeeping gets its turn.
const TICK: Duration = Duration::from_millis(500);

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
    /// Bytes that the store may take.
    pub(super) budget: Option<u64>,
    /// Queues that have a row.
    stored: usize,
    sweep: Sweep,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        retention: Retention,
        budget: Option<u64>,
    ) -> Writer {
        let stored = shared.lock().len();
        Writer {
            connection,
            shared,
            clock,
            retention,
            budget,
            stored,
            sweep: Sweep::default(),
        }
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self, requests: &Receiver<Op>) {
        loop {
            match requests.recv_timeout(TICK) {
                Ok(first) => {
                    let mut events = first.events();
                    let mut ops = vec![first];
                    while ops.len() < MOST_OPS
                        && events < MOST_EVENTS
                        && let Ok(op) = requests.try_recv()
                    {
                        events += op.events();
                        ops.push(op);
                    }
                    self.commit(ops);
                }
                Err(ended) => {
                    if self.shared.kept.is_waiting() {
                        self.commit(Vec::new());
                    }
                    if ended == RecvTimeoutError::Disconnected {
                        return;
                    }
                }
            }
            self.maintain();
        }
    }

    /// All of it in one transaction.
    pub(super) fn commit(&mut self, ops: Vec<Op>) {
        let totals = {
            let state = self.shared.lock();
            if let Some(error @ StoreError::Failed(_)) = &state.trouble {
                let error = error.clone();
                drop(state);
                ops.into_iter().for_each(|op| op.refuse(error.clone()));
                return;
            }
            state.totals
        };
        // Times of acceptance never fall.
        let mut batch = Batch::new(self.clock.now().max(totals.accepted), totals);
        let mut ops = ops.into_iter();
        // After the requests were: what was kept before one of them is in its transaction or in an earlier one.
        let kept = self.shared.kept.take();
        let written = self.write(&mut ops, &kept, &mut batch);
        match written {
            Ok(()) => {
                let mut state = self.shared.lock();
                if batch.dirty {
                    self.stored = batch.stored;
                    state.trouble = None;
                }
                batch.apply(&mut state);
            }
            Err(error) => {
                self.roll_back();
                self.shared.kept.put_back(kept);
                let error = problem(&error);
                tracing::error!(%error, "a transaction of the store has failed");
                let mut state = self.shared.lock();
                batch.fail(&mut state, &error);
                state.trouble = Some(error.clone());
                drop(state);
                ops.for_each(|op| op.refuse(error.clone()));
            }
        }
    }

    fn write(&self, ops: &mut impl Iterator<Item = Op>, kept: &Changes, batch: &mut Batch) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN")?;
        let full = self.over_budget()?;
        batch.dirty |= kept.write(&self.connection)?;
        for op in ops {
            self.perform(op, full.as_ref(), batch)?;
        }
        self.shared.lock().full = full;
        if batch.dirty {
            self.write_sums(batch)?;
            self.connection.execute_batch("COMMIT")
        } else {
            self.connection.execute_batch("ROLLBACK")
        }
    }

    /// Whatever happens, the answer is in the batch afterwards.
    fn perform(&self, op: Op, full: Option<&StoreError>, batch: &mut Batch) -> rusqlite::Result<()> {
        match op {
            Op::Wake(answer) => {
                answer.into_iter().for_each(|answer| batch.done(answer));
                Ok(())
            }
            Op::Append(events, answer) => {
                if let Some(full) = full {
                    drop(answer.send(Err(full.clone())));
                    return Ok(());
                }
                let mut appended = Vec::with_capacity(events.len());
                let written = self.append(events, &mut appended, batch);
                batch.appended(answer, appended);
                written
            }
            Op::Settle(settlements, answer) => {
                batch.done(answer);
                settlements
                    .into_iter()
                    .try_for_each(|settlement| self.settle(settlement, batch))
            }
            Op::Hold(held, answer) => {
                batch.done(answer);
                held.into_iter().try_for_each(|held| self.hold(held, batch))
            }
            Op::Dead(letters, to, answer) => {
                let mut count = 0;
                let written = letters
                    .iter()
                    .try_for_each(|letter| self.revive(letter, to, batch).map(|done| count += u64::from(done)));
                batch.counted(answer, count);
                written
            }
            Op::Replay(replay, sequences, answer) => {
                batch.done(answer);
                self.replay(&replay, &sequences, batch)
            }
            Op::Define(name, definition, answer) => {
                batch.done(answer);
                batch.dirty = true;
                let statement = match definition {
                    Some(_) => "INSERT INTO definitions VALUES (?1, ?2) ON CONFLICT DO UPDATE SET definition = ?2",
                    None => "DELETE FROM definitions WHERE name = ?1 AND ?2 IS NULL",
                };
                self.connection.execute(statement, (name, definition)).map(drop)
            }
        }
    }

    fn append(&self, events: Vec<NewEvent>, appended: &mut Vec<Appended>, batch: &mut Batch) -> rusqlite::Result<()> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO events (sequence, id, accepted, matched, checksum, key, correlation_id, json) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?;
        for new in events {
            let mut queues: Vec<usize> = {
                let mut state = self.shared.lock();
                new.matched.iter().map(|name| state.find_or_add(name)).collect()
            };
            queues.sort_unstable();
            queues.dedup();
            let matched = numbers::write_u32(queues.iter().map(|index| super::state::number(*index)));
            let sequence = batch.totals.sequence + 1;
            let (id, json, key) = (new.event.id(), new.event.json(), new.key.as_deref());
            let checksum = row::sum(
                sequence,
                batch.now,
                &matched,
                id.as_bytes(),
                key.map(str::as_bytes),
                json,
            );
            let inserted = insert.execute((
                signed(sequence),
                &*id,
                signed(batch.now),
                matched,
                checksum,
                key,
                new.event.correlation_id(),
                &**json,
            ))?;
            batch.dirty = true;
            if inserted == 0 {
                batch.totals.duplicates += 1;
                let id = self.kept_id(&id, key)?;
                appended.push(Appended::Duplicate { id });
                continue;
            }
            drop(id);
            appended.push(Appended::Accepted);
            batch.totals.sequence = sequence;
            batch.totals.events += 1;
            batch.totals.unmatched += u64::from(queues.is_empty());
            for queue in &queues {
                batch.change(*queue).accepted += 1;
            }
            if !queues.is_empty() {
                let live = Live::new(new.event, batch.now, &self.shared.lock().budget);
                batch.accepted.push((sequence, live, queues));
            }
        }
        Ok(())
    }

    /// The event that makes another one a duplicate.
    fn kept_id(&self, id: &str, key: Option<&str>) -> rusqlite::Result<String> {
        let mut find = self
            .connection
            .prepare_cached("SELECT id FROM events WHERE id = ?1 OR key = ?2 ORDER BY id = ?1 DESC LIMIT 1")?;
        find.query_row((id, key), |row| row.get(0))
    }

    /// Cursors and sums of what has changed.
    fn write_sums(&self, batch: &mut Batch) -> rusqlite::Result<()> {
        let state = self.shared.lock();
        // Numbers are given away in order, so that of a new queue must not be lost. Further queues may come until the
        // transaction is synced: those are not in it.
        batch.stored = state.len();
        let changed = batch.changes.keys().copied().filter(|index| *index < self.stored);
        for index in changed.chain(self.stored..batch.stored) {
            let Some(queue) = state.queue(index) else {
                continue;
            };
            let mut account = queue.account;
            if let Some(change) = batch.changes.get(&index) {
                change.add_to(&mut account);
            }
            let row = CursorRow {
                number: queue.number,
                name: queue.name.to_string(),
                next: queue.next,
                open: numbers::write_u64(queue.open.keys().copied().chain(batch.given_back(index))),
                account,
            };
            row.write(&self.connection)?;
        }
        drop(state);
        let mut update = self.connection.prepare_cached(
            "UPDATE totals SET events = ?1, unmatched = ?2, duplicates = ?3, sequence = ?4, time = ?5",
        )?;
        let totals = batch.totals;
        update.execute((
            signed(totals.events),
            signed(totals.unmatched),
            signed(totals.duplicates),
            signed(totals.sequence),
            signed(self.clock.now()),
        ))?;
        Ok(())
    }

    /// Retention, and a look whether a full disk has room again.
    pub(super) fn maintain(&mut self) {
        let now = self.clock.now();
        let trouble = self.shared.lock().trouble.clone();
        let done = match trouble {
            Some(StoreError::Failed(_)) => return,
            Some(_) => self.probe(now),
            None => {
                let mut sweep = std::mem::take(&mut self.sweep);
                let swept = sweep.step(self, now);
                self.sweep = sweep;
                swept
                    .and_then(|()| self.over_budget())
                    .map(|full| self.shared.lock().full = full)
            }
        };
        if let Err(error) = done {
            self.roll_back();
            self.shared.lock().trouble = Some(problem(&error));
        }
    }

    /// Writes a little; if that works, publishing does so again.
    fn probe(&self, now: u64) -> rusqlite::Result<()> {
        // The time has to be another one: what does not change is not written.
        let statement = "UPDATE totals SET time = max(?1, time + 1)";
        self.connection.execute(statement, (signed(now),))?;
        self.shared.lock().trouble = None;
        tracing::info!("the store can write again");
        Ok(())
    }

    fn roll_back(&self) {
        // Some errors have ended the transaction already.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction of the store could not be rolled back");
        }
    }
}

impl Op {
    fn events(&self) -> usize {
        match self {
            Op::Append(events, _) => events.len(),
            _ => 1,
        }
    }
}
