//! How deliveries end, wait, and come back: rows of `deliveries`.

use rusqlite::OptionalExtension as _;

use super::batch::Batch;
use super::delivery_row::{COLUMNS, DeliveryRow};
use super::op::{DeadTo, Held};
use super::queue::Lease;
use super::row::signed;
use super::state::number;
use super::state_code;
use super::writer::Writer;
use crate::{DeliveryKey, DeliveryRef, Replay, Settlement, Verdict};

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
        batch.change(queue).taken.push((key, lease));
        // The cursor says of what has no row that it was delivered.
        let tells_nothing = matches!(&verdict, Verdict::Delivered(receipt) if *receipt == Default::default());
        let is_retry = matches!(verdict, Verdict::Retry { .. });
        if lease.due.is_some() || !tells_nothing {
            let mut row = self.row_of(queue, key, lease)?;
            row.settle(&verdict, batch.now);
            row.write(&self.connection)?;
            if is_retry {
                let change = batch.change(queue);
                change.rows_added += u64::from(lease.due.is_none());
                change.ready.push(row.due);
                return Ok(());
            }
        }
        let change = batch.change(queue);
        change.rows_ended += u64::from(lease.due.is_some());
        let settled = &mut change.settled;
        match verdict {
            Verdict::Delivered(_) => settled.delivered += 1,
            Verdict::Filtered(_) => settled.filtered += 1,
            Verdict::Throttled => settled.throttled += 1,
            Verdict::Expired => settled.expired += 1,
            Verdict::Dead { .. } => settled.dead += 1,
            Verdict::Retry { .. } | Verdict::Release => {}
        }
        match lease.ordering_key {
            Some(ordering_key) => self.pass_turn(queue, key, ordering_key, batch),
            None => Ok(()),
        }
    }

    /// The row of a leased delivery, or what it would be if there is none yet.
    fn row_of(&self, queue: usize, key: DeliveryKey, lease: Lease) -> rusqlite::Result<DeliveryRow> {
        let subscription = number(queue);
        let known = match lease.due {
            Some(_) => DeliveryRow::find(&self.connection, subscription, key)?,
            None => None,
        };
        Ok(DeliveryRow {
            ordering_key: lease.ordering_key,
            ..known.unwrap_or(DeliveryRow {
                subscription,
                key,
                since: lease.since,
                ..DeliveryRow::default()
            })
        })
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
        let row = DeliveryRow {
            state: state_code::HELD,
            changed: batch.now,
            ..self.row_of(queue, key, lease)?
        };
        row.write(&self.connection)
    }

    /// The holder of an ordering key is settled: the first that is held back has its turn.
    fn pass_turn(&self, queue: usize, key: DeliveryKey, ordering_key: i64, batch: &mut Batch) -> rusqlite::Result<()> {
        let (holder, held) = batch.turn(&self.shared.lock(), queue, ordering_key);
        if holder != Some(key) {
            // It was held back itself, and settled before its turn came.
            *batch.change(queue).held.entry(ordering_key).or_default() -= 1;
            return Ok(());
        }
        let mut first = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM deliveries d \
             WHERE subscription = ?1 AND ordering_key = ?2 AND state = 1 ORDER BY sequence, replay LIMIT 1"
        ))?;
        let next = match held {
            0 => None,
            _ => first
                .query_row((number(queue), ordering_key), DeliveryRow::read)
                .optional()?,
        };
        let change = batch.change(queue);
        let Some((row, _)) = next else {
            change.holders.insert(ordering_key, None);
            return Ok(());
        };
        change.holders.insert(ordering_key, Some(row.key));
        *change.held.entry(ordering_key).or_default() -= 1;
        change.ready.push(0);
        let row = DeliveryRow {
            state: state_code::READY,
            due: 0,
            ..row
        };
        row.write(&self.connection)
    }

    /// Puts a dead letter back, or away; false: it is none.
    pub(super) fn revive(&self, letter: &DeliveryRef, to: DeadTo, batch: &mut Batch) -> rusqlite::Result<bool> {
        let Some(queue) = self.shared.lock().find(&letter.subscription) else {
            return Ok(false);
        };
        let found = DeliveryRow::find(&self.connection, number(queue), letter.key)?;
        let Some(mut row) = found.filter(|row| row.state == state_code::DEAD) else {
            return Ok(false);
        };
        batch.dirty = true;
        row.changed = batch.now;
        row.state = match to {
            DeadTo::Discarded => state_code::DISCARDED,
            DeadTo::Pending => {
                // Its turn is looked for when it is leased: until this is synced, others may take it.
                (row.since, row.attempts, row.due, row.ordering_key) = (batch.now, 0, 0, None);
                state_code::READY
            }
        };
        if to == DeadTo::Pending {
            let change = batch.change(queue);
            change.redriven += 1;
            change.rows_added += 1;
            change.ready.push(0);
        }
        row.write(&self.connection)?;
        Ok(true)
    }

    /// Remembers a replay, and makes its next deliveries.
    pub(super) fn replay(&self, replay: &Replay, sequences: &[u64], batch: &mut Batch) -> rusqlite::Result<()> {
        batch.dirty = true;
        let queue = self.shared.lock().find_or_add(&replay.subscription);
        let mut is_kept = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM events WHERE sequence = ?1)")?;
        for sequence in sequences {
            let key = DeliveryKey {
                sequence: *sequence,
                replay: replay.number,
            };
            let kept: bool = is_kept.query_row((signed(*sequence),), |row| row.get(0))?;
            if !kept || DeliveryRow::find(&self.connection, number(queue), key)?.is_some() {
                continue;
            }
            let row = DeliveryRow {
                subscription: number(queue),
                key,
                since: batch.now,
                changed: batch.now,
                ..DeliveryRow::default()
            };
            row.write(&self.connection)?;
            let change = batch.change(queue);
            change.accepted += 1;
            change.rows_added += 1;
            change.ready.push(0);
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
}

impl DeliveryRow {
    /// Takes the end of a lease over.
    fn settle(&mut self, verdict: &Verdict, now: u64) {
        self.changed = now;
        (self.due, self.reason) = (0, None);
        self.state = match verdict {
            Verdict::Delivered(receipt) => {
                self.attempts += 1;
                self.reference.clone_from(&receipt.reference);
                self.detail.clone_from(&receipt.detail);
                state_code::DELIVERED
            }
            Verdict::Filtered(reason) => {
                self.reason = Some(reason.clone());
                state_code::FILTERED
            }
            Verdict::Throttled => state_code::THROTTLED,
            Verdict::Expired => state_code::EXPIRED,
            Verdict::Dead { reason, attempted } => {
                self.reason = Some(reason.clone());
                if *attempted {
                    self.attempts += 1;
                    self.add_failure(now, reason);
                }
                state_code::DEAD
            }
            Verdict::Retry { due, reason } => {
                self.due = *due;
                self.attempts += 1;
                self.reason = Some(reason.clone());
                self.add_failure(now, reason);
                state_code::READY
            }
            Verdict::Release => self.state,
        };
    }
}
