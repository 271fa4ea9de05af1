//! How deliveries end, wait, and come back: rows of `deliveries`.

use rusqlite::OptionalExtension as _;

use super::batch::Batch;
use super::op::{DeadTo, Held};
use super::queue::Lease;
use super::row::{signed, unsigned};
use super::state::number;
use super::state_code;
use super::writer::Writer;
use crate::{DeliveryKey, DeliveryRef, Replay, Settlement, Verdict};

/// Bytes of failed attempts that are kept of one delivery; beyond, the first ones stay.
const MOST_FAILURES: u32 = 64 << 10;

/// What is written about a delivery.
struct Entry<'e> {
    queue: usize,
    key: DeliveryKey,
    lease: Lease,
    state: u8,
    due: u64,
    /// Whether an attempt has ended with it.
    attempted: bool,
    reason: Option<&'e str>,
    /// Whether the reason is that of a failed attempt.
    failed: bool,
    reference: Option<&'e str>,
    detail: Option<&'e str>,
}

impl<'e> Entry<'e> {
    fn new(queue: usize, key: DeliveryKey, lease: Lease, state: u8) -> Entry<'e> {
        Entry {
            queue,
            key,
            lease,
            state,
            due: 0,
            attempted: false,
            reason: None,
            failed: false,
            reference: None,
            detail: None,
        }
    }
}

impl Writer {
    /// Records how a lease ended. One that is unknown changes nothing.
    pub(super) fn settle(&self, settlement: Settlement, batch: &mut Batch) -> rusqlite::Result<()> {
        let Settlement {
            subscription,
            key,
            verdict,
        } = settlement;
        let taken = {
            let mut state = self.shared.lock();
            let index = state.find(&subscription);
            index.and_then(|index| Some((index, state.queue_mut(index)?.take(key)?)))
        };
        let Some((queue, lease)) = taken else {
            return Ok(());
        };
        if verdict == Verdict::Release {
            batch.change(queue).given_back.push((key, lease));
            return Ok(());
        }
        batch.dirty = true;
        let change = batch.change(queue);
        change.taken.push((key, lease));
        let entry = |state| Entry::new(queue, key, lease, state);
        let settled = &mut change.settled;
        let entry = match &verdict {
            Verdict::Retry { due, reason } => {
                change.rows_added += u64::from(lease.due.is_none());
                change.ready.push(*due);
                return self.write_row(
                    &Entry {
                        due: *due,
                        attempted: true,
                        failed: true,
                        reason: Some(reason),
                        ..entry(state_code::READY)
                    },
                    batch,
                );
            }
            Verdict::Release => return Ok(()),
            Verdict::Delivered(receipt) => {
                settled.delivered += 1;
                Entry {
                    attempted: true,
                    reference: receipt.reference.as_deref(),
                    detail: receipt.detail.as_deref(),
                    ..entry(state_code::DELIVERED)
                }
            }
            Verdict::Filtered(reason) => {
                settled.filtered += 1;
                Entry {
                    reason: Some(reason),
                    ..entry(state_code::FILTERED)
                }
            }
            Verdict::Throttled => {
                settled.throttled += 1;
                entry(state_code::THROTTLED)
            }
            Verdict::Expired => {
                settled.expired += 1;
                entry(state_code::EXPIRED)
            }
            Verdict::Dead { reason, attempted } => {
                settled.dead += 1;
                Entry {
                    attempted: *attempted,
                    failed: *attempted,
                    reason: Some(reason),
                    ..entry(state_code::DEAD)
                }
            }
        };
        change.rows_ended += u64::from(lease.due.is_some());
        // The cursor says of what has no row that it was delivered.
        let is_news = entry.state != state_code::DELIVERED || entry.reference.is_some() || entry.detail.is_some();
        if is_news || lease.due.is_some() {
            self.write_row(&entry, batch)?;
        }
        match lease.ordering_key {
            Some(ordering_key) => self.pass_turn(queue, key, ordering_key, batch),
            None => Ok(()),
        }
    }

    /// Has a delivery wait for its turn, if that has not come meanwhile.
    pub(super) fn hold(&self, held: Held, batch: &mut Batch) -> rusqlite::Result<()> {
        let Held {
            queue,
            key,
            ordering_key,
        } = held;
        let (lease, holder) = {
            let mut state = self.shared.lock();
            let (holder, _) = batch.turn(&state, queue, ordering_key);
            let lease = state.queue_mut(queue).and_then(|queue| queue.take(key));
            (lease, holder)
        };
        let Some(lease) = lease else {
            return Ok(());
        };
        let change = batch.change(queue);
        if holder.is_none_or(|holder| holder == key) {
            change.holders.insert(ordering_key, Some(key));
            *change.held.entry(ordering_key).or_default() -= 1;
            change.given_back.push((key, lease));
            return Ok(());
        }
        change.taken.push((key, lease));
        change.rows_added += u64::from(lease.due.is_none());
        batch.dirty = true;
        self.write_row(&Entry::new(queue, key, lease, state_code::HELD), batch)
    }

