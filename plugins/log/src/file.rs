//! The file, opened anew for every batch: another instance, or an administrator, may have moved it meanwhile, and a
//! handle would follow.

use crate::rotate::{self, Policy};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

/// Appends to one path.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    rotate: Option<Policy>,
    fsync: bool,
}

impl LogFile {
    pub(crate) const fn new(path: PathBuf, rotate: Option<Policy>, fsync: bool) -> Self {
        Self { path, rotate, fsync }
    }

    /// For messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Appends whole lines. A file larger than a batch is begun anew where the batch would make it too large.
    pub(crate) fn append(&self, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        if let Some(policy) = self.rotate {
            let added = u64::try_from(lines.len()).unwrap_or(u64::MAX);
            let before = file.metadata()?.len();
            if before > 0 && before.saturating_add(added) > policy.size && rotate::rotate(&self.path, policy, before)? {
                file = self.open()?;
            }
        }
        // Append mode, whole lines in a call: lines of instances that write at the same time follow each other.
        for lines in pieces(lines) {
            file.write_all(lines)?;
        }
        if self.fsync {
            file.sync_data()?;
        }
        Ok(())
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
