//! Rows by key, in parts that are small enough to be copied for a change.

use std::sync::Arc;

/// A number that stands for no row.
const NONE: u32 = u32::MAX;

/// Bytes before the code of a row: the next row of its key, its subscription, and how long the code is.
const HEAD: usize = 12;

/// In the length of a row: its code stands in [`Shard::shared`].
const SHARED: u32 = 1 << 31;

/// The rows of some keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shard {
    /// Open addressing by tag; empty, or a power of two and at most three quarters full.
    slots: Vec<Slot>,
    /// Heads and code of rows, one after the other.
    rows: Vec<u8>,
    /// Code that several rows have in common.
    shared: Vec<Arc<[u8]>>,
    keys: usize,
    /// Bytes of rows that are gone.
    waste: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    first: u32,
}

const EMPTY: Slot = Slot { tag: 0, first: NONE };

/// The code of a row.
#[derive(Clone, Debug)]
pub(crate) enum Code {
    Own(Vec<u8>),
    Shared(Arc<[u8]>),
}

/// A row's head, and what comes after it.
#[derive(Clone, Copy)]
struct Row<'s> {
    next: u32,
    id: u32,
    /// Of the code, or [`SHARED`] and its number.
    length: u32,
    rest: &'s [u8],
}

impl Row<'_> {
    /// The number of the code, if it has that in common with other rows.
    #[inline(always)]
    fn shared(self) -> Option<usize> {
        (self.length & SHARED != 0).then_some((self.length & !SHARED) as usize)
    }
}

/// The rows of one key.
pub(crate) struct Chain<'s> {
    shard: &'s Shard,
    at: u32,
}

impl<'s> Iterator for Chain<'s> {
    /// The subscription and the code.
    type Item = (u32, &'s [u8]);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, &'s [u8])> {
        if self.at == NONE {
            return None;
        }
        let row = self.shard.row(self.at)?;
        self.at = row.next;
        Some((row.id, self.shard.code(row)?))
    }
}

impl Shard {
    /// The part of a key that shards tell keys apart by; other parts choose the shard.
    #[inline(always)]
    pub(crate) fn tag(key: u64) -> u32 {
        key as u32
    }

    #[inline(always)]
    fn start(&self, tag: u32) -> usize {
        tag.wrapping_mul(0x9e37_79b9).rotate_left(15) as usize & (self.slots.len().wrapping_sub(1))
    }

