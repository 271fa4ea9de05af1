//! Very many patterns at once.
//!
//! The cost of an event follows what is in it and what matches, not how many patterns there are:
//!
//! 1. A [walk](mod@walk) over the event's bytes keeps the values that any pattern names, on a [tape](mod@tape), and
//!    jumps over the rest.
//! 2. Of each value a few [aspects](mod@aspect) are looked up: the whole text, its first three bytes, the range of numbers
//!    it lies in, whatever patterns ask for. Each gives a key, and each pattern stands under the key of one clause that
//!    few others share, or of [two together](mod@plan).
//! 3. What stands under the [keys](mod@search) is [checked](mod@verify) clause by clause, from its [code](mod@code).
//!
//! Patterns are kept in [shards](mod@shard) that are copied when they change and are in use, so that adding or removing
//! one costs microseconds, and whoever matches goes on with the [`Snapshot`] it has.

mod access;
mod aspect;
mod code;
mod consistent;
mod encode;
mod group;
mod items;
mod lookups;
mod paths;
mod plan;
mod search;
mod shard;
mod snapshot;
mod tape;
mod verify;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use crate::node::Node;
use crate::pattern::Pattern;

use aspect::{Aspect, Key};
use code::{clause_paths, row, row_bytes};
use encode::Encoder;
use lookups::{Lookups, Meeting, pair_key, spread_key};
use paths::{Path, Paths};
use plan::{Plan, Variety, plan};
use shard::Code;
pub use snapshot::{Scratch, Snapshot};

/// Copies of a row, in bytes, past which they share one code.
const MOST_COPIES: usize = 256;

/// Patterns by number, to be matched all at once.
///
/// ```
/// use patchpanel_filter::{Index, Pattern, Scratch};
///
/// let mut index = Index::default();
/// let commits: Pattern = r#"{"type": [{"prefix": "git."}]}"#.parse().unwrap();
/// let private: Pattern = r#"{"payload": {"private": [true], "stars": [{"numeric": [">", 9]}]}}"#.parse().unwrap();
/// index.insert(1, &commits);
/// index.insert(2, &private);
///
/// let (mut scratch, mut matched) = (Scratch::default(), Vec::new());
/// let event = br#"{"type": "git.commit", "payload": {"private": true, "stars": 10}}"#;
/// let snapshot = index.snapshot();
/// snapshot.matches(event, &mut scratch, &mut matched)?;
/// assert_eq!(matched, [1, 2]);
///
/// index.remove(1);
/// index.snapshot().matches(event, &mut scratch, &mut matched)?;
/// assert_eq!(matched, [2]);
/// snapshot.matches(event, &mut scratch, &mut matched)?;
/// assert_eq!(matched, [1, 2], "as it was");
///
/// let invalid = snapshot.matches(b"{\"type\": }", &mut scratch, &mut matched).unwrap_err();
/// assert_eq!(invalid.to_string(), "not JSON: expected value at byte 9");
/// # Ok::<(), patchpanel_filter::Invalid>(())
/// ```
#[derive(Debug, Default)]
pub struct Index {
    now: Arc<Snapshot>,
    placed: HashMap<u32, Placed>,
    variety: Variety,
}

/// Where the rows of a pattern are.
#[derive(Debug)]
enum Placed {
    /// One row under one key; what it uses is in its code.
    One { key: u64, by: By },
    /// A row for each alternative.
    Many(Box<[Row]>),
}

/// What a row is found by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Lookup(u32),
    Pair(u32),
}

#[derive(Debug, Default)]
struct Row {
    keys: Vec<u64>,
    by: Vec<By>,
    used: Used,
}

/// What a row makes use of.
#[derive(Debug, Default)]
struct Used {
    /// The path of every clause.
    paths: Vec<Path>,
    shared: Vec<Path>,
    /// Whether lists matter to it in any event.
    lists: bool,
}

impl Row {
    fn shrink(&mut self) {
        self.keys.shrink_to_fit();
        self.by.shrink_to_fit();
        self.used.paths.shrink_to_fit();
        self.used.shared.shrink_to_fit();
    }

    fn bytes(&self) -> usize {
        let paths = self.used.paths.capacity() + self.used.shared.capacity();
        self.keys.capacity() * size_of::<u64>() + self.by.capacity() * size_of::<By>() + paths * size_of::<Path>()
    }
}

