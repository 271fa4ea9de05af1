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
        // Append mode and one call: lines of instances that write at the same time follow each other.
        file.write_all(lines)?;
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
