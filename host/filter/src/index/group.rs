//! Some of the shards, behind a filter that tells which keys they do not have.

use std::sync::Arc;

use super::shard::Shard;

/// Shards in a group.
const FAN: usize = 32;
/// Bits of the filter for each key, at least. Two of them are set, so about one key in sixty is looked for in vain.
const BITS: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct Group {
    shards: Vec<Arc<Shard>>,
    /// Two bits in one word for each key; a power of two.
    filter: Vec<u64>,
    /// Of all shards.
    keys: usize,
    /// Keys that are gone and still in the filter.
    gone: usize,
}

impl Default for Group {
    fn default() -> Group {
        let shard = Arc::new(Shard::default());
        Group {
            shards: vec![shard; FAN],
            filter: vec![0; 1],
            keys: 0,
            gone: 0,
        }
    }
}

/// Where the shard of a key is. Groups are told apart by higher bits.
#[inline(always)]
fn number(key: u64) -> usize {
    (key >> 54) as usize % FAN
}

/// The word of the filter, before it is cut to the filter's size, and its two bits.
#[inline(always)]
fn bits(tag: u32) -> (usize, u64) {
    let mixed = u64::from(tag).wrapping_mul(0x9fb2_1c65_1e98_df25);
    ((mixed >> 12) as usize, 1 << (mixed >> 58) | 1 << (mixed >> 52 & 63))
}

impl Group {
    /// Whether any row may have the key.
    #[inline(always)]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        let (word, bits) = bits(Shard::tag(key));
        let word = self.filter.get(word & (self.filter.len() - 1));
        word.is_some_and(|word| word & bits == bits)
    }

    #[inline(always)]
    pub(crate) fn shard(&self, key: u64) -> Option<&Shard> {
        self.shards.get(number(key)).map(|shard| &**shard)
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().map(|shard| &**shard)
    }

    /// Changes the shard that a key is in.
    pub(crate) fn change(&mut self, key: u64, change: impl FnOnce(&mut Shard)) {
        let Some(shard) = self.shards.get_mut(number(key)).map(Arc::make_mut) else {
            return;
        };
        let before = shard.keys();
        change(shard);
        let after = shard.keys();
        self.keys = self.keys + after - before;
        self.gone += before.saturating_sub(after);
        if self.keys * BITS > self.filter.len() * 64 || self.gone * 4 > self.filter.len() {
            self.make_filter();
        } else if after >= before {
            self.set(Shard::tag(key));
        }
    }

    fn make_filter(&mut self) {
        self.gone = 0;
        self.filter = vec![0; (self.keys * BITS * 2).div_ceil(64).next_power_of_two()];
        let tags: Vec<u32> = self.shards().flat_map(Shard::tags).collect();
        tags.into_iter().for_each(|tag| self.set(tag));
    }

    fn set(&mut self, tag: u32) {
        let (word, bits) = bits(tag);
        let last = self.filter.len() - 1;
        if let Some(word) = self.filter.get_mut(word & last) {
            *word |= bits;
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let shards = self
            .shards
            .iter()
            .map(|shard| shard.bytes() / Arc::strong_count(shard).max(1));
        shards.sum::<usize>() + self.filter.capacity() * 8 + self.shards.capacity() * size_of::<usize>()
    }
}