    /// The holder of an ordering key is settled: the first that is held back has its turn.
    fn pass_turn(
        &self,
        queue: usize,
        key: DeliveryKey,
        ordering_key: i64,
        batch: &mut Batch,
    ) -> rusqlite::Result<()> {
        let (holder, held) = batch.turn(&self.shared.lock(), queue, ordering_key);
        if holder != Some(key) {
            // It was held back itself, and settled before its turn came.
            let change = batch.change(queue);
            *change.held.entry(ordering_key).or_default() -= 1;
            return Ok(());
        }
        let next = if held == 0 {
            None
        } else {
            let mut update = self.connection.prepare_cached(
                "UPDATE deliveries SET state = 0, due = 0 WHERE number = (SELECT number FROM deliveries \
                 WHERE subscription = ?1 AND ordering_key = ?2 AND state = 1 ORDER BY sequence, replay LIMIT 1) \
                 RETURNING sequence, replay",
            )?;
            let next = update.query_row((number(queue), ordering_key), |row| {
                Ok(DeliveryKey {
                    sequence: unsigned(row.get(0)?),
                    replay: row.get(1)?,
                })
            });
            next.optional()?
        };
        let change = batch.change(queue);
        change.holders.insert(ordering_key, next);
        if next.is_some() {
            *change.held.entry(ordering_key).or_default() -= 1;
            change.ready.push(0);
        }
        Ok(())
    }

    /// Puts a dead letter back, or away; false: it is none.
    pub(super) fn revive(&self, letter: &DeliveryRef, to: DeadTo, batch: &mut Batch) -> rusqlite::Result<bool> {
        let Some(queue) = self.shared.lock().find(&letter.subscription) else {
            return Ok(false);
        };
        let mut find = self.connection.prepare_cached(
            "SELECT number, ordering_key FROM deliveries \
             WHERE sequence = ?1 AND subscription = ?2 AND replay = ?3 AND state = 6",
        )?;
        let found: Option<(i64, Option<i64>)> = find
            .query_row(
                (signed(letter.key.sequence), number(queue), letter.key.replay),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((row, ordering_key)) = found else {
            return Ok(false);
        };
        let state = match (to, ordering_key) {
            (DeadTo::Discarded, _) => state_code::DISCARDED,
            (DeadTo::Pending, None) => state_code::READY,
            (DeadTo::Pending, Some(ordering_key)) => {
                let (holder, held) = batch.turn(&self.shared.lock(), queue, ordering_key);
                let change = batch.change(queue);
                if holder.is_some() || held > 0 {
                    *change.held.entry(ordering_key).or_default() += 1;
                    state_code::HELD
                } else {
                    change.holders.insert(ordering_key, Some(letter.key));
                    state_code::READY
                }
            }
        };
        batch.dirty = true;
        if to == DeadTo::Pending {
            let change = batch.change(queue);
            change.redriven += 1;
            change.rows_added += 1;
            if state == state_code::READY {
                change.ready.push(0);
            }
        }
        let mut update = self.connection.prepare_cached(
            "UPDATE deliveries SET state = ?2, due = 0, changed = ?3, since = iif(?2 = 7, since, ?3), \
             attempts = iif(?2 = 7, attempts, 0) WHERE number = ?1",
        )?;
        update.execute((row, state, signed(batch.now)))?;
        Ok(true)
    }

    /// Remembers a replay, and makes its next deliveries.
    pub(super) fn replay(&self, replay: &Replay, sequences: &[u64], batch: &mut Batch) -> rusqlite::Result<()> {
        batch.dirty = true;
        let queue = self.shared.lock().find_or_add(&replay.subscription);
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO deliveries (subscription, sequence, replay, state, due, attempts, since, changed, failures) \
             SELECT ?1, ?2, ?3, 0, 0, 0, ?4, ?4, '' WHERE EXISTS (SELECT 1 FROM events WHERE sequence = ?2) \
             ON CONFLICT DO NOTHING",
        )?;
        for sequence in sequences {
            let inserted = insert.execute((number(queue), signed(*sequence), replay.number, signed(batch.now)))?;
            if inserted > 0 {
                let change = batch.change(queue);
                change.accepted += 1;
                change.rows_added += 1;
                change.ready.push(0);
            }
        }
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO replays (number, subscription, request, position, enqueued, ended) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET position = ?4, enqueued = ?5, ended = ?6",
        )?;
        upsert.execute((
            replay.number,
            &*replay.subscription,
            &replay.request,
            signed(replay.position),
            signed(replay.enqueued),
            &replay.ended,
        ))?;
        Ok(())
    }

    fn write_row(&self, entry: &Entry<'_>, batch: &Batch) -> rusqlite::Result<()> {
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO deliveries (subscription, sequence, replay, state, due, attempts, since, changed, \
             ordering_key, reason, reference, detail, failures) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT (sequence, subscription, replay) DO UPDATE SET \
             state = ?4, due = ?5, attempts = attempts + ?6, changed = ?8, ordering_key = ?9, \
             reason = ?10, reference = ?11, detail = ?12, \
             failures = iif(length(failures) > ?14, failures, failures || ?13)",
        )?;
        let failure = match (entry.failed, entry.reason) {
            (true, Some(reason)) => format!("{}\n", serde_json::json!([batch.now, reason])),
            _ => String::new(),
        };
        upsert.execute(rusqlite::params![
            number(entry.queue),
            signed(entry.key.sequence),
            entry.key.replay,
            entry.state,
            signed(entry.due),
            u32::from(entry.attempted),
            signed(entry.lease.since),
            signed(batch.now),
            entry.lease.ordering_key,
            entry.reason,
            entry.reference,
            entry.detail,
            failure,
            MOST_FAILURES,
        ])?;
        Ok(())
    }
}
