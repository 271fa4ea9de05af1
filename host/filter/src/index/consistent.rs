//! Rows on events with lists, where two conditions on one list must hold for the same element.
//!
//! The same rules as [`crate::eval`], which explains them, over clauses and the tape. What is different: the row was
//! found by one value or two, so of the lists around those only the elements that hold them need be looked at. That
//! keeps an event with very many elements linear.

use crate::eval::{Ask, Verdict};

use super::code::{Clause, Tag, take_clause, take_sized};
use super::items::{any_all, any_matches};
use super::paths::{Path, Paths};
use super::tape::{Entry, Kind, Tape};

/// What is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Event<'t> {
    pub(crate) text: &'t [u8],
    pub(crate) tape: &'t Tape,
    pub(crate) paths: &'t Paths,
}

/// Clauses about one place and what is below it.
#[derive(Clone, Copy)]
struct Asked<'a, 'c> {
    clauses: &'a [Clause<'c>],
    path: Path,
    depth: u32,
}

impl<'a, 'c> Asked<'a, 'c> {
    /// The clauses of this very place, `not` left out.
    fn leaf(self) -> Option<&'a Clause<'c>> {
        let mut own = self.clauses.iter().take_while(|clause| clause.path == self.path);
        own.find(|clause| clause.tag != Tag::Not)
    }

    fn nots(self) -> impl Iterator<Item = &'a Clause<'c>> {
        let own = self.clauses.iter().take_while(move |clause| clause.path == self.path);
        own.filter(|clause| clause.tag == Tag::Not)
    }

    /// The clauses below, by the member that they are about.
    fn children(self, paths: &Paths) -> impl Iterator<Item = Asked<'a, 'c>> {
        let own = self
            .clauses
            .iter()
            .take_while(|clause| clause.path == self.path)
            .count();
        let mut rest = self.clauses.get(own..).unwrap_or_default();
        let depth = self.depth + 1;
        std::iter::from_fn(move || {
            let path = paths.ancestor(rest.first()?.path, depth);
            let count = rest
                .iter()
                .take_while(|clause| paths.ancestor(clause.path, depth) == path)
                .count();
            let (clauses, after) = rest.split_at_checked(count)?;
            rest = after;
            Some(Asked { clauses, path, depth })
        })
    }

    fn is_plain(self) -> bool {
        self.clauses.len() == 1 && self.leaf().is_some()
    }
}

/// The entries around a value, the outermost first and the value last.
type Trail = Vec<u32>;

/// Whether all clauses hold, with the values at these entries among those that they hold for.
pub(crate) fn holds(clauses: &[u8], event: Event<'_>, pins: &[u32]) -> bool {
    let trails: Vec<Trail> = pins.iter().map(|pin| trail(event.tape, *pin)).collect();
    alternative(clauses, Paths::ROOT, event, Some(0), &trails)
}

fn trail(tape: &Tape, pin: u32) -> Trail {
    let mut trail = Vec::new();
    let mut at = pin;
    while let Some(entry) = tape.entry(at) {
        trail.push(at);
        at = entry.parent;
    }
    trail.reverse();
    trail
}

/// Whether the clauses hold for the object that stands at the path, or for an empty one.
fn alternative(clauses: &[u8], path: Path, event: Event<'_>, object: Option<u32>, trails: &[Trail]) -> bool {
    let mut rest = clauses;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let Some(clause) = take_clause(&mut rest) else {
            return false;
        };
        all.push(clause);
    }
    let depth = event.paths.depth(path);
    let asked = Asked {
        clauses: &all,
        path,
        depth,
    };
    Walk { event, trails }.below(asked, object) != Verdict::No
}

#[derive(Clone, Copy)]
struct Walk<'w> {
    event: Event<'w>,
    trails: &'w [Trail],
}

