//! A table in service, and what it makes of an event.

use crate::table::{Source, Stamp, Table};
use patchpanel_plugin::{Draft, Path, log, now};
use serde::Deserialize;

/// What becomes of an event that finds nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Missing {
    #[default]
    Leave,
    Null,
    Drop,
}

#[derive(Debug)]
pub(crate) struct Lookup {
    source: Source,
    by: Path,
    into: Path,
    missing: Missing,
    table: Table,
    /// Of the file that was read last, or that could not be read.
    stamp: Option<Stamp>,
    /// In nanoseconds.
    looked_at: u64,
}

/// Between two looks at the file, in nanoseconds: a look is a call out of the sandbox, and events come by the thousand.
const PAUSE: u64 = 1_000_000_000;

impl Lookup {
    /// Reads the file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn start(source: Source, by: Path, into: Path, missing: Missing) -> Result<Self, String> {
        // Before reading: what changes meanwhile is read again.
        let stamp = source.stamp().ok();
        let table = source.read().map_err(|error| error.to_string())?;
        Ok(Self {
            source,
            by,
            into,
            missing,
            table,
            stamp,
            looked_at: now(),
        })
    }

    pub(crate) fn target(&self) -> &Path {
        &self.into
    }

    /// Reads the file again if it has changed. The clock may be set back.
    pub(crate) fn look_again(&mut self) {
        let now = now();
        if now.abs_diff(self.looked_at) < PAUSE {
            return;
        }
        self.looked_at = now;
        let stamp = self.source.stamp().ok();
        if stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        let file = self.source.name();
        match self.source.read() {
            Ok(table) => {
                log::info("read again", &[("file", &file), ("rows", &table.len().to_string())]);
                self.table = table;
            }
            Err(error) => log::error("what was read before stays in service", &[("why", &error.to_string())]),
        }
    }

    /// The JSON of what is added, if anything is.
    ///
    /// # Errors
    /// Why the event is dropped.
    pub(crate) fn answer(&self, draft: &Draft<'_>) -> Result<Option<String>, String> {
        let found = draft.text(&self.by).and_then(|key| self.table.get(&key));
        match (found, self.missing) {
            (Some(json), _) => Ok(Some(json.to_owned())),
            (None, Missing::Leave) => Ok(None),
            (None, Missing::Null) => Ok(Some("null".to_owned())),
            (None, Missing::Drop) => Err(format!("no row for it in {}", self.source.name())),
        }
    }
}
