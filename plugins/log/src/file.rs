//! The file, opened anew for every batch: another instance, or an administrator, may have moved it meanwhile, and a
//! handle would follow.

use crate::rotate::{self, Policy};
use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Appends to one path.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    rotate: Option<Policy>,
    /// The longest time between two syncs; none: never.
    sync: Option<Duration>,
    synced: Cell<Option<Instant>>,
}

impl LogFile {
    pub(crate) const fn new(path: PathBuf, rotate: Option<Policy>, sync: Option<Duration>) -> Self {
        Self {
            path,
            rotate,
            sync,
            synced: Cell::new(None),
        }
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Appends whole lines. The file is begun anew first where they would make it too large, or where it is too old.
    pub(crate) fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        if let Some(policy) = self.rotate {
            let added = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            let before = file.metadata()?.len();
            if rotate::is_due(&self.path, policy, before, added)? && rotate::rotate(&self.path, policy, before)? {
                file = self.open()?;
            }
        }
        // Append mode, whole lines in a call: lines of instances that write at the same time follow each other.
        for lines in pieces(lines) {
            file.write_all(lines)?;
        }
        if self.is_sync_due() {
            file.sync_data()?;
            self.synced.set(Some(Instant::now()));
        }
        Ok(())
    }

    fn is_sync_due(&self) -> bool {
        self.sync
            .is_some_and(|every| self.synced.get().is_none_or(|last| last.elapsed() >= every))
    }

    fn open(&self) -> io::Result<File> {
        let open = || OpenOptions::new().create(true).append(true).open(&self.path);
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.path.parent().map_or(Ok(()), fs::create_dir_all)?;
                open()
            }
            opened => opened,
        }
    }
}

/// The sandbox takes a mebibyte in one call and cuts more anywhere; half of it leaves room for a long line.
const PIECE: usize = 512 << 10;

/// Cuts behind the first line that ends beyond [`PIECE`] bytes.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let beyond = lines.get(PIECE..).unwrap_or_default();
        let end = beyond
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(lines.len(), |at| PIECE + at + 1);
        let (piece, rest) = lines.split_at_checked(end)?;
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines() {
        let line = [&[b'x'; 99][..], b"\n"].concat();
        let lines = line.repeat(20_000);
        let pieces: Vec<_> = pieces(&lines).collect();
        assert_eq!(pieces.concat(), lines);
        assert!(
            pieces
                .iter()
                .all(|piece| piece.len() <= PIECE + line.len() && piece.ends_with(b"\n"))
        );
        assert_eq!(pieces.len(), 4);
        assert_eq!(super::pieces(b"").count(), 0);
    }
}