impl Walk<'_> {
    /// The members and negations, on an object or where there is none.
    fn below(self, asked: Asked<'_, '_>, object: Option<u32>) -> Verdict {
        let mut verdict = Verdict::Free;
        for child in asked.children(self.event.paths) {
            let member = object.and_then(|object| {
                let mut members = self.event.tape.members(object);
                members.find(|(_, entry)| entry.path == child.path)
            });
            let found = match member {
                None => self.on_nothing(child, Ask::Leaf),
                Some((at, entry)) => self.on_value(child, at, entry, Ask::Leaf),
            };
            if found == Verdict::No {
                return Verdict::No;
            }
            verdict = verdict.and(found);
        }
        for not in asked.nots() {
            let mut alternatives = not.body;
            while !alternatives.is_empty() {
                let Some(clauses) = take_sized(&mut alternatives) else {
                    return Verdict::No;
                };
                // What must not hold is asked of everything, wherever the row was found.
                if alternative(clauses, asked.path, self.event, object, &[]) {
                    return Verdict::No;
                }
            }
        }
        verdict
    }

    fn on_value(self, asked: Asked<'_, '_>, at: u32, entry: &Entry, ask: Ask) -> Verdict {
        match entry.kind {
            Kind::Object => match without_value(asked, ask) {
                Verdict::No => Verdict::No,
                verdict => verdict.and(self.below(asked, Some(at))),
            },
            Kind::Array => self.on_array(asked, at, ask),
            _ => self.on_scalar(asked, entry, ask),
        }
    }

    fn on_nothing(self, asked: Asked<'_, '_>, ask: Ask) -> Verdict {
        without_value(asked, ask).and(self.below(asked, None))
    }

    fn on_scalar(self, asked: Asked<'_, '_>, entry: &Entry, ask: Ask) -> Verdict {
        let verdict = match leaf(asked, ask) {
            None => Verdict::Free,
            Some(leaf) if self.matches(leaf.body, entry) => Verdict::Found,
            Some(_) => return Verdict::No,
        };
        if asked.is_plain() {
            return verdict;
        }
        verdict.and(self.below(asked, None))
    }

    fn matches(self, items: &[u8], entry: &Entry) -> bool {
        let value = self.event.tape.value(self.event.text, entry);
        value.is_some_and(|value| any_matches(items, value))
    }

    fn on_array(self, asked: Asked<'_, '_>, array: u32, ask: Ask) -> Verdict {
        let elements = self.event.tape.members(array);
        if elements.clone().next().is_none() {
            return self.on_nothing(asked, ask);
        }
        let Some(leaf) = leaf(asked, ask) else {
            return self.each(asked, array, ask);
        };
        let together = |item: &[u8]| self.any_scalar(array, item);
        let directly =
            elements.clone().any(|(_, entry)| self.matches(leaf.body, entry)) || any_all(leaf.body, together);
        if directly && self.each(asked, array, Ask::Nothing) != Verdict::No {
            return Verdict::Found;
        }
        if !elements.clone().any(|(_, entry)| is_scalar(entry)) {
            return self.each(asked, array, ask);
        }
        // Scalars stand here and none is what is asked for: left is a value deeper down, in one element.
        let deeper = elements.filter(|(_, entry)| !is_scalar(entry));
        let mut deeper = deeper.filter(|(at, _)| self.may_hold(array, *at));
        if deeper.any(|(at, entry)| self.on_value(asked, at, entry, Ask::Value) == Verdict::Found) {
            Verdict::Found
        } else {
            Verdict::No
        }
    }

    /// Whether any scalar in the list, or in lists within it, matches the item.
    fn any_scalar(self, array: u32, item: &[u8]) -> bool {
        let mut members = self.event.tape.members(array);
        members.any(|(at, entry)| match entry.kind {
            Kind::Array => self.any_scalar(at, item),
            _ => self.matches(item, entry),
        })
    }

    /// Found in one element, or else free in all.
    fn each(self, asked: Asked<'_, '_>, array: u32, ask: Ask) -> Verdict {
        let tape = self.event.tape;
        if ask != Ask::Nothing
            && let Some(only) = self.held(array)
        {
            let found = tape.entry(only).map(|entry| self.on_value(asked, only, entry, ask));
            let may = self.may_hold(array, only);
            return if may && found == Some(Verdict::Found) {
                Verdict::Found
            } else {
                Verdict::No
            };
        }
        let mut all_free = Verdict::Free;
        for (at, entry) in tape.members(array) {
            match self.on_value(asked, at, entry, ask) {
                Verdict::Found => return Verdict::Found,
                Verdict::Free => {}
                Verdict::No => all_free = Verdict::No,
            }
        }
        all_free
    }

    /// The element of the list that what the row was found by stands in, deeper down.
    fn held(self, array: u32) -> Option<u32> {
        self.trails.iter().find_map(|trail| self.next(trail, array))
    }

    fn may_hold(self, array: u32, element: u32) -> bool {
        let mut held = self.trails.iter().filter_map(|trail| self.next(trail, array));
        held.all(|held| held == element)
    }

    fn next(self, trail: &Trail, array: u32) -> Option<u32> {
        let at = trail.binary_search(&array).ok()?;
        let next = *trail.get(at + 1)?;
        let entry = self.event.tape.entry(next)?;
        // Scalars that stand directly in a list are values of the list itself.
        (!is_scalar(entry)).then_some(next)
    }
}

fn is_scalar(entry: &Entry) -> bool {
    !matches!(entry.kind, Kind::Object | Kind::Array)
}

fn without_value(asked: Asked<'_, '_>, ask: Ask) -> Verdict {
    match leaf(asked, ask) {
        None => Verdict::Free,
        Some(leaf) if leaf.tag == Tag::LeafOrAbsent && ask == Ask::Leaf => Verdict::Free,
        Some(_) => Verdict::No,
    }
}

fn leaf<'a, 'c>(asked: Asked<'a, 'c>, ask: Ask) -> Option<&'a Clause<'c>> {
    asked.leaf().filter(|_| ask != Ask::Nothing)
}
