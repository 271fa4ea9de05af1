//! By which of its clauses a row is found.
//!
//! A row costs every event that has its key a look. So it goes where few events will find it: under a value of a field
//! that takes many values, or under the values of two fields together. How many values a field takes is told by the
//! patterns themselves. What is looked up of every event anyway is preferred, until there is too much under it.

use std::collections::HashMap;

use crate::node::Node;

use super::access::{Access, accesses};
use super::aspect::{Aspect, BROAD, Key, fold};
use super::lookups::{Lookups, pair_key};
use super::paths::{Path, Paths};
use super::snapshot::Snapshot;

/// Rows under one key that are no reason yet to look up more of every event.
const ROOM: usize = 2;
/// Rows of a key that are counted; more are no worse.
const MOST_ROWS: usize = 8;
/// Fewer events than this have any key, as far as choosing goes.
const LEAST_CHANCE: f64 = 1e-4;
/// Most keys of a row: values in a list, or combinations of those in two.
const MOST_KEYS: usize = 64;
/// Most ways that are looked at for pairs.
const MOST_WAYS: usize = 8;

/// How a row is found.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// By a value at a path, in each of these ways.
    Single(Path, Vec<Key>),
    /// By each of the first with each of the second.
    Pair((Path, Vec<Key>), (Path, Vec<Key>)),
    /// It asks for no value. It is looked at for every event.
    Always,
}

/// How many different values patterns ask for, by path and aspect; an estimate that does not grow.
#[derive(Debug, Default)]
pub(crate) struct Variety {
    sketches: HashMap<(Path, Aspect), [u64; 4]>,
}

impl Variety {
    fn note(&mut self, path: Path, key: &Key) {
        let sketch = self.sketches.entry((path, key.aspect)).or_default();
        let bit = fold(key.hash ^ 0x5bd1_e995, 0x9e37_79b9_7f4a_7c15) % 256;
        if let Some(word) = sketch.get_mut(bit as usize / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Linear counting: of 256 bits that values set at random, the share that is left tells how many values there were.
    /// Past a thousand it is infinite.
    fn values(&self, path: Path, aspect: Aspect) -> f64 {
        let set = self
            .sketches
            .get(&(path, aspect))
            .map_or(0, |sketch| sketch.iter().map(|word| word.count_ones()).sum());
        match 256_u32.saturating_sub(set) {
            ..4 => f64::INFINITY,
            left => -256.0 * (f64::from(left) / 256.0).ln(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sketches.capacity() * (size_of::<((Path, Aspect), [u64; 4])>() + 1)
    }
}

/// A clause and one way to find it.
#[derive(Clone, Copy)]
struct Way<'a> {
    path: Path,
    access: &'a Access,
    /// The share of events that is expected to have one of the keys.
    chance: f64,
}

/// One or two ways.
#[derive(Clone, Copy)]
struct Choice<'a> {
    one: Way<'a>,
    other: Option<Way<'a>>,
    chance: f64,
    /// Whether it is looked up of every event already.
    known: bool,
}

/// Chooses for a node, whose paths there are already.
pub(crate) fn plan(node: &Node, snapshot: &Snapshot, variety: &mut Variety) -> Plan {
    let mut leaves = Vec::new();
    collect(node, Paths::ROOT, &snapshot.paths, &mut leaves);
    let ways = ways(&leaves, variety);
    let Some(best) = ways.first() else { return Plan::Always };
    if best.access.rank >= BROAD {
        return Plan::Single(best.path, best.access.keys.clone());
    }
    let choices = choices(&ways, snapshot);
    let known = choices
        .iter()
        .filter(|choice| choice.known)
        .map(|choice| (choice, choice.load(snapshot)));
    let known = known.min_by(|one, other| cost(*one).total_cmp(&cost(*other)));
    let chosen = match known {
        Some((known, load)) if load < ROOM => Some(known),
        Some(known) => {
            let new = choices.iter().filter(|choice| !choice.known);
            let new = new.min_by(|one, other| one.chance.total_cmp(&other.chance));
            new.filter(|new| cost((new, 0)) * 2.0 < cost(known)).or(Some(known.0))
        }
        // The first of its kind: what is cheapest to look up.
        None => choices.first(),
    };
    chosen.map_or(Plan::Always, Choice::plan)
}

/// What is expected of a key that has so many rows: it is the more popular the more of them there are.
fn cost((choice, load): (&Choice<'_>, usize)) -> f64 {
    choice.chance.max(LEAST_CHANCE) * (1 + load) as f64
}

/// The leaves of a node and of those below it.
fn collect(node: &Node, path: Path, paths: &Paths, into: &mut Vec<(Path, Vec<Access>)>) {
    if let Some(leaf) = &node.leaf {
        into.push((path, accesses(leaf)));
    }
    for (name, child) in &node.children {
        if let Some(path) = paths.child(path, name.as_bytes()) {
            collect(child, path, paths, into);
        }
    }
}

/// All ways to find a row by one clause, the best kinds first.
fn ways<'a>(leaves: &'a [(Path, Vec<Access>)], variety: &mut Variety) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    for (path, accesses) in leaves {
        for access in accesses {
            access.keys.iter().for_each(|key| variety.note(*path, key));
            let chances = access
                .keys
                .iter()
                .map(|key| 1.0 / variety.values(*path, key.aspect).max(1.0));
            ways.push(Way {
                path: *path,
                access,
                chance: chances.sum(),
            });
        }
    }
    ways.sort_by_key(|way| (way.access.rank, way.access.keys.len()));
    ways
}

/// What there is to choose from: one way alone, or two together. Those that read no numbers come first.
fn choices<'a>(ways: &[Way<'a>], snapshot: &Snapshot) -> Vec<Choice<'a>> {
    let singles = |way: &&Way<'_>| way.access.keys.len() <= MOST_KEYS && way.access.rank < BROAD;
    let mut choices: Vec<Choice<'a>> = ways
        .iter()
        .filter(singles)
        .map(|way| Choice::new(*way, None, snapshot))
        .collect();
    choices.sort_by_key(|choice| choice.one.access.keys.iter().any(|key| key.aspect.is_numeric()));
    if choices.is_empty() {
        choices.extend(ways.first().map(|way| Choice::new(*way, None, snapshot)));
    }
    let pairs = |way: &&Way<'_>| way.access.keys.iter().all(|key| key.aspect.pairs());
    let ways: Vec<Way<'a>> = ways.iter().filter(pairs).take(MOST_WAYS).copied().collect();
    for (number, one) in ways.iter().enumerate() {
        for other in ways.iter().skip(number + 1) {
            let broad = one.access.rank >= BROAD;
            if !broad && one.access.keys.len() * other.access.keys.len() <= MOST_KEYS {
                choices.push(Choice::new(*one, Some(*other), snapshot));
            }
        }
    }
    choices
}