impl Used {
    fn of(code: &[u8]) -> Option<Used> {
        let row = row(code)?;
        let mut paths = Vec::new();
        clause_paths(row.clauses, &mut paths);
        Some(Used {
            paths,
            shared: row.shared.collect(),
            lists: row.flags != 0,
        })
    }
}

impl Index {
    /// An index for events that, where they lack one of these top-level fields, are taken to have it with this text.
    ///
    /// ```
    /// use patchpanel_filter::{Index, Pattern, Scratch};
    ///
    /// let mut index = Index::with_defaults([("level", "info")]);
    /// index.insert(1, &r#"{"level": [{"at-least": "info"}]}"#.parse::<Pattern>().unwrap());
    /// let mut matched = Vec::new();
    /// index.snapshot().matches(br#"{"type": "git.commit"}"#, &mut Scratch::default(), &mut matched)?;
    /// assert_eq!(matched, [1]);
    /// # Ok::<(), patchpanel_filter::Invalid>(())
    /// ```
    pub fn with_defaults<'d>(defaults: impl IntoIterator<Item = (&'d str, &'d str)>) -> Index {
        let mut snapshot = Snapshot::default();
        let paths = Arc::make_mut(&mut snapshot.paths);
        let made = defaults.into_iter().map(|(name, text)| {
            let path = paths.make(Paths::ROOT, name);
            paths.keep(path);
            (path, text.into())
        });
        snapshot.defaults = made.collect();
        Index {
            now: Arc::new(snapshot),
            ..Index::default()
        }
    }

    /// Adds a pattern, in place of any that has this number. Takes microseconds.
    pub fn insert(&mut self, id: u32, pattern: &Pattern) {
        self.remove(id);
        let snapshot = Arc::make_mut(&mut self.now);
        let nodes = pattern.alternatives().iter();
        let mut rows: Vec<Row> = nodes
            .map(|node| insert(snapshot, &mut self.variety, id, node))
            .collect();
        let only = match rows.as_slice() {
            [row] => row.keys.first().zip(row.by.first()).filter(|_| row.keys.len() == 1),
            _ => None,
        };
        let placed = match only {
            Some((key, by)) => Placed::One { key: *key, by: *by },
            None => {
                rows.iter_mut().for_each(Row::shrink);
                Placed::Many(rows.into())
            }
        };
        self.placed.insert(id, placed);
    }

    /// Adds a number that every event matches.
    pub fn insert_any(&mut self, id: u32) {
        self.remove(id);
        let row = insert(Arc::make_mut(&mut self.now), &mut self.variety, id, &Node::default());
        self.placed.insert(id, Placed::Many(vec![row].into()));
    }

    /// Removes the pattern of this number; says whether there was one. Takes microseconds.
    pub fn remove(&mut self, id: u32) -> bool {
        let Some(placed) = self.placed.remove(&id) else {
            return false;
        };
        let snapshot = Arc::make_mut(&mut self.now);
        let rows = match placed {
            Placed::One { key, by } => [Row {
                used: snapshot.code(key, id).and_then(Used::of).unwrap_or_default(),
                keys: vec![key],
                by: vec![by],
            }]
            .into(),
            Placed::Many(rows) => rows,
        };
        rows.iter().for_each(|row| remove(snapshot, id, row));
        true
    }

    /// The patterns as they are now. Cheap; later changes do not show in it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.now)
    }

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.placed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// How much memory all of it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let rows = self.placed.values().map(|placed| match placed {
            Placed::One { .. } => 0,
            Placed::Many(rows) => rows.iter().map(|row| size_of::<Row>() + row.bytes()).sum(),
        });
        // A byte of control beside each place, as hashbrown has it.
        self.now.bytes()
            + self.variety.bytes()
            + rows.sum::<usize>()
            + self.placed.capacity() * 8 / 7 * (size_of::<(u32, Placed)>() + 1)
    }
}

