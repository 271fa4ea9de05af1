//! Finding the patterns that match an event.

use std::sync::Arc;

use foldhash::HashMap;
use patchpanel_json::{Invalid, Layout};

use super::aspect::Aspect;
use super::code::{RowHead, Tag, any_matches, row, take_clause, take_sized};
use super::consistent::{self, Event};
use super::lookups::{Lookup, Lookups, NONE, Pair, pair_key, spread_key};
use super::paths::{Path, Paths};
use super::shard::{Chain, Shard};
use super::tape::{Entry, Kind, Scalars, Tape};
use super::walk::{Frame, Walk};

/// Groups of shards, and shards in a group.
const FAN: usize = 32;
/// Words of each shard's part of a group's filter.
const FILTER_WORDS: usize = 16;
/// How often a key is met in one event until its rows are looked at for all of the event.
const MANY: u32 = 16;
/// Most combinations of values that are looked up for one pair, however few patterns there are.
const COMBINATIONS: usize = 4096;

/// All patterns of an index as they were at one time. Cheap to keep and to share; changes of the index go past it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) paths: Arc<Paths>,
    pub(crate) lookups: Arc<Lookups>,
    /// What top-level fields are taken to be where they are missing.
    pub(crate) defaults: Arc<[(Path, Box<str>)]>,
    groups: Vec<Arc<Group>>,
    pub(crate) rows: usize,
    /// How many of them look at whole lists, or at all of their elements.
    pub(crate) lists: usize,
}

/// Shards, and what keys they may have.
#[derive(Clone, Debug)]
struct Group {
    shards: Vec<Arc<Shard>>,
    /// A bit for each key, in as many words for each shard.
    filter: Vec<u64>,
}

impl Default for Snapshot {
    fn default() -> Snapshot {
        let shard = Arc::new(Shard::default());
        let group = Arc::new(Group {
            shards: vec![shard; FAN],
            filter: vec![0; FAN * FILTER_WORDS],
        });
        Snapshot {
            paths: Arc::default(),
            lookups: Arc::default(),
            defaults: Arc::default(),
            groups: vec![group; FAN],
            rows: 0,
            lists: 0,
        }
    }
}

/// What matching one event after the other keeps: memory, and nothing else.
#[derive(Debug, Default)]
pub struct Scratch {
    layout: Layout,
    tape: Tape,
    frames: Vec<Frame>,
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

/// How often a key was met in one event, where there are several values at its path.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// There is one value only.
    Only,
    /// The first time: rows are looked at for all values at the path.
    First,
    /// Once more: only for rows that ask which element of a list a value is in.
    Later,
    /// So often that those rows are looked at for all elements, and then no more.
    Last,
}

/// Which of the keys are a lookup's.
#[derive(Clone, Copy, Debug, Default)]
struct KeysFound {
    epoch: u32,
    start: u32,
    end: u32,
}

impl Snapshot {
    /// Puts the numbers of all patterns that match into `matched`, in ascending order; empties it first.
    ///
    /// The event is any bytes. What is not an object matches as the empty object does. Where a name stands twice in one
    /// object, the last one counts.
    ///
    /// # Errors
    /// Bytes that are not JSON, or nested too deep, with the place. `matched` is empty then.
    pub fn matches(&self, event: &[u8], scratch: &mut Scratch, matched: &mut Vec<u32>) -> Result<(), Invalid> {
        matched.clear();
        scratch.layout.check(event)?;
        self.matches_laid_out(event, scratch, matched);
        Ok(())
    }

    /// As [`Snapshot::matches`], for bytes that are known to be JSON, which takes half the time. Of other bytes the
    /// answer is of no use, and so it is of what stands deeper than [`patchpanel_json::MAX_DEPTH`] levels.
    pub fn matches_json(&self, event: &[u8], scratch: &mut Scratch, matched: &mut Vec<u32>) {
        matched.clear();
        scratch.layout.map(event);
        self.matches_laid_out(event, scratch, matched);
    }

