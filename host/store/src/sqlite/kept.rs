//! What plugins keep. Changes wait in memory for the writer's next transaction, which takes all that there are. Where nobody
//! asks for one, the writer makes one by itself after a while: a transaction for each change would have to be waited for by
//! the append that follows it.
//!
//! Only the last change of a key has to wait, so a key that changes faster than the disk costs no more than one that does
//! not; and what a transaction takes is all that was changed up to one moment.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row};

use super::row::{signed, unsigned};
use super::state::Shared;
use crate::KeptValue;

/// Bytes of changes that may wait; whoever has more to keep waits for the writer.
const MOST_WAITING: usize = 8 << 20;
/// At that the writer is told.
const MANY_WAITING: usize = MOST_WAITING / 2;
/// How long somebody waits.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a change takes beside its bytes, about.
const OVERHEAD: usize = 128;
/// Expired values that are forgotten in one transaction.
const MOST_EXPIRED: usize = 4_096;

/// Changes that the writer has yet to take.
#[derive(Default)]
pub(super) struct Waiting {
    changes: Mutex<Changes>,
    taken: Condvar,
}

/// By owner and key; `None`: to be forgotten.
#[derive(Default)]
pub(super) struct Changes {
    last: BTreeMap<(String, String), Option<KeptValue>>,
    bytes: usize,
}

impl Waiting {
    /// Returns whether so much waits now that the writer has to be told.
    pub(super) fn add(&self, owner: &str, key: &str, value: Option<KeptValue>) -> bool {
        let mut changes = self.lock();
        let before = changes.bytes;
        let key = (owner.to_owned(), key.to_owned());
        changes.bytes += size(&key, value.as_ref());
        if let Entry::Occupied(old) = changes.last.entry(key.clone()) {
            let (key, old) = old.remove_entry();
            changes.bytes -= size(&key, old.as_ref());
        }
        changes.last.insert(key, value);
        before <= MANY_WAITING && changes.bytes > MANY_WAITING
    }

    /// Waits a little until more may wait.
    pub(super) fn has_room(&self) -> bool {
        let full = |changes: &mut Changes| changes.bytes > MOST_WAITING;
        let waited = self.taken.wait_timeout_while(self.lock(), PATIENCE, full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.lock().last.is_empty()
    }

    pub(super) fn take(&self) -> Changes {
        let taken = std::mem::take(&mut *self.lock());
        self.taken.notify_all();
        taken
    }

    /// Those that could not be written, unless there are newer ones.
    pub(super) fn put_back(&self, taken: Changes) {
        let mut changes = self.lock();
        for (key, value) in taken.last {
            let size = size(&key, value.as_ref());
            if let Entry::Vacant(vacant) = changes.last.entry(key) {
                vacant.insert(value);
                changes.bytes += size;
            }
        }
    }

    /// Every change is complete before anything can panic, so a poisoned lock holds sound ones.
    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size((owner, key): &(String, String), value: Option<&KeptValue>) -> usize {
    OVERHEAD + owner.len() + key.len() + value.map_or(0, |value| value.bytes.len())
}

impl Changes {
    /// Returns whether there was something to write.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<bool> {
        if self.last.is_empty() {
            return Ok(false);
        }
        let mut upsert = connection.prepare_cached(
            "INSERT INTO kept (checksum, owner, key, expires, value) VALUES (?1, ?2, ?3, ?4, ?5) \
             ON CONFLICT (owner, key) DO UPDATE SET checksum = ?1, expires = ?4, value = ?5",
        )?;
        let mut delete = connection.prepare_cached("DELETE FROM kept WHERE owner = ?1 AND key = ?2")?;
        for ((owner, key), value) in &self.last {
            match value {
                Some(value) => {
                    // As it is read again.
                    let expires = value.expires.map(signed);
                    let checksum = sum(owner, key, expires, &value.bytes);
                    upsert.execute((checksum, owner, key, expires, &value.bytes))?;
                }
                None => drop(delete.execute((owner, key))?),
            }
        }
        Ok(true)
    }
}

/// What an owner keeps and has not expired.
pub(super) fn read(
    connection: &Connection,
    shared: &Shared,
    owner: &str,
    now: u64,
) -> rusqlite::Result<Vec<(String, KeptValue)>> {
    let mut select = connection.prepare_cached(
        "SELECT checksum, key, expires, value FROM kept \
         WHERE owner = ?1 AND (expires IS NULL OR expires > ?2) ORDER BY key",
    )?;
    let rows: Vec<_> = select
        .query_map((owner, signed(now)), |row| Ok(sound(owner, row)))?
        .collect::<Result<_, _>>()?;
    let damaged = rows.iter().filter(|row| row.is_none()).count();
    if damaged > 0 {
        shared.lock().damaged += damaged as u64;
        tracing::error!(
            owner,
            damaged,
            "the store is damaged: values that a plugin keeps are left out"
        );
    }
    Ok(rows.into_iter().flatten().collect())
}

/// A row, if it is as it was written. A flipped bit may change the type of a column, too.
fn sound(owner: &str, row: &Row<'_>) -> Option<(String, KeptValue)> {
    let checksum: u32 = row.get(0).ok()?;
    let key: String = row.get(1).ok()?;
    let expires: Option<i64> = row.get(2).ok()?;
    let bytes: Vec<u8> = row.get(3).ok()?;
    let value = KeptValue {
        expires: expires.map(unsigned),
        bytes,
    };
    (sum(owner, &key, expires, &value.bytes) == checksum).then_some((key, value))
}

fn sum(owner: &str, key: &str, expires: Option<i64>, value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for length in [owner.len(), key.len()] {
        hasher.update(&(length as u64).to_le_bytes());
    }
    for bytes in [
        owner.as_bytes(),
        key.as_bytes(),
        &expires.unwrap_or(-1).to_le_bytes(),
        value,
    ] {
        hasher.update(bytes);
    }
    hasher.finalize()
}

/// Forgets values that have expired; returns whether there may be more.
pub(super) fn forget_expired(connection: &Connection, now: u64) -> rusqlite::Result<bool> {
    let mut delete = connection
        .prepare_cached("DELETE FROM kept WHERE number IN (SELECT number FROM kept WHERE expires <= ?1 LIMIT ?2)")?;
    let limit = i64::try_from(MOST_EXPIRED).unwrap_or(i64::MAX);
    Ok(delete.execute((signed(now), limit))? == MOST_EXPIRED)
}
