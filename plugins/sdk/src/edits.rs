//! The answer to a whole batch, collected in three buffers.

use crate::bindings::redactor::exports::patchpanel::plugin::redactor as wit;
use std::ops::Range;

/// Collects what is to be replaced. One of these serves a whole batch, so pushing costs no allocation.
#[derive(Debug, Default)]
pub struct Edits {
    text: u32,
    labels: Vec<&'static str>,
    edits: Vec<wit::Edit>,
    bytes: String,
    /// Edits up to here belong to texts that were looked at already.
    checked: usize,
}

impl Edits {
    /// Replaces the bytes `range` of the current text by `replacement`.
    ///
    /// Ranges lie on character boundaries, ascend and do not overlap; otherwise the whole batch fails, and its events
    /// stay in. `label` says what was found: the router counts by it.
    pub fn replace(&mut self, range: Range<usize>, label: &'static str, replacement: &str) {
        self.bytes.push_str(replacement);
        self.push(range, label);
    }

    /// The same, with a replacement that is written in place instead of allocated. `write` only appends.
    pub fn replace_with(&mut self, range: Range<usize>, label: &'static str, write: impl FnOnce(&mut String)) {
        write(&mut self.bytes);
        self.push(range, label);
    }

    /// How many edits the current text has so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.edits.len() - self.checked
    }

    fn push(&mut self, range: Range<usize>, label: &'static str) {
        let label = self.intern(label);
        // What does not fit is out of every text's bounds, which `accept` finds.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.edits.push(wit::Edit {
            text: self.text,
            start: place(range.start),
            end: place(range.end),
            label,
            bytes_end: place(self.bytes.len()),
        });
    }

    fn intern(&mut self, label: &'static str) -> u32 {
        let known = self
            .labels
            .iter()
            .position(|known| std::ptr::eq(*known, label) || *known == label);
        let index = known.unwrap_or_else(|| {
            self.labels.push(label);
            self.labels.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// From here on, ranges count in text number `text`.
    pub(crate) fn begin(&mut self, text: u32) {
        self.text = text;
    }

    /// Checks what was pushed for `text`: the author learns which edit was wrong, where the router could only refuse.
    #[inline]
    pub(crate) fn accept(&mut self, text: &str) -> Result<(), String> {
        if self.checked == self.edits.len() {
            return Ok(());
        }
        self.accept_new(text)
    }

    fn accept_new(&mut self, text: &str) -> Result<(), String> {
        let mut free_from = 0;
        let mut bytes_from = self
            .checked
            .checked_sub(1)
            .and_then(|last| self.edits.get(last))
            .map_or(0, |edit| edit.bytes_end);
        for edit in self.edits.iter().skip(self.checked) {
            let (start, end) = (edit.start as usize, edit.end as usize);
            let complaint = if text.get(start..end).is_none() {
                "is out of bounds or cuts a character"
            } else if start < free_from {
                "overlaps the one before it or comes too late"
            } else if edit.bytes_end < bytes_from {
                "took away bytes of other replacements"
            } else {
                (free_from, bytes_from) = (end, edit.bytes_end);
                continue;
            };
            let label = self.labels.get(edit.label as usize).copied().unwrap_or_default();
            return Err(format!(
                "text {}: edit `{label}` of bytes {start}..{end} {complaint}",
                self.text
            ));
        }
        self.checked = self.edits.len();
        Ok(())
    }

    pub(crate) fn finish(self) -> wit::Edits {
        wit::Edits {
            labels: self.labels.into_iter().map(str::to_owned).collect(),
            edits: self.edits,
            bytes: self.bytes.into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_those_of_the_contract() {
        let mut out = Edits::default();
        out.begin(0);
        out.replace(0..1, "a", "xx");
        out.replace_with(1..1, "b", |bytes| bytes.push('y'));
        assert_eq!(out.count(), 2);
        assert_eq!(out.accept("12"), Ok(()));
        assert_eq!(out.count(), 0);
        out.begin(3);
        out.replace(0..2, "a", "");
        assert_eq!(out.accept("ü"), Ok(()));
        let edits = out.finish();
        assert_eq!(edits.labels, ["a", "b"]);
        assert_eq!(edits.bytes, b"xxy");
        let rows: Vec<_> = edits
            .edits
            .iter()
            .map(|e| (e.text, e.start, e.end, e.label, e.bytes_end))
            .collect();
        assert_eq!(rows, [(0, 0, 1, 0, 2), (0, 1, 1, 1, 3), (3, 0, 2, 0, 3)]);
    }

    #[test]
    fn wrong_edits_are_named() {
        for (first, second) in [(0..2, 1..3), (2..3, 0..1), (0..1, 4..9), (0..1, 5..6)] {
            let mut out = Edits::default();
            out.replace(first, "a", "");
            out.replace(second, "a", "");
            assert!(out.accept("12345ü").is_err());
        }
        let mut out = Edits::default();
        out.replace(0..1, "a", "xx");
        out.replace_with(1..2, "a", String::clear);
        assert!(out.accept("12").is_err());
    }
}
