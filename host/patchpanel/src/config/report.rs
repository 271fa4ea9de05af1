//! Gathers what is found while a file is read to its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::mistakes::{Mistake, Mistakes};

/// Mistakes so far, what must not be shown of the text, and which keys were asked for.
#[derive(Default)]
pub(super) struct Report {
    found: RefCell<Vec<Found>>,
    hidden: RefCell<Vec<Range<usize>>>,
    asked: RefCell<BTreeMap<String, bool>>,
}

struct Found {
    mistake: Mistake,
    sort: Sort,
}

/// How a mistake was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The text is not TOML here.
    Syntax,
    /// What stands there is wrong.
    Value,
    /// Something does not stand in the file. If parts of the file could not be read, that proves nothing.
    Absence,
}

impl Report {
    pub(super) fn add(&self, sort: Sort, mistake: Mistake) {
        self.found.borrow_mut().push(Found { mistake, sort });
    }

    /// These bytes are never quoted.
    pub(super) fn hide(&self, span: Range<usize>) {
        self.hidden.borrow_mut().push(span);
    }

    /// Somebody looked for the key at this path.
    pub(super) fn ask(&self, path: String, found: bool) {
        *self.asked.borrow_mut().entry(path).or_default() |= found;
    }

    /// Whether any section that was read has such a key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        let asked = self.asked.borrow();
        asked.keys().any(|path| path.rsplit('.').next() == Some(key))
    }

    /// Every key that was looked for, by its path, with whether it was there.
    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeMap<String, bool> {
        self.asked.borrow().clone()
    }

    /// Where some of the text could not be read, what seems to be absent is left out.
    pub(super) fn into_mistakes(self, text: &str) -> Mistakes {
        let mut found = self.found.into_inner();
        if found.iter().any(|found| found.sort == Sort::Syntax) {
            found.retain(|found| found.sort != Sort::Absence);
        }
        let list = found.into_iter().map(|found| found.mistake).collect();
        Mistakes::new(text, self.hidden.into_inner(), list)
    }
}
