//! Events as rows.

use std::borrow::Cow;

use bytes::Bytes;
use patchpanel_event::{Event, FieldPath, Limits};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use super::numbers;
use crate::StoreError;

/// The columns of [`EventRow::read`], in its order.
pub(super) const COLUMNS: &str = "sequence, accepted, matched, checksum, id, key, json";

/// What is kept was within the limits of its time; those of today do not concern it.
const NO_LIMITS: Limits = Limits {
    event_bytes: usize::MAX,
    depth: 127,
    name_bytes: usize::MAX,
    channels: usize::MAX,
};

/// A row of `events` that is as it was written.
pub(super) struct EventRow {
    pub(super) sequence: u64,
    pub(super) accepted: u64,
    /// Numbers of subscriptions.
    pub(super) matched: Vec<u32>,
    pub(super) event: Event,
}

impl EventRow {
    /// Reads a row of [`COLUMNS`]. A row with another content than was written is damaged.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Result<EventRow, StoreError>> {
        let sequence = unsigned(row.get(0)?);
        let damaged = |problem: &str| {
            Ok(Err(StoreError::Damaged {
                sequence,
                problem: problem.to_owned(),
            }))
        };
        let (accepted, matched) = (row.get_ref(1)?, row.get_ref(2)?);
        let (checksum, id, key, json) = (row.get_ref(3)?, row.get_ref(4)?, row.get_ref(5)?, row.get_ref(6)?);
        // A flipped bit may change the type of a column, too.
        let (ValueRef::Integer(accepted), ValueRef::Blob(matched), ValueRef::Integer(checksum), ValueRef::Blob(json)) =
            (accepted, matched, checksum, json)
        else {
            return damaged("a column has another type than was written");
        };
        let (accepted, id) = (unsigned(accepted), id.as_bytes().unwrap_or_default());
        let key = key.as_bytes_or_null().unwrap_or_default();
        if i64::from(sum(sequence, accepted, matched, id, key, json)) != checksum {
            return damaged("its checksum does not fit its content");
        }
        match Event::parse(Bytes::copy_from_slice(json), &NO_LIMITS) {
            Ok(event) => Ok(Ok(EventRow {
                sequence,
                accepted,
                matched: numbers::read_u32(matched).collect(),
                event,
            })),
            Err(_) => damaged("it holds no event"),
        }
    }
}

/// The checksum of a row.
pub(super) fn sum(sequence: u64, accepted: u64, matched: &[u8], id: &[u8], key: Option<&[u8]>, json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for number in [sequence, accepted, id.len() as u64, matched.len() as u64] {
        hasher.update(&number.to_le_bytes());
    }
    for text in [id, matched, key.unwrap_or_default(), json] {
        hasher.update(text);
    }
    hasher.finalize()
}

/// What stands in for a value that orders deliveries. Kept, so it must never change. Two values that share one are only
/// delivered one after the other for no reason.
pub(super) fn ordering_key(path: &FieldPath, event: &Event) -> Option<i64> {
    let value: Cow<'_, str> = path.value(event)?;
    let digest = Sha256::digest(value.as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    Some(i64::from_le_bytes(first))
}

/// SQLite has signed integers only; ours are never negative.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// As [`unsigned`], the other way. What is beyond stands for the end of all numbers.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
