//! All rows as they were at one time.

use std::sync::Arc;

use patchpanel_json::{Invalid, Layout};

use super::group::Group;
use super::lookups::Lookups;
use super::paths::{Path, Paths};
use super::search::{Buffers, Search};
use super::shard::{Chain, Shard};
use super::tape::Tape;
use super::walk::{Frame, Walk};

/// Groups of shards.
const GROUPS: usize = 32;

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

impl Default for Snapshot {
    fn default() -> Snapshot {
        Snapshot {
            paths: Arc::default(),
            lookups: Arc::default(),
            defaults: Arc::default(),
            groups: vec![Arc::default(); GROUPS],
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
    buffers: Buffers,
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
            buffers,
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
        Search::new(self, text, tape, buffers, matched).run();
        if !matched.is_sorted_by(|one, other| one < other) {
            matched.sort_unstable();
            matched.dedup();
        }
    }

    #[inline(always)]
    fn group(&self, key: u64) -> Option<&Group> {
        self.groups.get(number(key)).map(|group| &**group)
    }

    /// Whether any row may have the key.
    #[inline(always)]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        self.group(key).is_some_and(|group| group.may_have(key))
    }

    #[inline(always)]
    pub(crate) fn shard(&self, key: u64) -> Option<&Shard> {
        self.group(key)?.shard(key)
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
    pub(crate) fn change(&mut self, key: u64, change: impl FnOnce(&mut Shard)) {
        if let Some(group) = self.groups.get_mut(number(key)) {
            Arc::make_mut(group).change(key, change);
        }
    }

    /// All shards.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.groups.iter().flat_map(|group| group.shards())
    }

    pub(crate) fn bytes(&self) -> usize {
        let groups = self
            .groups
            .iter()
            .map(|group| group.bytes() / Arc::strong_count(group).max(1));
        groups.sum::<usize>() + self.paths.bytes() + self.lookups.bytes()
    }
}

/// Which group a key is in.
#[inline(always)]
fn number(key: u64) -> usize {
    (key >> 59) as usize % GROUPS
}
