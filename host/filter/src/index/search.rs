//! Finding the rows that hold for one event.

use std::ops::Range;

use foldhash::HashMap;

use super::aspect::{Aspect, scale_part};
use super::lookups::{Lookup, Meeting, NONE, Pair, pair_key, spread_key};
use super::paths::{Path, Paths};
use super::shard::Chain;
use super::snapshot::Snapshot;
use super::tape::{Kind, Tape, Value};
use super::verify::{Turn, Verify};

/// How often a key is met in one event until its rows are looked at for all of the event.
const MANY: u32 = 16;
/// Most combinations of values that are looked up for one pair, however few patterns there are.
const COMBINATIONS: usize = 4096;

/// What one search after the other keeps for its memory.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Keys of lookups, each with the entry that it is of.
    keys: Vec<(u64, u32)>,
    /// By lookup.
    found: Vec<KeysFound>,
    epoch: u32,
    /// Lookups that are the first of pairs and have keys.
    firsts: Vec<u32>,
    /// How often each key was met.
    seen: HashMap<u64, u32>,
    hits: Vec<Hit>,
}

impl Buffers {
    fn clear(&mut self, lookups: usize) {
        self.keys.clear();
        self.firsts.clear();
        self.hits.clear();
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.found.clear();
            self.epoch = 1;
        }
        if self.found.len() < lookups {
            self.found.resize(lookups, KeysFound::default());
        }
    }

    /// Clearing takes time by what it could hold, so after one large event it must not stay large.
    fn clear_seen(&mut self) {
        if self.seen.capacity() > 1024 {
            self.seen = HashMap::default();
        }
        self.seen.clear();
    }
}

/// A key that may have rows.
#[derive(Clone, Copy, Debug)]
struct Hit {
    key: u64,
    /// The entries that it is of.
    pins: [u32; 2],
    turn: Turn,
    /// Its first row, once that is known.
    row: u32,
}

/// Hits that are looked at together, so that the memory they are in is fetched at the same time.
const TOGETHER: usize = 32;

/// Which of the keys are a lookup's.
#[derive(Clone, Copy, Debug, Default)]
struct KeysFound {
    epoch: u32,
    start: u32,
    end: u32,
}

/// One event's search.
pub(crate) struct Search<'s> {
    snapshot: &'s Snapshot,
    rows: Verify<'s>,
    buffers: &'s mut Buffers,
    /// A path, and the parts of the scale between which the numbers at it lie.
    parts: (Path, Option<(u16, u16)>),
    matched: &'s mut Vec<u32>,
}

