//! Subscriptions as rows: how far they are, and their sums.

use rusqlite::{Connection, Row};

use super::row::{signed, unsigned};
use crate::Account;

/// The columns of [`CursorRow::read`], in its order.
pub(super) const COLUMNS: &str =
    "checksum, number, name, next, open, accepted, delivered, filtered, throttled, expired, dead";

pub(super) struct CursorRow {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) next: u64,
    /// As `numbers::write_u64` has it.
    pub(super) open: Vec<u8>,
    pub(super) account: Account,
}

impl CursorRow {
    /// Reads a row of [`COLUMNS`], and whether it is as it was written.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(CursorRow, bool)> {
        let checksum: u32 = row.get(0)?;
        let mut account = Account {
            accepted: unsigned(row.get(5)?),
            delivered: unsigned(row.get(6)?),
            filtered: unsigned(row.get(7)?),
            throttled: unsigned(row.get(8)?),
            expired: unsigned(row.get(9)?),
            dead: unsigned(row.get(10)?),
            pending: 0,
        };
        account.pending = account.accepted.saturating_sub(account.settled());
        let read = CursorRow {
            number: row.get(1)?,
            name: row.get(2)?,
            next: unsigned(row.get(3)?),
            open: row.get(4)?,
            account,
        };
        let sound = read.checksum() == checksum;
        Ok((read, sound))
    }

    /// Writes it, whether it was there before or not.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO subscriptions (checksum, number, name, next, open, accepted, delivered, filtered, throttled, \
             expired, dead) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (number) DO UPDATE SET \
             checksum = ?1, next = ?4, open = ?5, accepted = ?6, delivered = ?7, filtered = ?8, throttled = ?9, \
             expired = ?10, dead = ?11",
        )?;
        upsert.execute(rusqlite::params![
            self.checksum(),
            self.number,
            self.name,
            signed(self.next),
            self.open,
            signed(self.account.accepted),
            signed(self.account.delivered),
            signed(self.account.filtered),
            signed(self.account.throttled),
            signed(self.account.expired),
            signed(self.account.dead),
        ])?;
        Ok(())
    }

    fn checksum(&self) -> u32 {
        let account = &self.account;
        let numbers = [
            u64::from(self.number),
            self.next,
            account.accepted,
            account.delivered,
            account.filtered,
            account.throttled,
            account.expired,
            account.dead,
        ];
        let mut hasher = crc32fast::Hasher::new();
        for number in numbers {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&self.open);
        hasher.update(self.name.as_bytes());
        hasher.finalize()
    }
}