    /// The rows of a key, and perhaps those of others.
    #[inline(always)]
    pub(crate) fn chain(&self, hash: u64) -> Chain<'_> {
        self.chain_from(self.first(hash))
    }

    /// The first row of a key, for [`Shard::chain_from`].
    #[inline(always)]
    pub(crate) fn first(&self, hash: u64) -> u32 {
        let slot = self.find(Shard::tag(hash)).and_then(|at| self.slots.get(at));
        slot.map_or(NONE, |slot| slot.first)
    }

    #[inline(always)]
    pub(crate) fn chain_from(&self, at: u32) -> Chain<'_> {
        Chain { shard: self, at }
    }

    /// The first byte of a row: reading it brings the row near.
    #[inline(always)]
    pub(crate) fn touch(&self, at: u32) -> u8 {
        self.rows.get(at as usize).copied().unwrap_or_default()
    }

    /// The slot of a tag.
    #[inline(always)]
    fn find(&self, tag: u32) -> Option<usize> {
        let mut at = self.start(tag);
        loop {
            let slot = self.slots.get(at)?;
            if slot.first == NONE {
                return None;
            }
            if slot.tag == tag {
                return Some(at);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline(always)]
    fn row(&self, at: u32) -> Option<Row<'_>> {
        let row = self.rows.get(at as usize..)?;
        let (next, row) = row.split_first_chunk::<4>()?;
        let (id, row) = row.split_first_chunk::<4>()?;
        let (length, rest) = row.split_first_chunk::<4>()?;
        Some(Row {
            next: u32::from_le_bytes(*next),
            id: u32::from_le_bytes(*id),
            length: u32::from_le_bytes(*length),
            rest,
        })
    }

    #[inline(always)]
    fn code<'s>(&'s self, row: Row<'s>) -> Option<&'s [u8]> {
        match row.shared() {
            None => row.rest.get(..row.length as usize),
            Some(number) => self.shared.get(number).map(|code| &**code),
        }
    }

    pub(crate) fn insert(&mut self, hash: u64, id: u32, code: &Code) {
        if (self.keys + 1) * 4 > self.slots.len() * 3 {
            self.rebuild((self.slots.len() * 2).max(4));
        }
        let tag = Shard::tag(hash);
        let mut at = self.start(tag);
        while self
            .slots
            .get(at)
            .is_some_and(|slot| slot.first != NONE && slot.tag != tag)
        {
            at = (at + 1) & (self.slots.len() - 1);
        }
        let row = self.rows.len() as u32;
        let Some(slot) = self.slots.get_mut(at) else { return };
        self.keys += usize::from(slot.first == NONE);
        let next = std::mem::replace(slot, Slot { tag, first: row }).first;
        let length = match code {
            Code::Own(code) => code.len() as u32,
            Code::Shared(code) => {
                self.shared.push(Arc::clone(code));
                (self.shared.len() as u32 - 1) | SHARED
            }
        };
        let own: &[u8] = if let Code::Own(code) = code { code } else { &[] };
        let needed = HEAD + own.len();
        if self.rows.capacity() - self.rows.len() < needed {
            // Doubling would leave a quarter of the index empty.
            self.rows.reserve_exact(needed.max(self.rows.len() / 4));
        }
        for head in [next, id, length] {
            self.rows.extend_from_slice(&head.to_le_bytes());
        }
        self.rows.extend_from_slice(own);
    }

    /// Removes all rows of the subscription that have this key.
    pub(crate) fn remove(&mut self, hash: u64, id: u32) {
        let Some(slot) = self.find(Shard::tag(hash)) else {
            return;
        };
        let mut at = self.slots.get(slot).map_or(NONE, |slot| slot.first);
        let mut before = None;
        while let Some(row) = self.row(at).filter(|_| at != NONE) {
            let (next, gone) = (row.next, row.id == id);
            if gone {
                self.waste += HEAD + row.shared().map_or(row.length as usize, |_| 0);
                match before {
                    None => {
                        if let Some(slot) = self.slots.get_mut(slot) {
                            slot.first = next;
                        }
                    }
                    Some(before) => self.set_next(before, next),
                }
            } else {
                before = Some(at);
            }
            at = next;
        }
        if self.slots.get(slot).is_some_and(|slot| slot.first == NONE) {
            self.keys -= 1;
            self.close(slot);
        }
        if self.waste * 2 > self.rows.len() {
            self.rebuild(self.slots.len());
        }
    }

    fn set_next(&mut self, row: u32, next: u32) {
        if let Some(bytes) = self.rows.get_mut(row as usize..row as usize + 4) {
            bytes.copy_from_slice(&next.to_le_bytes());
        }
    }

    /// Moves what comes after an emptied slot to where it is found again.
    fn close(&mut self, slot: usize) {
        let mask = self.slots.len() - 1;
        let mut hole = slot;
        let mut at = (slot + 1) & mask;
        while let Some(&found) = self.slots.get(at).filter(|slot| slot.first != NONE) {
            let home = self.start(found.tag);
            // Whether the hole lies on the way from its home to where it stands.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                if let Some(hole) = self.slots.get_mut(hole) {
                    *hole = found;
                }
                hole = at;
            }
            at = (at + 1) & mask;
        }
        if let Some(hole) = self.slots.get_mut(hole) {
            *hole = EMPTY;
        }
    }

    /// Writes everything anew, with that many slots; what shares a key then stands together.
    fn rebuild(&mut self, slots: usize) {
        let mut whole = Shard {
            slots: vec![EMPTY; slots],
            ..Shard::default()
        };
        whole.rows.reserve_exact(self.rows.len() - self.waste);
        for slot in self.slots.iter().filter(|slot| slot.first != NONE) {
            let mut rows = Vec::new();
            let mut at = slot.first;
            while let Some(row) = self.row(at).filter(|_| at != NONE) {
                rows.push(row);
                at = row.next;
            }
            // Rows are put before those that are there.
            for row in rows.into_iter().rev() {
                let code = match row.shared().and_then(|number| self.shared.get(number)) {
                    Some(shared) => Code::Shared(Arc::clone(shared)),
                    None => Code::Own(self.code(row).unwrap_or_default().to_vec()),
                };
                whole.insert(slot.tag.into(), row.id, &code);
            }
        }
        *self = whole;
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> usize {
        self.keys
    }

    /// What of each key's hash chooses its slot.
    pub(crate) fn tags(&self) -> impl Iterator<Item = u32> {
        let used = self.slots.iter().filter(|slot| slot.first != NONE);
        used.map(|slot| slot.tag)
    }

    pub(crate) fn bytes(&self) -> usize {
        let shared: usize = self
            .shared
            .iter()
            .map(|code| code.len() / Arc::strong_count(code))
            .sum();
        self.slots.capacity() * size_of::<Slot>()
            + self.rows.capacity()
            + self.shared.capacity() * size_of::<Arc<[u8]>>()
            + shared
            + size_of::<Shard>()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Against a map of lists: many keys, some of them with one tag, rows of both kinds, taken out in another order.
    #[test]
    fn is_a_map_of_lists() {
        let mut random = 1_u64;
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            random >> 33
        };
        let shared: Arc<[u8]> = vec![7; 100].into();
        let mut shard = Shard::default();
        let mut model: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for id in 0..2000_u32 {
            let hash = next() % 300;
            if next() % 3 == 0 && !model.is_empty() {
                let keys: Vec<u64> = model.keys().copied().collect();
                let key = keys.get(next() as usize % keys.len()).copied().unwrap();
                let ids = model.get_mut(&key).unwrap();
                let gone = ids.remove(next() as usize % ids.len());
                if ids.is_empty() {
                    model.remove(&key);
                }
                shard.remove(key, gone);
            }
            let code = if id % 5 == 0 {
                Code::Shared(shared.clone())
            } else {
                Code::Own(id.to_le_bytes().to_vec())
            };
            shard.insert(hash, id, &code);
            model.entry(hash).or_default().push(id);
            for key in 0..300 {
                let mut found: Vec<u32> = shard.chain(key).map(|(id, _)| id).collect();
                found.sort_unstable();
                assert_eq!(found, model.get(&key).cloned().unwrap_or_default(), "{key}");
            }
        }
        for (id, code) in (0..300).flat_map(|key| shard.chain(key)) {
            let expected: &[u8] = if id % 5 == 0 { &shared } else { &id.to_le_bytes() };
            assert_eq!(code, expected);
        }
        for (key, ids) in model {
            ids.into_iter().for_each(|id| shard.remove(key, id));
        }
        assert!((0..300).all(|key| shard.chain(key).next().is_none()));
        assert!(shard.rows.is_empty() && shard.keys == 0);
    }
}
