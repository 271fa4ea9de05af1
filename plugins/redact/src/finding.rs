//! What detectors report, and what becomes of reports that overlap.

use crate::class::{Class, Classes};
use crate::context::Context;
use crate::key::Names;
use crate::own::Own;
use std::sync::Arc;

/// Bytes `start..end` of a text are a `class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) class: Class,
    /// Exactly what the detector meant, rather than the sum of several: only then a part of it may stay readable.
    pub(crate) exact: bool,
}

impl Finding {
    /// The same, in whole characters of `text`: detectors work on bytes, but end where ASCII does; a boundary inside of a
    /// character would be theirs to fix.
    pub(crate) fn whole(self, text: &str) -> Self {
        Self {
            start: text.floor_char_boundary(self.start),
            end: text.ceil_char_boundary(self.end),
            ..self
        }
    }
}

/// What is looked for, and under which circumstances.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) wanted: Classes,
    /// What the text's path says about numbers in it.
    pub(crate) context: Context,
    /// Names of secrets that the operator has added.
    pub(crate) names: Arc<Names>,
    /// What the operator looks for.
    pub(crate) own: Arc<Own>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            wanted: Classes::ALL,
            context: Context::NONE,
            names: Arc::default(),
            own: Arc::default(),
        }
    }
}

/// Takes reports of the classes that the operator wants.
#[derive(Debug)]
pub(crate) struct Sink {
    scope: Scope,
    found: Vec<Finding>,
}

impl Sink {
    pub(crate) const fn new(scope: Scope) -> Self {
        Self {
            scope,
            found: Vec::new(),
        }
    }

    /// The same, for another reading of the text.
    pub(crate) fn inner(&self) -> Self {
        Self::new(self.scope.clone())
    }

    pub(crate) const fn wants(&self, class: Class) -> bool {
        self.scope.wanted.has(class)
    }

    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    pub(crate) const fn context(&self) -> Context {
        self.scope.context
    }

    /// From here on, findings are in a text of which its path says `context`, and of these classes.
    pub(crate) fn begin(&mut self, wanted: Classes, context: Context) {
        self.scope.wanted = wanted;
        self.scope.context = context;
    }

    pub(crate) fn push(&mut self, start: usize, end: usize, class: Class) {
        if start < end && self.scope.wanted.has(class) {
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
        let mut sink = Sink::new(Scope::default());
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