impl<'s> Search<'s> {
    pub(crate) fn new(
        snapshot: &'s Snapshot,
        text: &'s [u8],
        tape: &'s Tape,
        buffers: &'s mut Buffers,
        matched: &'s mut Vec<u32>,
    ) -> Search<'s> {
        buffers.clear(snapshot.lookups.len());
        let mut arrays = tape.arrays().iter();
        let elements_matter =
            !tape.arrays().is_empty() && (snapshot.lists > 0 || arrays.any(|path| snapshot.paths.is_shared(*path)));
        Search {
            snapshot,
            rows: Verify {
                text,
                tape,
                paths: &snapshot.paths,
                elements_matter,
            },
            buffers,
            parts: (Paths::ROOT, None),
            matched,
        }
    }

    /// Collects the numbers of all rows that hold; some may come more than once.
    pub(crate) fn run(mut self) {
        if self.look_up_all() {
            self.verify_hits();
        } else {
            self.verify_all();
        }
    }

    /// Collects the keys of everything there is to look up. Says no if there are so many that looking at all rows is
    /// less.
    fn look_up_all(&mut self) -> bool {
        let lookups = &*self.snapshot.lookups;
        // What asks for nothing that could be looked up is found at the root.
        let mut at = lookups.first(Paths::ROOT);
        while let Some(lookup) = lookups.get(at) {
            self.probe(lookup, lookup.key(0), NONE, false);
            at = lookup.next;
        }
        for path in self.rows.tape.present() {
            let mut at = lookups.first(*path);
            while let Some(lookup) = lookups.get(at) {
                if self.may_lie(lookup) {
                    self.look_up(at, lookup);
                }
                at = lookup.next;
            }
        }
        for number in 0..self.buffers.firsts.len() {
            let first = self.buffers.firsts.get(number).and_then(|first| lookups.get(*first));
            let mut at = first.map_or(NONE, |first| first.first_pair);
            while let Some(pair) = lookups.pair(at) {
                if !self.look_up_pair(pair) {
                    return false;
                }
                at = pair.next;
            }
        }
        true
    }

    /// Of bounds there may be a hundred at one path, most of which no number of the event is beyond.
    #[inline(always)]
    fn may_lie(&mut self, lookup: &Lookup) -> bool {
        match lookup.aspect {
            Aspect::Above(part) => self.parts(lookup.path).is_some_and(|(_, most)| most >= part),
            Aspect::Below(part) => self.parts(lookup.path).is_some_and(|(least, _)| least <= part),
            _ => true,
        }
    }

    fn parts(&mut self, path: Path) -> Option<(u16, u16)> {
        if self.parts.0 != path {
            let values = self
                .rows
                .tape
                .scalars(path)
                .filter_map(|(_, entry)| self.rows.tape.value(self.rows.text, entry));
            let parts = values.filter_map(|value| match value {
                Value::Number(number) => number.map(scale_part),
                _ => None,
            });
            let range = parts
                .map(|part| (part, part))
                .reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
            self.parts = (path, range);
        }
        self.parts.1
    }

    /// Looks up all values at a path in one aspect, and keeps their keys for pairs.
    #[inline(always)]
    fn look_up(&mut self, at: u32, lookup: &Lookup) {
        let start = self.buffers.keys.len();
        let scalars = self.rows.tape.scalars(lookup.path);
        let is_gram = matches!(lookup.aspect, Aspect::Gram(_));
        let many = is_gram || scalars.clone().nth(1).is_some();
        if many {
            self.buffers.clear_seen();
        }
        for (entry, found) in scalars {
            let Some(value) = self.rows.tape.value(self.rows.text, found) else {
                continue;
            };
            let mut has_key = false;
            lookup.aspect.of_value(value, |hash| {
                has_key = true;
                let key = lookup.key(hash);
                if !is_gram {
                    self.buffers.keys.push((key, entry));
                }
                if lookup.singles > 0 {
                    self.probe(lookup, key, entry, many);
                }
            });
            if has_key && lookup.aspect.is_constant() && lookup.pairs == 0 && !self.rows.elements_matter {
                // Other values come to the same key, and rows are looked at for all of them.
                break;
            }
        }
        if self.buffers.keys.len() > start
            && let Some(found) = self.buffers.found.get_mut(at as usize)
        {
            *found = KeysFound {
                epoch: self.buffers.epoch,
                start: start as u32,
                end: self.buffers.keys.len() as u32,
            };
            if lookup.first_pair != NONE {
                self.buffers.firsts.push(at);
            }
        }
    }

    #[inline(always)]
    fn probe(&mut self, lookup: &Lookup, key: u64, entry: u32, many: bool) {
        for part in 0..lookup.spread {
            self.probe_key(spread_key(key, part), [entry, NONE], many);
        }
    }

    /// Notes a key that rows may have. With `many`, keys are counted in `seen`.
    #[inline(always)]
    fn probe_key(&mut self, key: u64, pins: [u32; 2], many: bool) {
        if !self.snapshot.may_have(key) {
            return;
        }
        let turn = if many {
            let times = self.buffers.seen.entry(key).or_default();
            *times += 1;
            match *times {
                1 => Turn::First,
                2..MANY if self.rows.elements_matter => Turn::Later,
                MANY if self.rows.elements_matter => Turn::Last,
                _ => return,
            }
        } else {
            Turn::Only
        };
        self.buffers.hits.push(Hit {
            key,
            pins,
            turn,
            row: NONE,
        });
    }

    /// Looks up the values at two paths together. Says no if there are so many that looking at all rows is less.
    fn look_up_pair(&mut self, pair: &Pair) -> bool {
        let (Some(ones), Some(others)) = (self.keys_of(pair.one), self.keys_of(pair.other)) else {
            return true;
        };
        let combinations = ones.len() * others.len();
        let many = combinations > 1;
        if many {
            self.buffers.clear_seen();
        }
        if pair.meeting != Meeting::At(Paths::ROOT) && !self.rows.tape.arrays().is_empty() {
            return self.look_up_together(pair, ones, others, many);
        }
        if combinations > COMBINATIONS.max(self.snapshot.rows) {
            return false;
        }
        for one in ones {
            for other in others.clone() {
                self.probe_pair(one, other, many);
            }
        }
        true
    }

    fn keys_of(&self, lookup: u32) -> Option<Range<usize>> {
        let found = self
            .buffers
            .found
            .get(lookup as usize)
            .filter(|found| found.epoch == self.buffers.epoch)?;
        Some(found.start as usize..found.end as usize)
    }

    fn probe_pair(&mut self, one: usize, other: usize, many: bool) {
        let (Some(&(one, first)), Some(&(other, second))) = (self.buffers.keys.get(one), self.buffers.keys.get(other))
        else {
            return;
        };
        self.probe_key(pair_key(one, other), [first, second], many);
    }

    /// Values of one element each: both lists are in the order of the text, so one walk over them finds those that
    /// stand in the same place.
    fn look_up_together(&mut self, pair: &Pair, ones: Range<usize>, others: Range<usize>, many: bool) -> bool {
        let mut left = COMBINATIONS.max(self.snapshot.rows);
        let (mut ones, mut others) = (ones, others);
        while let (Some(one), Some(other)) = (self.place_of(&ones, pair), self.place_of(&others, pair)) {
            if one < other {
                ones.start += 1;
                continue;
            }
            if other < one {
                others.start += 1;
                continue;
            }
            let of_one = ones.start..self.end_of_place(&ones, pair, one);
            let of_other = others.start..self.end_of_place(&others, pair, one);
            for one in of_one.clone() {
                for other in of_other.clone() {
                    if left == 0 {
                        return false;
                    }
                    left -= 1;
                    self.probe_pair(one, other, many);
                }
            }
            ones.start = of_one.end;
            others.start = of_other.end;
        }
        true
    }

    /// Where the first of these keys' values is, as far as its pair must be there too.
    fn place_of(&self, keys: &Range<usize>, pair: &Pair) -> Option<u32> {
        let (_, entry) = self.buffers.keys.get(keys.clone())?.first()?;
        let Meeting::At(path) = pair.meeting else {
            return Some(*entry);
        };
        let mut at = *entry;
        loop {
            let entry = self.rows.tape.entry(at)?;
            if entry.path == path && entry.kind == Kind::Object {
                return Some(at);
            }
            at = entry.parent;
        }
    }

    fn end_of_place(&self, keys: &Range<usize>, pair: &Pair, place: u32) -> usize {
        let mut rest = keys.clone();
        while self.place_of(&rest, pair) == Some(place) {
            rest.start += 1;
        }
        rest.start
    }

    /// Looks at the rows of all keys. Keys are spread over more memory than is near, so what many of them need is asked
    /// for before any of it is waited for.
    fn verify_hits(&mut self) {
        let mut hits = std::mem::take(&mut self.buffers.hits);
        let mut touched = 0;
        for together in hits.chunks_mut(TOGETHER) {
            for hit in together.iter_mut() {
                hit.row = self.snapshot.shard(hit.key).map_or(NONE, |shard| shard.first(hit.key));
            }
            for hit in together.iter() {
                touched ^= self.snapshot.shard(hit.key).map_or(0, |shard| shard.touch(hit.row));
            }
            for hit in together.iter() {
                if let Some(shard) = self.snapshot.shard(hit.key) {
                    self.verify(shard.chain_from(hit.row), hit.pins, hit.turn);
                }
            }
        }
        std::hint::black_box(touched);
        self.buffers.hits = hits;
    }

    /// Notes the subscriptions of all rows that hold.
    #[inline(always)]
    fn verify(&mut self, chain: Chain<'_>, pins: [u32; 2], turn: Turn) {
        for (id, code) in chain {
            if self.rows.holds(code, pins, turn).unwrap_or(false) {
                self.matched.push(id);
            }
        }
    }

    /// Looks at every row there is.
    #[cold]
    fn verify_all(&mut self) {
        let snapshot = self.snapshot;
        for shard in snapshot.shards() {
            for tag in shard.tags() {
                self.verify(shard.chain(tag.into()), [NONE; 2], Turn::Only);
            }
        }
    }
}