impl<'a> Choice<'a> {
    fn new(one: Way<'a>, other: Option<Way<'a>>, snapshot: &Snapshot) -> Choice<'a> {
        let lookups = &snapshot.lookups;
        let known = match other {
            None => one
                .access
                .keys
                .iter()
                .all(|key| lookups.find(one.path, key.aspect).is_some()),
            Some(other) => one.access.keys.iter().all(|first| {
                let mut others = other.access.keys.iter();
                others.all(|second| {
                    lookups
                        .find_pair((one.path, first.aspect), (other.path, second.aspect))
                        .is_some()
                })
            }),
        };
        Choice {
            one,
            other,
            chance: one.chance * other.map_or(1.0, |other| other.chance),
            known,
        }
    }

    /// The most rows that one of its keys has.
    fn load(&self, snapshot: &Snapshot) -> usize {
        let keys = self
            .one
            .access
            .keys
            .iter()
            .map(|key| Lookups::key(self.one.path, key.aspect, key.hash));
        let loads = keys.flat_map(|first| {
            let seconds = self.other.iter().flat_map(|other| {
                let keys = other.access.keys.iter();
                keys.map(|key| Lookups::key(other.path, key.aspect, key.hash))
            });
            let pairs: Vec<u64> = seconds.map(|second| pair_key(first, second)).collect();
            if self.other.is_some() { pairs } else { vec![first] }
        });
        loads.map(|key| snapshot.load(key, MOST_ROWS)).max().unwrap_or_default()
    }

    fn plan(&self) -> Plan {
        let part = |way: &Way<'_>| (way.path, way.access.keys.clone());
        match &self.other {
            None => Plan::Single(self.one.path, self.one.access.keys.clone()),
            Some(other) => Plan::Pair(part(&self.one), part(other)),
        }
    }
}
