//! By which of its clauses a row is found.
//!
//! The fewer rows share a key, the fewer are looked at for nothing. So a row goes where there is room: under the key of
//! one clause while hardly any row is there, else under the keys of two clauses together. Popular values (an event's
//! type, say) fill up soon and take no more, without anybody having to know that they are popular.

use super::aspect::{Access, BROAD, Key, accesses};
use super::lookups::{Lookups, pair_key};
use super::paths::{Path, Paths};
use super::snapshot::Snapshot;
use crate::node::Node;

/// Rows of a key that are counted; more are no worse.
const MOST_ROWS: usize = 16;
/// Most keys of a row: values in a list, or combinations of those in two.
const MOST_KEYS: usize = 64;
/// Most ways that are looked at for pairs.
const MOST_WAYS: usize = 8;
/// What looking up one more aspect of each event is worth, in rows that are looked at for nothing; and what reading
/// numbers for it is.
const LOOKUP: usize = 2;
const NUMBERS: usize = 1;

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

#[derive(Clone, Copy)]
struct Way<'a> {
    path: Path,
    access: &'a Access,
}

pub(crate) fn plan(node: &Node, snapshot: &Snapshot) -> Plan {
    let mut leaves = Vec::new();
    collect(node, Paths::ROOT, &snapshot.paths, &mut leaves);
    let ways = leaves
        .iter()
        .flat_map(|(path, accesses)| accesses.iter().map(|access| Way { path: *path, access }));
    let mut ways: Vec<Way<'_>> = ways.collect();
    ways.sort_by_key(|way| (way.access.rank, way.access.keys.len()));
    let Some(best) = ways.first() else { return Plan::Always };
    let singles = ways
        .iter()
        .filter(|way| way.access.rank < BROAD && way.access.keys.len() <= MOST_KEYS);
    let singles = singles.map(|way| (single_cost(*way, snapshot), way));
    let Some((cost, way)) = singles.min_by_key(|(cost, _)| *cost) else {
        return Plan::Single(best.path, best.access.keys.clone());
    };
    if cost > 0
        && let Some((pair_cost, one, other)) = best_pair(&ways, snapshot)
        && pair_cost < cost
    {
        let part = |way: Way<'_>| (way.path, way.access.keys.clone());
        return Plan::Pair(part(one), part(other));
    }
    Plan::Single(way.path, way.access.keys.clone())
}

/// The leaves of a node and of those below it, whose paths there are already.
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

fn single_cost(way: Way<'_>, snapshot: &Snapshot) -> usize {
    let of_key = |key: &Key| {
        let load = snapshot.load(Lookups::key(way.path, key.aspect, key.hash), MOST_ROWS);
        let known = snapshot.lookups.find(way.path, key.aspect).is_some();
        let numbers = key.aspect.is_numeric() && !snapshot.lookups.is_numeric(way.path);
        load + if known { 0 } else { LOOKUP } + if numbers { NUMBERS } else { 0 }
    };
    way.access.keys.iter().map(of_key).max().unwrap_or(usize::MAX)
}

fn best_pair<'a>(ways: &[Way<'a>], snapshot: &Snapshot) -> Option<(usize, Way<'a>, Way<'a>)> {
    let pairs = |way: &&Way<'_>| way.access.keys.iter().all(|key| key.aspect.pairs());
    let ways: Vec<Way<'a>> = ways.iter().filter(pairs).take(MOST_WAYS).copied().collect();
    let mut best: Option<(usize, Way<'a>, Way<'a>)> = None;
    for (number, one) in ways.iter().enumerate() {
        for other in ways.iter().skip(number + 1) {
            let (one, other) = if key_order(*one) <= key_order(*other) {
                (*one, *other)
            } else {
                (*other, *one)
            };
            if one.access.keys.len() * other.access.keys.len() > MOST_KEYS {
                continue;
            }
            let cost = pair_cost(one, other, snapshot);
            if best.is_none_or(|(least, ..)| cost < least) {
                best = Some((cost, one, other));
            }
        }
    }
    best
}

/// Every pair has one order.
fn key_order(way: Way<'_>) -> (Path, u64) {
    let first = way.access.keys.first().map_or(0, |key| key.aspect.tag());
    (way.path, first)
}

fn pair_cost(one: Way<'_>, other: Way<'_>, snapshot: &Snapshot) -> usize {
    let mut most = 0;
    for first in &one.access.keys {
        for second in &other.access.keys {
            let key = pair_key(
                Lookups::key(one.path, first.aspect, first.hash),
                Lookups::key(other.path, second.aspect, second.hash),
            );
            let pair = snapshot
                .lookups
                .find_pair((one.path, first.aspect), (other.path, second.aspect));
            let known = if pair.is_some() { 0 } else { LOOKUP };
            most = most.max(snapshot.load(key, MOST_ROWS) + known);
        }
    }
    most
}
