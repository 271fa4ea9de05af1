use std::collections::BTreeMap;

use patchpanel_event::Edits;

/// Most labels that are counted apart; further ones, and those that do not look like labels, are counted as `other`.
const LABELS: usize = 64;

/// Longest label, in bytes.
const LABEL_BYTES: usize = 32;

const OTHER: &str = "other";

/// How many edits redactors made, by label. Labels come from plugins, so what reaches the statistics
/// and the metadata is bounded, and cannot be used to carry text of events there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Redactions(BTreeMap<String, u64>);

impl Redactions {
    /// Counts of some edits of an answer, by the index of the label.
    pub(crate) fn of(edits: &Edits, counts: impl IntoIterator<Item = (u32, u64)>) -> Redactions {
        let mut redactions = Redactions::default();
        for (label, count) in counts {
            let label = edits.labels.get(label as usize).map_or("", String::as_str);
            redactions.add(label, count);
        }
        redactions
    }

    /// Counts the edits of an answer that was applied.
    pub(crate) fn count(&mut self, edits: &Edits) {
        let mut counts = vec![0; edits.labels.len()];
        for edit in &edits.edits {
            if let Some(count) = counts.get_mut(edit.label as usize) {
                *count += 1;
            }
        }
        for (label, count) in edits.labels.iter().zip(counts) {
            if count > 0 {
                self.add(label, count);
            }
        }
    }

    /// Adds the counts of `other`, and empties it.
    pub(crate) fn absorb(&mut self, other: &mut Redactions) {
        for (label, count) in std::mem::take(&mut other.0) {
            self.add(&label, count);
        }
    }

    pub(crate) fn by_label(&self) -> BTreeMap<String, u64> {
        self.0.clone()
    }

    fn add(&mut self, label: &str, count: u64) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-';
        let is_label = !label.is_empty() && label.len() <= LABEL_BYTES && label.bytes().all(plain);
        let label = if is_label && (self.0.len() < LABELS || self.0.contains_key(label)) {
            label
        } else {
            OTHER
        };
        match self.0.get_mut(label) {
            Some(sum) => *sum += count,
            None => {
                self.0.insert(label.to_owned(), count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use patchpanel_event::Edit;

    use super::*;

    fn edits(labels: &[&str], used: &[u32]) -> Edits {
        let edit = |label: &u32| Edit {
            text: 0,
            start: 0,
            end: 0,
            label: *label,
            bytes_end: 0,
        };
        Edits {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            edits: used.iter().map(edit).collect(),
            bytes: Vec::new(),
        }
    }

    #[test]
    fn counts_by_label_and_lets_no_text_through() {
        let mut redactions = Redactions::default();
        redactions.count(&edits(&["email", "never-used", "ada@example.org"], &[0, 0, 2]));
        let mut more = Redactions::default();
        more.count(&edits(&["email"], &[0]));
        redactions.absorb(&mut more);
        let expected = BTreeMap::from([("email".to_owned(), 3), (OTHER.to_owned(), 1)]);
        assert_eq!(redactions.by_label(), expected);
        assert_eq!(more, Redactions::default());
    }

    #[test]
    fn bounds_the_number_of_labels() {
        let mut redactions = Redactions::default();
        for first in 'a'..='z' {
            for second in 'a'..='z' {
                redactions.count(&edits(&[&format!("{first}{second}")], &[0]));
            }
        }
        let counts = redactions.by_label();
        assert_eq!(counts.len(), LABELS + 1);
        assert_eq!(counts.values().sum::<u64>(), 26 * 26);
    }
}
