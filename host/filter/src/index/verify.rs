//! Whether a row holds for one event.

use super::code::{RowHead, Tag, row, take_clause, take_sized};
use super::consistent::{self, Event};
use super::items::any_matches;
use super::paths::{Path, Paths};
use super::tape::{Entry, NONE, Tape};

/// How often a key was met in one event, where there are several values at its path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// There is one value only.
    Only,
    /// The first time: rows are looked at for all values at the path.
    First,
    /// Once more: only for rows that ask which element of a list a value is in.
    Later,
    /// So often that those rows are looked at for all elements, and then no more.
    Last,
}

/// What rows are held against.
#[derive(Clone, Copy)]
pub(crate) struct Verify<'s> {
    pub(crate) text: &'s [u8],
    pub(crate) tape: &'s Tape,
    pub(crate) paths: &'s Paths,
    /// Whether there are lists of which some row may ask that several conditions hold for one element.
    pub(crate) elements_matter: bool,
}

impl Verify<'_> {
    /// Whether the row holds, of which a value was looked up at each of the pins. `None` only for code that nobody wrote.
    #[inline(always)]
    pub(crate) fn holds(&self, code: &[u8], pins: [u32; 2], turn: Turn) -> Option<bool> {
        let row = row(code)?;
        if self.elements_matter {
            let one_element = row.shared.clone().any(|path| self.tape.is_array(path));
            if one_element && !matches!(turn, Turn::Last) && self.asks_only(&row, pins) {
                return self.each_holds(row.clauses, pins);
            }
            if one_element || row.flags != 0 {
                let pins = match turn {
                    // It makes no difference by which value it was found.
                    Turn::Later | Turn::Last if !one_element => return Some(false),
                    Turn::Only | Turn::First | Turn::Later if one_element => &pins[..],
                    _ => &[],
                };
                let event = Event {
                    text: self.text,
                    tape: self.tape,
                    paths: self.paths,
                };
                let pins = pins.split(|pin| *pin == NONE).next().unwrap_or_default();
                return Some(consistent::holds(row.clauses, event, pins));
            }
        }
        match turn {
            Turn::Only => self.each_holds(row.clauses, pins),
            Turn::First => self.each_holds(row.clauses, [NONE; 2]),
            Turn::Later | Turn::Last => Some(false),
        }
    }

    /// Whether the row asks for nothing but the two values that it was found by, which stand in one element.
    #[inline]
    fn asks_only(&self, row: &RowHead<'_>, pins: [u32; 2]) -> bool {
        let [Some(first), Some(second)] = pins.map(|pin| self.tape.entry(pin)) else {
            return false;
        };
        let mut rest = row.clauses;
        let clauses = [take_clause(&mut rest), take_clause(&mut rest)];
        let paths = clauses.map(|clause| clause.map(|clause| clause.path));
        let same = paths == [Some(first.path), Some(second.path)] || paths == [Some(second.path), Some(first.path)];
        // Where one path goes on from the other, a list has both values of its own and elements.
        let meeting = self.paths.meeting(first.path, second.path);
        row.flags == 0 && rest.is_empty() && same && meeting != first.path && meeting != second.path
    }

    /// Clauses that have no list in common hold one by one.
    #[inline(always)]
    fn each_holds(&self, clauses: &[u8], pins: [u32; 2]) -> Option<bool> {
        let mut rest = clauses;
        while !rest.is_empty() {
            let clause = take_clause(&mut rest)?;
            let holds = match clause.tag {
                Tag::Not => {
                    let mut alternatives = clause.body;
                    let mut none = true;
                    while none && !alternatives.is_empty() {
                        none = !self.each_holds(take_sized(&mut alternatives)?, [NONE; 2])?;
                    }
                    none
                }
                Tag::Leaf => self.any_scalar(clause.path, clause.body, pins),
                Tag::LeafOrAbsent => {
                    let mut scalars = self.tape.scalars(clause.path);
                    scalars.next().is_none() || self.any_scalar(clause.path, clause.body, [NONE; 2])
                }
            };
            if !holds {
                return Some(false);
            }
        }
        Some(true)
    }

    /// Whether a scalar at the path matches; of a path that the row was found by only the scalar that it was found by.
    #[inline(always)]
    fn any_scalar(&self, path: Path, items: &[u8], pins: [u32; 2]) -> bool {
        let matches = |entry: &Entry| {
            let value = self.tape.value(self.text, entry);
            value.is_some_and(|value| any_matches(items, value))
        };
        for pin in pins {
            if let Some(entry) = self.tape.entry(pin)
                && entry.path == path
            {
                return matches(entry);
            }
        }
        let mut scalars = self.tape.scalars(path);
        scalars.any(|(_, entry)| matches(entry))
    }
}
