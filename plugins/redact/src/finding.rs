//! What detectors report, and what becomes of reports that overlap.

use crate::class::{Class, Classes};

/// Bytes `start..end` of a text are a `class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) class: Class,
    /// Exactly what the detector meant, rather than the sum of several: only then a part of it may stay readable.
    pub(crate) exact: bool,
}

/// Takes reports of the classes that the operator wants.
#[derive(Debug)]
pub(crate) struct Sink {
    wanted: Classes,
    found: Vec<Finding>,
}

impl Sink {
    pub(crate) const fn new(wanted: Classes) -> Self {
        Self {
            wanted,
            found: Vec::new(),
        }
    }

    pub(crate) const fn wants(&self, class: Class) -> bool {
        self.wanted.has(class)
    }

    pub(crate) const fn wanted(&self) -> Classes {
        self.wanted
    }

    pub(crate) fn push(&mut self, start: usize, end: usize, class: Class) {
        if start < end && self.wanted.has(class) {
            self.found.push(Finding {
                start,
                end,
                class,
                exact: true,
            });
        }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Takes all reports out, in order and without overlaps. Where some overlap, their sum is replaced as the one that
    /// wins, so that nothing of either stays.
    pub(crate) fn take(&mut self) -> Vec<Finding> {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|finding| (finding.start, finding.end, finding.class));
        found.dedup_by(|next, kept| {
            if next.start >= kept.end {
                return false;
            }
            let same = (next.start, next.end) == (kept.start, kept.end);
            kept.exact &= same;
            if !same {
                kept.class = winner(*kept, *next);
                kept.end = kept.end.max(next.end);
            }
            true
        });
        found
    }
}

fn winner(a: Finding, b: Finding) -> Class {
    match (a.end - a.start).cmp(&(b.end - b.start)) {
        std::cmp::Ordering::Greater => a.class,
        std::cmp::Ordering::Less => b.class,
        std::cmp::Ordering::Equal => a.class.min(b.class),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(found: &[(usize, usize, Class)]) -> Vec<(usize, usize, Class, bool)> {
        let mut sink = Sink::new(Classes::ALL);
        for &(start, end, class) in found {
            sink.push(start, end, class);
        }
        sink.take().iter().map(|f| (f.start, f.end, f.class, f.exact)).collect()
    }

    #[test]
    fn overlaps_become_one() {
        assert_eq!(
            resolve(&[
                (5, 9, Class::Email),
                (0, 3, Class::Card),
                (7, 20, Class::Token),
                (20, 21, Class::Iban)
            ]),
            [
                (0, 3, Class::Card, true),
                (5, 20, Class::Token, false),
                (20, 21, Class::Iban, true)
            ]
        );
        // A password that looks like an address is a password: of an address, a part might stay readable.
        assert_eq!(
            resolve(&[(0, 9, Class::Email), (0, 9, Class::SecretKey)]),
            [(0, 9, Class::SecretKey, true)]
        );
        assert_eq!(resolve(&[(3, 3, Class::Email)]), []);
    }
}
