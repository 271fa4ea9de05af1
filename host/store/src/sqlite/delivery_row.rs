//! Deliveries as rows.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::row::{signed, unsigned};
use crate::DeliveryKey;

/// The columns of [`DeliveryRow::read`], in its order.
pub(super) const COLUMNS: &str = "d.checksum, d.subscription, d.sequence, d.replay, d.state, d.due, d.attempts, \
                                  d.since, d.changed, d.ordering_key, d.reason, d.reference, d.detail, d.failures";

/// Bytes of failed attempts that are kept of one delivery; beyond, the first ones stay.
const MOST_FAILURES: usize = 64 << 10;

/// What is kept about one delivery.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DeliveryRow {
    /// Number of the subscription.
    pub(super) subscription: u32,
    pub(super) key: DeliveryKey,
    /// One of `state_code`.
    pub(super) state: u8,
    pub(super) due: u64,
    pub(super) attempts: u32,
    pub(super) since: u64,
    pub(super) changed: u64,
    pub(super) ordering_key: Option<i64>,
    pub(super) reason: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) detail: Option<String>,
    /// One JSON line for each attempt that failed: `[time, reason]`.
    pub(super) failures: String,
}

impl DeliveryRow {
    /// Reads a row of [`COLUMNS`], and whether it is as it was written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(DeliveryRow, bool)> {
        let checksum: u32 = row.get(0)?;
        let read = DeliveryRow {
            subscription: row.get(1)?,
            key: DeliveryKey {
                sequence: unsigned(row.get(2)?),
                replay: row.get(3)?,
            },
            state: row.get(4)?,
            due: unsigned(row.get(5)?),
            attempts: row.get(6)?,
            since: unsigned(row.get(7)?),
            changed: unsigned(row.get(8)?),
            ordering_key: row.get(9)?,
            reason: row.get(10)?,
            reference: row.get(11)?,
            detail: row.get(12)?,
            failures: row.get(13)?,
        };
        let sound = read.checksum() == checksum;
        Ok((read, sound))
    }

    /// The row of a delivery, if it has one.
    pub(super) fn find(
        connection: &Connection,
        subscription: u32,
        key: DeliveryKey,
    ) -> rusqlite::Result<Option<DeliveryRow>> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM deliveries d WHERE sequence = ?1 AND subscription = ?2 AND replay = ?3"
        ))?;
        let found = select.query_row((signed(key.sequence), subscription, key.replay), DeliveryRow::read);
        Ok(found.optional()?.map(|(row, _)| row))
    }

    /// Writes it, whether it was there before or not.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO deliveries (checksum, subscription, sequence, replay, state, due, attempts, since, changed, \
             ordering_key, reason, reference, detail, failures) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) \
             ON CONFLICT (sequence, subscription, replay) DO UPDATE SET \
             checksum = ?1, state = ?5, due = ?6, attempts = ?7, since = ?8, changed = ?9, \
             ordering_key = ?10, reason = ?11, reference = ?12, detail = ?13, failures = ?14",
        )?;
        upsert.execute(rusqlite::params![
            self.checksum(),
            self.subscription,
            signed(self.key.sequence),
            self.key.replay,
            self.state,
            signed(self.due),
            self.attempts,
            signed(self.since),
            signed(self.changed),
            self.ordering_key,
            self.reason,
            self.reference,
            self.detail,
            self.failures,
        ])?;
        Ok(())
    }

    /// Remembers a failed attempt.
    pub(super) fn add_failure(&mut self, time: u64, reason: &str) {
        if self.failures.len() < MOST_FAILURES {
            self.failures += &format!("{}\n", serde_json::json!([time, reason]));
        }
    }

    /// The failed attempts: when, and why.
    pub(super) fn failed_attempts(&self) -> impl Iterator<Item = (u64, String)> {
        self.failures.lines().filter_map(|line| serde_json::from_str(line).ok())
    }

    fn checksum(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        let numbers = [
            u64::from(self.subscription),
            self.key.sequence,
            u64::from(self.key.replay),
            u64::from(self.state),
            // As it is kept: the end of all time is a little earlier there.
            unsigned(signed(self.due)),
            u64::from(self.attempts),
            self.since,
            self.changed,
            self.ordering_key.unwrap_or_default().cast_unsigned(),
        ];
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        let texts = [&self.reason, &self.reference, &self.detail];
        for text in texts.into_iter().map(|text| text.as_deref().unwrap_or_default()) {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(self.failures.as_bytes());
        hasher.finalize()
    }
}
