//! What is looked up of each event: aspects of the values at paths, alone and in pairs.

use super::aspect::{Aspect, fold};
use super::paths::Path;

pub(crate) const NONE: u32 = u32::MAX;

/// Rows of a broad aspect that share a key; more of them are spread over several.
const SPREAD: u32 = 256;

/// All lookups, in flat lists, so that copying them for a change is quick.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookups {
    lookups: Vec<Lookup>,
    pairs: Vec<Pair>,
    /// By path: the first lookup, and how many compare numbers.
    first: Vec<(u32, u32)>,
    free: Vec<u32>,
    free_pairs: Vec<u32>,
}

/// An aspect of the values at a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(crate) path: Path,
    pub(crate) aspect: Aspect,
    /// The next lookup of the same path.
    pub(crate) next: u32,
    pub(crate) first_pair: u32,
    /// How many pairs it is in.
    pub(crate) pairs: u32,
    /// How many rows are found by this alone.
    pub(crate) singles: u32,
    /// Over how many keys rows are spread that would have the same.
    pub(crate) spread: u32,
    /// How many rows and pairs need it.
    uses: u32,
    seed: u64,
}

/// Two lookups at once: rows that neither tells well enough apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) one: u32,
    pub(crate) other: u32,
    /// The next pair of `one`.
    pub(crate) next: u32,
    pub(crate) meeting: Meeting,
    uses: u32,
}

/// What two values must share, if a row is to be found by both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// They are one value, of which two aspects are looked up.
    Same,
    /// They are in one object at this path, which for the event itself is no condition.
    At(Path),
}

impl Lookup {
    /// The key of a hash in this aspect at this path.
    #[inline(always)]
    pub(crate) fn key(&self, hash: u64) -> u64 {
        seeded(self.seed, hash)
    }
}

/// The key of two keys, in whichever order.
#[inline(always)]
pub(crate) fn pair_key(one: u64, other: u64) -> u64 {
    fold(
        one.min(other) ^ 0xa076_1d64_78bd_642f,
        one.max(other).rotate_left(23) ^ 0xe703_7ed1_a0b4_28db,
    )
}

/// One of several keys for what would have the same.
#[inline(always)]
pub(crate) fn spread_key(key: u64, part: u32) -> u64 {
    if part == 0 {
        key
    } else {
        fold(key ^ u64::from(part), 0x8ebc_6af0_9c88_c6e3)
    }
}

impl Lookups {
    #[inline(always)]
    pub(crate) fn get(&self, lookup: u32) -> Option<&Lookup> {
        self.lookups.get(lookup as usize)
    }