/// Adds the row of one alternative.
fn insert(snapshot: &mut Snapshot, variety: &mut Variety, id: u32, node: &Node) -> Row {
    let paths = Arc::make_mut(&mut snapshot.paths);
    let mut encoder = Encoder::default();
    encoder.node(node, Paths::ROOT, &mut |parent, name| paths.make(parent, name));
    encoder.all.iter().for_each(|path| paths.keep(*path));
    let shared = shared(&encoder.paths, paths);
    shared.iter().for_each(|path| paths.share(*path));
    snapshot.lists += usize::from(encoder.flags != 0);
    let code = row_bytes(encoder.flags, &shared, &encoder.bytes);
    let plan = plan(node, snapshot, variety);
    let mut row = keep(snapshot, plan);
    row.used = Used {
        paths: encoder.all,
        shared,
        lists: encoder.flags != 0,
    };
    let code = if row.keys.len() > 1 && row.keys.len() * code.len() > MOST_COPIES {
        Code::Shared(code.into())
    } else {
        Code::Own(code)
    };
    for key in &row.keys {
        snapshot.change(*key, |shard| shard.insert(*key, id, &code));
    }
    snapshot.rows += 1;
    row
}

/// The places that several of these paths go through, the event itself left out.
fn shared(all: &[Path], paths: &Paths) -> Vec<Path> {
    let mut shared = Vec::new();
    // They stand in the order of the tree, so neighbours have all in common that any two of them have.
    for (one, other) in all.iter().zip(all.iter().skip(1)) {
        let mut at = paths.meeting(*one, *other);
        while at != Paths::ROOT && !shared.contains(&at) {
            shared.push(at);
            at = paths.parent(at);
        }
    }
    shared
}

/// What values at two paths must share to be of one row.
fn meeting(paths: &Paths, one: Path, other: Path) -> Meeting {
    let meeting = paths.meeting(one, other);
    if one == other {
        Meeting::Same
    } else if meeting == one || meeting == other {
        // A scalar in a list is a value of the list itself, whichever element the other one is in.
        Meeting::At(paths.parent(meeting))
    } else {
        Meeting::At(meeting)
    }
}

/// Makes the lookups of a plan, and the keys that they give.
fn keep(snapshot: &mut Snapshot, plan: Plan) -> Row {
    let Snapshot { paths, lookups, .. } = snapshot;
    let lookups = Arc::make_mut(lookups);
    let mut row = Row::default();
    let single = |lookups: &mut Lookups, row: &mut Row, path: Path, key: Key| {
        let known = lookups.find(path, key.aspect);
        let at = match known.filter(|at| row.by.contains(&By::Lookup(*at))) {
            Some(at) => at,
            None => {
                let at = lookups.keep(path, key.aspect);
                row.by.push(By::Lookup(at));
                at
            }
        };
        let Some(lookup) = lookups.get(at) else { return };
        let part = if lookup.spread > 1 {
            lookup.singles % lookup.spread
        } else {
            0
        };
        row.keys.push(spread_key(lookup.key(key.hash), part));
    };
    match plan {
        Plan::Always => {
            let key = Key {
                aspect: Aspect::Present,
                hash: 0,
            };
            single(lookups, &mut row, Paths::ROOT, key);
        }
        Plan::Single(path, keys) => keys.into_iter().for_each(|key| single(lookups, &mut row, path, key)),
        Plan::Pair((path, keys), (other_path, other_keys)) => {
            let meeting = meeting(paths, path, other_path);
            for one in &keys {
                for other in &other_keys {
                    let (first, second) = ((path, one.aspect), (other_path, other.aspect));
                    let known = lookups.find_pair(first, second);
                    if !known.is_some_and(|at| row.by.contains(&By::Pair(at))) {
                        row.by.push(By::Pair(lookups.keep_pair(first, second, meeting)));
                    }
                    row.keys.push(pair_key(
                        Lookups::key(path, one.aspect, one.hash),
                        Lookups::key(other_path, other.aspect, other.hash),
                    ));
                }
            }
        }
    }
    debug_assert!(!row.keys.is_empty(), "a row without a key is never found");
    row
}

/// Removes what [`insert`] added.
fn remove(snapshot: &mut Snapshot, id: u32, row: &Row) {
    let paths = Arc::make_mut(&mut snapshot.paths);
    row.used.shared.iter().for_each(|path| paths.unshare(*path));
    row.used.paths.iter().for_each(|path| paths.release(*path));
    snapshot.lists -= usize::from(row.used.lists);
    let lookups = Arc::make_mut(&mut snapshot.lookups);
    for by in &row.by {
        match by {
            By::Lookup(lookup) => lookups.release(*lookup),
            By::Pair(pair) => lookups.release_pair(*pair),
        }
    }
    for key in &row.keys {
        snapshot.change(*key, |shard| shard.remove(*key, id));
    }
    snapshot.rows -= 1;
}