    fn matches_laid_out(&self, text: &[u8], scratch: &mut Scratch, matched: &mut Vec<u32>) {
        let Scratch {
            layout,
            tape,
            frames,
            keys,
            found,
            epoch,
            firsts,
            seen,
            hits,
        } = scratch;
        Walk {
            text,
            layout,
            paths: &self.paths,
            lookups: &self.lookups,
            defaults: &self.defaults,
            tape,
            frames,
        }
        .run();
        keys.clear();
        firsts.clear();
        hits.clear();
        *epoch = epoch.wrapping_add(1);
        if *epoch == 0 {
            found.clear();
            *epoch = 1;
        }
        if found.len() < self.lookups.len() {
            found.resize(self.lookups.len(), KeysFound::default());
        }
        let arrays = tape.arrays();
        let elements_matter =
            !arrays.is_empty() && (self.lists > 0 || arrays.iter().any(|path| self.paths.is_shared(*path)));
        let mut search = Search {
            snapshot: self,
            elements_matter,
            text,
            tape,
            keys,
            found,
            epoch: *epoch,
            firsts,
            seen,
            hits,
            matched,
        };
        if search.look_up_all() {
            search.verify_hits();
        } else {
            search.verify_all();
        }
        if !matched.is_sorted_by(|one, other| one < other) {
            matched.sort_unstable();
            matched.dedup();
        }
    }

    /// Whether any row may have the key.
    #[inline(always)]
    fn may_have(&self, key: u64) -> bool {
        let (group, shard) = place(key);
        let (word, bit) = filter_bit(key as u32);
        let word = self
            .groups
            .get(group)
            .and_then(|group| group.filter.get(shard * FILTER_WORDS + word));
        word.is_some_and(|word| word & bit != 0)
    }

    #[inline(always)]
    fn shard(&self, key: u64) -> Option<&Shard> {
        let (group, shard) = place(key);
        self.groups.get(group)?.shards.get(shard).map(|shard| &**shard)
    }

    /// The rows of a key, and perhaps some of other keys.
    fn chain(&self, key: u64) -> Option<Chain<'_>> {
        Some(self.shard(key).filter(|_| self.may_have(key))?.chain(key))
    }

    /// How many rows a key has, counted up to `most`.
    pub(crate) fn load(&self, hash: u64, most: usize) -> usize {
        self.chain(hash).map_or(0, |chain| chain.take(most).count())
    }

    /// The code of a subscription's row.
    pub(crate) fn code(&self, hash: u64, id: u32) -> Option<&[u8]> {
        let mut chain = self.chain(hash)?;
        chain.find(|(found, _)| *found == id).map(|(_, code)| code)
    }

    /// Changes the shard that a key is in.
    pub(crate) fn change(&mut self, hash: u64, change: impl FnOnce(&mut Shard)) {
        let (group, number) = place(hash);
        let Some(group) = self.groups.get_mut(group).map(Arc::make_mut) else {
            return;
        };
        let Some(shard) = group.shards.get_mut(number).map(Arc::make_mut) else {
            return;
        };
        let before = shard.keys();
        change(shard);
        let start = number * FILTER_WORDS;
        let Some(filter) = group.filter.get_mut(start..start + FILTER_WORDS) else {
            return;
        };
        if shard.keys() >= before {
            set_bit(filter, hash as u32);
        } else {
            // A bit may stand for other keys too.
            filter.fill(0);
            shard.tags().for_each(|tag| set_bit(filter, tag));
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let groups = self.groups.iter().map(|group| {
            let shards: usize = group
                .shards
                .iter()
                .map(|shard| shard.bytes() / Arc::strong_count(shard).max(1))
                .sum();
            (shards + group.filter.len() * 8 + FAN * size_of::<usize>()) / Arc::strong_count(group).max(1)
        });
        groups.sum::<usize>() + self.paths.bytes() + self.lookups.bytes()
    }
}