    #[inline(always)]
    pub(crate) fn pair(&self, pair: u32) -> Option<&Pair> {
        self.pairs.get(pair as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.lookups.len()
    }

    /// The first lookup of a path.
    #[inline(always)]
    pub(crate) fn first(&self, path: Path) -> u32 {
        self.first.get(path as usize).map_or(NONE, |(first, _)| *first)
    }

    /// Whether numbers are looked up at the path.
    #[inline(always)]
    pub(crate) fn is_numeric(&self, path: Path) -> bool {
        self.first.get(path as usize).is_some_and(|(_, numeric)| *numeric > 0)
    }

    pub(crate) fn find(&self, path: Path, aspect: Aspect) -> Option<u32> {
        let mut at = self.first(path);
        while let Some(lookup) = self.get(at) {
            if lookup.aspect == aspect {
                return Some(at);
            }
            at = lookup.next;
        }
        None
    }

    /// What [`Lookup::key`] would say, whether or not there is such a lookup.
    pub(crate) fn key(path: Path, aspect: Aspect, hash: u64) -> u64 {
        seeded(seed(path, aspect), hash)
    }

    fn make(&mut self, path: Path, aspect: Aspect) -> u32 {
        if let Some(found) = self.find(path, aspect) {
            return found;
        }
        if self.first.len() <= path as usize {
            self.first.resize(path as usize + 1, (NONE, 0));
        }
        let made = Lookup {
            path,
            aspect,
            next: self.first(path),
            first_pair: NONE,
            pairs: 0,
            singles: 0,
            spread: 1,
            uses: 0,
            seed: seed(path, aspect),
        };
        let at = put(&mut self.lookups, &mut self.free, made);
        if let Some((first, numeric)) = self.first.get_mut(path as usize) {
            *first = at;
            *numeric += u32::from(aspect.is_numeric());
        }
        at
    }

    /// Notes that a row is found by this alone, until [`Lookups::release`].
    pub(crate) fn keep(&mut self, path: Path, aspect: Aspect) -> u32 {
        let at = self.make(path, aspect);
        if let Some(lookup) = self.lookups.get_mut(at as usize) {
            lookup.singles += 1;
            lookup.uses += 1;
            if aspect.is_broad() {
                lookup.spread = lookup.spread.max(lookup.singles / SPREAD + 1);
            }
        }
        at
    }

    pub(crate) fn release(&mut self, at: u32) {
        if let Some(lookup) = self.lookups.get_mut(at as usize) {
            lookup.singles -= 1;
        }
        self.unuse(at);
    }

    /// The pair of two lookups, if there is one.
    pub(crate) fn find_pair(&self, one: (Path, Aspect), other: (Path, Aspect)) -> Option<u32> {
        let (one, other) = (self.find(one.0, one.1)?, self.find(other.0, other.1)?);
        self.pair_of(one, other).or_else(|| self.pair_of(other, one))
    }

    fn pair_of(&self, one: u32, other: u32) -> Option<u32> {
        let mut at = self.get(one)?.first_pair;
        while let Some(pair) = self.pair(at) {
            if pair.other == other {
                return Some(at);
            }
            at = pair.next;
        }
        None
    }

    /// Notes that a row is found by two at once, until [`Lookups::release_pair`].
    pub(crate) fn keep_pair(&mut self, one: (Path, Aspect), other: (Path, Aspect), meeting: Meeting) -> u32 {
        let at = match self.find_pair(one, other) {
            Some(at) => at,
            None => {
                let (one, other) = (self.make(one.0, one.1), self.make(other.0, other.1));
                // An event goes through the pairs of all that it has: what is in few pairs is likely to be rare.
                let pairs = |at| self.get(at).map_or(0, |lookup| lookup.pairs);
                let (one, other) = if pairs(other) < pairs(one) {
                    (other, one)
                } else {
                    (one, other)
                };
                let made = Pair {
                    one,
                    other,
                    next: self.get(one).map_or(NONE, |lookup| lookup.first_pair),
                    meeting,
                    uses: 0,
                };
                let at = put(&mut self.pairs, &mut self.free_pairs, made);
                for lookup in [one, other] {
                    if let Some(lookup) = self.lookups.get_mut(lookup as usize) {
                        lookup.uses += 1;
                        lookup.pairs += 1;
                    }
                }
                if let Some(one) = self.lookups.get_mut(one as usize) {
                    one.first_pair = at;
                }
                at
            }
        };
        if let Some(pair) = self.pairs.get_mut(at as usize) {
            pair.uses += 1;
        }
        at
    }

    pub(crate) fn release_pair(&mut self, at: u32) {
        let Some(pair) = self.pairs.get_mut(at as usize) else {
            return;
        };
        pair.uses -= 1;
        if pair.uses > 0 {
            return;
        }
        let gone = *pair;
        let first = self.get(gone.one).map_or(NONE, |lookup| lookup.first_pair);
        let before = before(first, at, |pair| self.pair(pair).map(|pair| pair.next));
        match self.pairs.get_mut(before as usize) {
            Some(before) => before.next = gone.next,
            None => {
                if let Some(one) = self.lookups.get_mut(gone.one as usize) {
                    one.first_pair = gone.next;
                }
            }
        }
        self.free_pairs.push(at);
        for lookup in [gone.one, gone.other] {
            if let Some(lookup) = self.lookups.get_mut(lookup as usize) {
                lookup.pairs -= 1;
            }
        }
        self.unuse(gone.one);
        self.unuse(gone.other);
    }

    /// Forgets a lookup that nothing needs any more.
    fn unuse(&mut self, at: u32) {
        let Some(lookup) = self.lookups.get_mut(at as usize) else {
            return;
        };
        lookup.uses -= 1;
        if lookup.uses > 0 {
            return;
        }
        let gone = *lookup;
        let before = before(self.first(gone.path), at, |lookup| {
            self.get(lookup).map(|lookup| lookup.next)
        });
        if let Some(before) = self.lookups.get_mut(before as usize) {
            before.next = gone.next;
        }
        if let Some((first, numeric)) = self.first.get_mut(gone.path as usize) {
            if before == NONE {
                *first = gone.next;
            }
            *numeric -= u32::from(gone.aspect.is_numeric());
        }
        self.free.push(at);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.lookups.capacity() * size_of::<Lookup>()
            + self.pairs.capacity() * size_of::<Pair>()
            + self.first.capacity() * size_of::<(u32, u32)>()
    }
}

/// The one before `at` in a list that begins with `first`; `NONE` if it is the first itself.
fn before(first: u32, at: u32, next: impl Fn(u32) -> Option<u32>) -> u32 {
    let (mut before, mut place) = (NONE, first);
    while place != at {
        before = place;
        place = next(place).unwrap_or(at);
    }
    before
}

#[inline(always)]
fn seeded(seed: u64, hash: u64) -> u64 {
    fold(hash ^ seed, 0x9fb2_1c65_1e98_df25)
}

fn seed(path: Path, aspect: Aspect) -> u64 {
    fold(
        u64::from(path) << 32 ^ aspect.tag() ^ 0x2d35_8dcc_aa6c_78a5,
        0x9e37_79b9_7f4a_7c15,
    )
}

fn put<T>(list: &mut Vec<T>, free: &mut Vec<u32>, made: T) -> u32 {
    match free.pop() {
        Some(at) => {
            if let Some(place) = list.get_mut(at as usize) {
                *place = made;
            }
            at
        }
        None => {
            list.push(made);
            list.len() as u32 - 1
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(lookups: &Lookups, path: Path) -> Vec<Aspect> {
        let mut at = lookups.first(path);
        let mut all = Vec::new();
        while let Some(lookup) = lookups.get(at) {
            all.push(lookup.aspect);
            at = lookup.next;
        }
        all
    }

    #[test]
    fn lookups_stay_as_long_as_anything_needs_them() {
        let mut lookups = Lookups::default();
        let text = lookups.keep(3, Aspect::Text);
        assert_eq!(lookups.keep(3, Aspect::Text), text);
        let prefix = lookups.keep(3, Aspect::Prefix(2));
        let pair = lookups.keep_pair((3, Aspect::Text), (5, Aspect::Number), Meeting::At(0));
        let second = lookups.keep_pair((3, Aspect::Text), (6, Aspect::Number), Meeting::At(0));
        assert_eq!(of(&lookups, 3), [Aspect::Prefix(2), Aspect::Text]);
        lookups.release(text);
        lookups.release(text);
        lookups.release(prefix);
        assert_eq!(of(&lookups, 3), [Aspect::Text], "pairs need it");
        assert_eq!(lookups.find_pair((3, Aspect::Text), (5, Aspect::Number)), Some(pair));
        lookups.release_pair(pair);
        assert!(of(&lookups, 5).is_empty());
        assert_eq!(
            lookups.find_pair((6, Aspect::Number), (3, Aspect::Text)),
            Some(second),
            "in either order"
        );
        lookups.release_pair(second);
        assert!(of(&lookups, 3).is_empty() && of(&lookups, 6).is_empty());
        lookups.keep(9, Aspect::Literal);
        assert_eq!(lookups.len(), 4, "numbers are used again");
    }

    #[test]
    fn broad_aspects_are_spread() {
        let mut lookups = Lookups::default();
        let at = (0..1000).map(|_| lookups.keep(1, Aspect::Present)).last().unwrap();
        assert_eq!(lookups.get(at).unwrap().spread, 4);
        let at = (0..1000).map(|_| lookups.keep(1, Aspect::Text)).last().unwrap();
        assert_eq!(lookups.get(at).unwrap().spread, 1);
    }
}
