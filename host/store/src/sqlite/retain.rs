//! Retention: events that are settled and old, or that there is no room for, are forgotten with all their deliveries.

use rusqlite::Connection;

use super::row::{signed, unsigned};
use super::writer::Writer;
use super::{kept, numbers};
use crate::StoreError;

/// Events that are looked at in one transaction.
const LOOK: u32 = 512;
/// Time between two looks at the oldest event, in nanoseconds.
const PAUSE: u64 = 1_000_000_000;
/// Time between two looks at events that were old enough and still pending, in nanoseconds.
const LONG_PAUSE: u64 = 60_000_000_000;

/// How far the housekeeping has come.
#[derive(Default)]
pub(super) struct Sweep {
    /// Everything up to here was looked at in this pass.
    position: u64,
    /// Something that was looked at in this pass is still pending.
    met_pending: bool,
    /// The next pass begins then.
    next_pass: u64,
    /// The next look for what has expired of that which plugins keep.
    next_expired: u64,
}

impl Sweep {
    /// Forgets a few events, if it is time for that.
    pub(super) fn step(&mut self, writer: &Writer, now: u64) -> rusqlite::Result<()> {
        if now >= self.next_expired && !kept::forget_expired(&writer.connection, now)? {
            self.next_expired = now.saturating_add(PAUSE);
        }
        if self.position == 0 && now < self.next_pass {
            return Ok(());
        }
        let age = writer
            .retention
            .age
            .map(|age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
        let before = age.map_or(0, |age| now.saturating_sub(age));
        let used = used_bytes(&writer.connection)?;
        let too_many = writer.retention.bytes.is_some_and(|bytes| used > bytes);
        let mut select = writer.connection.prepare_cached(
            "SELECT sequence, accepted, matched FROM events WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )?;
        let rows = select.query_map((signed(self.position), LOOK), |row| {
            Ok((
                unsigned(row.get(0)?),
                unsigned(row.get(1)?),
                row.get_ref(2)?.as_blob().map(<[u8]>::to_vec),
            ))
        })?;
        let (mut old, mut ended) = (Vec::new(), true);
        for row in rows {
            let (sequence, accepted, matched) = row?;
            if accepted >= before && !too_many {
                ended = true;
                break;
            }
            ended = false;
            self.position = sequence;
            // A damaged row is kept until somebody has looked at it.
            match matched {
                Ok(matched) if is_settled(writer, sequence, &matched)? => old.push(sequence),
                _ => self.met_pending = true,
            }
        }
        drop(select);
        if ended {
            let pause = if self.met_pending { LONG_PAUSE } else { PAUSE };
            *self = Sweep {
                next_pass: now.saturating_add(pause),
                next_expired: self.next_expired,
                ..Sweep::default()
            };
        }
        if old.is_empty() {
            Ok(())
        } else {
            forget(&writer.connection, &old)
        }
    }
}

/// Whether nothing of an event is pending any more.
fn is_settled(writer: &Writer, sequence: u64, matched: &[u8]) -> rusqlite::Result<bool> {
    let mut pending = writer
        .connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM deliveries WHERE sequence = ?1 AND state <= 1)")?;
    if pending.query_row((signed(sequence),), |row| row.get(0))? {
        return Ok(false);
    }
    let mut state = writer.shared.lock();
    let settled = |number| state.by_number(number).is_none_or(|queue| queue.is_settled(sequence));
    Ok(numbers::read_u32(matched).all(settled))
}

fn forget(connection: &Connection, sequences: &[u64]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    for sequence in sequences {
        for statement in [
            "DELETE FROM deliveries WHERE sequence = ?1",
            "DELETE FROM events WHERE sequence = ?1",
        ] {
            connection.prepare_cached(statement)?.execute((signed(*sequence),))?;
        }
    }
    let count = i64::try_from(sequences.len()).unwrap_or_default();
    connection.execute("UPDATE totals SET forgotten = forgotten + ?1", (count,))?;
    connection.execute_batch("COMMIT")
}

/// Bytes that hold something.
pub(super) fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = unsigned(pragma("page_count")?).saturating_sub(unsigned(pragma("freelist_count")?));
    Ok(pages * unsigned(pragma("page_size")?))
}

impl Writer {
    /// Why no event can be taken, if the budget is used up.
    pub(super) fn over_budget(&self) -> rusqlite::Result<Option<StoreError>> {
        let Some(budget) = self.budget else {
            return Ok(None);
        };
        let used = used_bytes(&self.connection)?;
        Ok((used >= budget).then_some(StoreError::Full { budget }))
    }
}