#[inline(always)]
fn place(hash: u64) -> (usize, usize) {
    ((hash >> 59) as usize, (hash >> 54) as usize % FAN)
}

#[inline(always)]
fn filter_bit(tag: u32) -> (usize, u64) {
    let mixed = tag.wrapping_mul(0x85eb_ca6b);
    ((mixed >> 28) as usize % FILTER_WORDS, 1 << (mixed >> 22 & 63))
}

fn set_bit(filter: &mut [u64], tag: u32) {
    let (word, bit) = filter_bit(tag);
    if let Some(word) = filter.get_mut(word) {
        *word |= bit;
    }
}

/// One event's search.
struct Search<'s> {
    snapshot: &'s Snapshot,
    /// Whether there are lists of which some row may ask that several conditions hold for one element.
    elements_matter: bool,
    text: &'s [u8],
    tape: &'s Tape,
    keys: &'s mut Vec<(u64, u32)>,
    found: &'s mut Vec<KeysFound>,
    epoch: u32,
    firsts: &'s mut Vec<u32>,
    seen: &'s mut HashMap<u64, u32>,
    hits: &'s mut Vec<Hit>,
    matched: &'s mut Vec<u32>,
}

impl<'s> Search<'s> {
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
        for path in self.tape.present() {
            let mut at = lookups.first(*path);
            while let Some(lookup) = lookups.get(at) {
                self.look_up(at, lookup);
                at = lookup.next;
            }
        }
        for number in 0..self.firsts.len() {
            let first = self.firsts.get(number).and_then(|first| lookups.get(*first));
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

    /// Looks up all values at a path in one aspect, and keeps their keys for pairs.
    #[inline(always)]
    fn look_up(&mut self, at: u32, lookup: &Lookup) {
        let start = self.keys.len();
        let scalars = self.tape.scalars(lookup.path);
        let is_gram = matches!(lookup.aspect, Aspect::Gram(_));
        let many = is_gram || scalars.clone().nth(1).is_some();
        if many {
            self.seen.clear();
        }
        for (entry, found) in scalars {
            let Some(value) = self.tape.value(self.text, found) else {
                continue;
            };
            let mut has_key = false;
            lookup.aspect.of_value(value, |hash| {
                has_key = true;
                let key = lookup.key(hash);
                if !is_gram {
                    self.keys.push((key, entry));
                }
                if lookup.singles > 0 {
                    self.probe(lookup, key, entry, many);
                }
            });
            if has_key && lookup.aspect.is_constant() && !self.elements_matter {
                // Other values come to the same key, and all of them were looked at.
                break;
            }
        }
        if self.keys.len() > start
            && let Some(found) = self.found.get_mut(at as usize)
        {
            *found = KeysFound {
                epoch: self.epoch,
                start: start as u32,
                end: self.keys.len() as u32,
            };
            if lookup.first_pair != NONE {
                self.firsts.push(at);
            }
        }
    }

    #[inline(always)]
    fn probe(&mut self, lookup: &Lookup, key: u64, entry: u32, many: bool) {
        for part in 0..lookup.spread {
            let key = spread_key(key, part);
            if !self.snapshot.may_have(key) {
                continue;
            }
            let turn = if many {
                let before = self.seen.entry(key).or_default();
                *before += 1;
                match *before {
                    1 => Turn::First,
                    _ if !self.elements_matter => continue,
                    ..MANY => Turn::Later,
                    MANY => Turn::Last,
                    _ => continue,
                }
            } else {
                Turn::Only
            };
            self.hit(key, [entry, NONE], turn);
        }
    }

    #[inline(always)]
    fn hit(&mut self, key: u64, pins: [u32; 2], turn: Turn) {
        self.hits.push(Hit {
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
        if combinations > 1 && pair.meeting != Paths::ROOT && !self.tape.arrays().is_empty() {
            return self.look_up_together(pair, ones, others);
        }
        if combinations > COMBINATIONS.max(self.snapshot.rows) {
            return false;
        }
        for one in ones {
            for other in others.clone() {
                self.probe_pair(one, other);
            }
        }
        true
    }

    fn keys_of(&self, lookup: u32) -> Option<std::ops::Range<usize>> {
        let found = self
            .found
            .get(lookup as usize)
            .filter(|found| found.epoch == self.epoch)?;
        Some(found.start as usize..found.end as usize)
    }

    fn probe_pair(&mut self, one: usize, other: usize) {
        let (Some(&(one, first)), Some(&(other, second))) = (self.keys.get(one), self.keys.get(other)) else {
            return;
        };
        let key = pair_key(one, other);
        if self.snapshot.may_have(key) {
            self.hit(key, [first, second], Turn::Only);
        }
    }

    /// Values of one element each: both lists are in the order of the text, so one walk over them finds those that
    /// share the object where their paths part.
    fn look_up_together(&mut self, pair: &Pair, ones: std::ops::Range<usize>, others: std::ops::Range<usize>) -> bool {
        let mut left = COMBINATIONS.max(self.snapshot.rows);
        let (mut ones, mut others) = (ones, others);
        while let (Some(one), Some(other)) = (self.object_of(&ones, pair), self.object_of(&others, pair)) {
            if one < other {
                ones.start += 1;
                continue;
            }
            if other < one {
                others.start += 1;
                continue;
            }
            let of_one = ones.start..self.end_of_object(&ones, pair, one);
            let of_other = others.start..self.end_of_object(&others, pair, one);
            for one in of_one.clone() {
                for other in of_other.clone() {
                    if left == 0 {
                        return false;
                    }
                    left -= 1;
                    self.probe_pair(one, other);
                }
            }
            ones.start = of_one.end;
            others.start = of_other.end;
        }
        true
    }

    /// The object around the first of these keys' values at the place where the pair's paths part.
    fn object_of(&self, keys: &std::ops::Range<usize>, pair: &Pair) -> Option<u32> {
        let (_, entry) = self.keys.get(keys.clone())?.first()?;
        let mut at = *entry;
        loop {
            let entry = self.tape.entry(at)?;
            if entry.path == pair.meeting && entry.kind == Kind::Object {
                return Some(at);
            }
            at = entry.parent;
        }
    }

    fn end_of_object(&self, keys: &std::ops::Range<usize>, pair: &Pair, object: u32) -> usize {
        let mut rest = keys.clone();
        while self.object_of(&rest, pair) == Some(object) {
            rest.start += 1;
        }
        rest.start
    }

    /// Looks at the rows of all keys. Keys are spread over more memory than is near, so what many of them need is asked
    /// for before any of it is waited for.
    fn verify_hits(&mut self) {
        let mut hits = std::mem::take(self.hits);
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
        *self.hits = hits;
    }

    /// Notes the subscriptions of all rows that hold.
    #[inline(always)]
    fn verify(&mut self, chain: Chain<'_>, pins: [u32; 2], turn: Turn) {
        for (id, code) in chain {
            if self.holds(code, pins, turn).unwrap_or(false) {
                self.matched.push(id);
            }
        }
    }

    #[inline(always)]
    fn holds(&self, code: &[u8], pins: [u32; 2], turn: Turn) -> Option<bool> {
        let row = row(code)?;
        if self.elements_matter {
            let arrays = self.tape.arrays();
            let one_element = row.shared.clone().any(|path| arrays.contains(&path));
            if one_element && self.asks_only(&row, pins) {
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
                    paths: &self.snapshot.paths,
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
        row.flags == 0 && rest.is_empty() && same && first.path != second.path
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
        let mut scalars: Scalars<'_> = self.tape.scalars(path);
        scalars.any(|(_, entry)| matches(entry))
    }

    /// Looks at every row there is.
    #[cold]
    fn verify_all(&mut self) {
        for group in &self.snapshot.groups {
            for shard in &group.shards {
                for tag in shard.tags() {
                    self.verify(shard.chain(tag.into()), [NONE; 2], Turn::Only);
                }
            }
        }
    }
}
