//! What of a value the index looks up, and the keys that it comes to.
//!
//! A key never decides; it only has to be the same for a matcher and for every value that it matches. What shares a key
//! is checked in full afterwards.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use foldhash::fast::FixedState;
use ipnet::IpNet;

use crate::level::Level;
use crate::matcher::{Leaf, Matcher};
use crate::number::{Bounds, Exact};
use crate::text::{Caseless, Wildcard};

use super::tape::Value;

/// A part or property of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Aspect {
    /// Text as it is.
    Text,
    /// Text with its ASCII letters in lower case.
    Folded,
    /// The first bytes of text.
    Prefix(u8),
    PrefixFolded(u8),
    /// The last bytes of text.
    Suffix(u8),
    SuffixFolded(u8),
    /// Every run of so many bytes of text.
    Gram(u8),
    Number,
    /// The cell of 2^level numbers, on the [`scale`], in which a number lies.
    Cell(u8),
    /// Whether a number may be above a bound in this part of the scale.
    Above(u16),
    Below(u16),
    /// `null`, `true` or `false`.
    Literal,
    /// The first bits of an address.
    Cidr4(u8),
    Cidr6(u8),
    /// Whether a scalar is there at all.
    Present,
}

/// An aspect, and what it must be: one number for it, not yet mixed with the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) aspect: Aspect,
    pub(crate) hash: u64,
}

/// One way to find a leaf: whatever matches it has one of the keys.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) keys: Vec<Key>,
    /// How little the keys tell; 0 is best.
    pub(crate) rank: u8,
}

/// Most bytes of a beginning or end that are looked up.
const LONGEST: usize = 64;
/// Lengths that beginnings and ends are cut to where that tells enough, so that a path has few of them to look up.
const LENGTHS: [u8; 8] = [1, 2, 3, 4, 6, 8, 12, 16];
/// Lengths of runs inside texts; each is one pass over every text.
const GRAMS: [u8; 5] = [8, 4, 3, 2, 1];
/// How many runs of a text are offered to be found by.
const RUNS: usize = 6;

/// The rank from which on keys do not tell values apart.
pub(crate) const BROAD: u8 = 5;

impl Aspect {
    fn rank(self) -> u8 {
        match self {
            Aspect::Text | Aspect::Number | Aspect::Folded => 0,
            Aspect::Prefix(length) | Aspect::Suffix(length) if length > 2 => 1,
            Aspect::PrefixFolded(length) | Aspect::SuffixFolded(length) if length > 2 => 1,
            Aspect::Cell(_) | Aspect::Cidr4(_) | Aspect::Cidr6(_) => 2,
            Aspect::Gram(length) if length > 2 => 2,
            Aspect::Prefix(_) | Aspect::Suffix(_) | Aspect::PrefixFolded(_) | Aspect::SuffixFolded(_) => 3,
            Aspect::Literal => 3,
            Aspect::Gram(_) => 4,
            Aspect::Above(_) | Aspect::Below(_) => BROAD,
            Aspect::Present => BROAD + 1,
        }
    }

    /// Whether a value has at most one key, so that keys of two leaves can be looked up as one.
    pub(crate) fn pairs(self) -> bool {
        !matches!(
            self,
            Aspect::Gram(_) | Aspect::Above(_) | Aspect::Below(_) | Aspect::Present
        )
    }

    /// Whether the key is the same for very many values.
    pub(crate) fn is_broad(self) -> bool {
        matches!(
            self,
            Aspect::Above(_) | Aspect::Below(_) | Aspect::Present | Aspect::Literal
        )
    }

    /// Whether all values that have a key have the same one.
    pub(crate) fn is_constant(self) -> bool {
        matches!(self, Aspect::Above(_) | Aspect::Below(_) | Aspect::Present)
    }

    pub(crate) fn is_numeric(self) -> bool {
        matches!(
            self,
            Aspect::Number | Aspect::Cell(_) | Aspect::Above(_) | Aspect::Below(_)
        )
    }

    /// A number that no other aspect has.
    pub(crate) fn tag(self) -> u64 {
        let (kind, detail): (u64, u16) = match self {
            Aspect::Text => (1, 0),
            Aspect::Folded => (2, 0),
            Aspect::Prefix(length) => (3, length.into()),
            Aspect::PrefixFolded(length) => (4, length.into()),
            Aspect::Suffix(length) => (5, length.into()),
            Aspect::SuffixFolded(length) => (6, length.into()),
            Aspect::Gram(length) => (7, length.into()),
            Aspect::Number => (8, 0),
            Aspect::Cell(level) => (9, level.into()),
            Aspect::Above(part) => (10, part),
            Aspect::Below(part) => (11, part),
            Aspect::Literal => (12, 0),
            Aspect::Cidr4(bits) => (13, bits.into()),
            Aspect::Cidr6(bits) => (14, bits.into()),
            Aspect::Present => (15, 0),
        };
        kind << 16 | u64::from(detail)
    }

    /// Calls `each` with the hash of every key that a value has in this aspect.
    #[inline]
    pub(crate) fn of_value(self, value: Value<'_>, mut each: impl FnMut(u64)) {
        match (self, value) {
            (Aspect::Present, _) => each(0),
            (Aspect::Text, Value::Text(text)) => each(hash(text)),
            (Aspect::Folded, Value::Text(text)) => each(hash_folded(text)),
            (Aspect::Prefix(length), Value::Text(text)) => {
                if let Some(part) = text.get(..length.into()) {
                    each(hash(part));
                }
            }
            (Aspect::PrefixFolded(length), Value::Text(text)) => {
                if let Some(part) = text.get(..length.into()) {
                    each(hash_folded(part));
                }
            }
            (Aspect::Suffix(length), Value::Text(text)) => {
                if let Some(part) = last(text, length) {
                    each(hash(part));
                }
            }
            (Aspect::SuffixFolded(length), Value::Text(text)) => {
                if let Some(part) = last(text, length) {
                    each(hash_folded(part));
                }
            }
            (Aspect::Gram(length), Value::Text(text)) => text.windows(length.into()).for_each(|part| each(hash(part))),
            (Aspect::Number, Value::Number(Some(number))) => each(number.nearest().to_bits()),
            (Aspect::Cell(level), Value::Number(Some(number))) => each(scale(number) >> level),
            (Aspect::Above(part), Value::Number(Some(number))) if scale_part(number) >= part => each(0),
            (Aspect::Below(part), Value::Number(Some(number))) if scale_part(number) <= part => each(0),
            (Aspect::Literal, Value::Null) => each(2),
            (Aspect::Literal, Value::Bool(flag)) => each(flag.into()),
            (Aspect::Cidr4(bits), Value::Text(text)) => {
                if let Some(IpAddr::V4(address)) = address(text) {
                    each(first_bits(u128::from(address.to_bits()) << 96, bits));
                }
            }
            (Aspect::Cidr6(bits), Value::Text(text)) => {
                if let Some(IpAddr::V6(address)) = address(text) {
                    each(first_bits(address.to_bits(), bits));
                }
            }
            _ => {}
        }
    }
}

/// The ways to find the leaf, the best first; none where it also holds for what is absent.
pub(crate) fn accesses(leaf: &Leaf) -> Vec<Access> {
    if leaf.or_absent {
        return Vec::new();
    }
    let mut items = leaf.any.iter().map(of_matcher);
    let mut accesses = match (items.next(), leaf.any.len()) {
        (Some(accesses), 1) => accesses,
        (Some(first), _) => {
            // Each item is found in its best way.
            let best = std::iter::once(first).chain(items).filter_map(|mut accesses| {
                accesses.sort_by_key(|access| access.rank);
                accesses.into_iter().next()
            });
            let whole = best.reduce(|mut all, access| {
                all.keys.extend(access.keys);
                all.rank = all.rank.max(access.rank);
                all
            });
            whole.into_iter().collect()
        }
        _ => Vec::new(),
    };
    for access in &mut accesses {
        access.keys.sort_by_key(|key| (key.aspect.tag(), key.hash));
        access.keys.dedup();
    }
    accesses.sort_by_key(|access| access.rank);
    accesses
}

fn one(aspect: Aspect, hash: u64) -> Vec<Access> {
    vec![of_keys(vec![Key { aspect, hash }])]
}

fn of_keys(keys: Vec<Key>) -> Access {
    let rank = keys.iter().map(|key| key.aspect.rank()).max().unwrap_or_default();
    Access { keys, rank }
}

fn of_matcher(matcher: &Matcher) -> Vec<Access> {
    match matcher {
        Matcher::Null => one(Aspect::Literal, 2),
        Matcher::Bool(flag) => one(Aspect::Literal, (*flag).into()),
        Matcher::Text(text) => one(Aspect::Text, hash(text.as_bytes())),
        Matcher::Number(number) => one(Aspect::Number, number.exact().nearest().to_bits()),
        Matcher::Exists | Matcher::AnythingBut(_) => one(Aspect::Present, 0),
        Matcher::Prefix(text) => PREFIX.accesses(text.as_bytes()),
        Matcher::PrefixIgnoreCase(text) => PREFIX_FOLDED.accesses(ascii_head(text)),
        Matcher::Suffix(text) => SUFFIX.accesses(text.as_bytes()),
        Matcher::SuffixIgnoreCase(text) => SUFFIX_FOLDED.accesses(ascii_tail(text)),
        Matcher::EqualsIgnoreCase(text) if text.text().is_ascii() => {
            one(Aspect::Folded, hash_folded(text.text().as_bytes()))
        }
        // Other letters may fit in several spellings, of which no one is the same for all.
        Matcher::EqualsIgnoreCase(text) => {
            let mut accesses = PREFIX_FOLDED.accesses(ascii_head(text));
            accesses.extend(SUFFIX_FOLDED.accesses(ascii_tail(text)));
            accesses
        }
        Matcher::Wildcard(wildcard) => of_wildcard(wildcard),
        Matcher::Numeric(bounds) => vec![of_bounds(bounds)],
        Matcher::Cidr(network) => one_network(network),
        Matcher::AtLeast(level) => vec![of_levels(|other| other >= *level)],
        Matcher::AtMost(level) => vec![of_levels(|other| other <= *level)],
        // Each of its items must be matched by something, so any one will do.
        Matcher::All(matchers) => {
            let all = matchers.iter().flat_map(of_matcher);
            all.min_by_key(|access| access.rank).into_iter().collect()
        }
    }
}

fn of_wildcard(wildcard: &Wildcard) -> Vec<Access> {
    let Some(last) = wildcard.last() else {
        return one(Aspect::Text, hash(wildcard.first().as_bytes()));
    };
    let mut accesses = Vec::new();
    if !wildcard.first().is_empty() {
        accesses.extend(PREFIX.accesses(wildcard.first().as_bytes()));
    }
    if !last.is_empty() {
        accesses.extend(SUFFIX.accesses(last.as_bytes()));
    }
    if let Some(longest) = wildcard.middle().iter().max_by_key(|part| part.len()) {
        accesses.extend(runs(longest.as_bytes()));
    }
    if accesses.is_empty() {
        accesses = one(Aspect::Present, 0);
    }
    accesses
}

fn of_bounds(bounds: &Bounds) -> Access {
    let low = bounds.low.as_ref().map(|bound| bound.number.exact());
    let high = bounds.high.as_ref().map(|bound| bound.number.exact());
    let key = |aspect, hash| Key { aspect, hash };
    of_keys(match (low, high) {
        (Some(low), Some(high)) => {
            let (low, high) = (scale(low), scale(high));
            // Cells at least as large as the range, so that it touches two at most; every third size, so that there
            // are few sizes.
            let level = (u64::BITS - (high - low).leading_zeros())
                .next_multiple_of(3)
                .min(u64::BITS - 1);
            let aspect = Aspect::Cell(level as u8);
            let (first, last) = (low >> level, high >> level);
            let mut keys = vec![key(aspect, first)];
            if last != first {
                keys.push(key(aspect, last));
            }
            keys
        }
        (Some(low), None) => vec![key(Aspect::Above(scale_part(low)), 0)],
        (None, Some(high)) => vec![key(Aspect::Below(scale_part(high)), 0)],
        (None, None) => vec![key(Aspect::Present, 0)],
    })
}

fn one_network(network: &IpNet) -> Vec<Access> {
    let bits = network.prefix_len();
    match network {
        _ if bits == 0 => one(Aspect::Present, 0),
        IpNet::V4(network) => {
            let address = u128::from(network.network().to_bits()) << 96;
            one(Aspect::Cidr4(bits), first_bits(address, bits))
        }
        IpNet::V6(network) => one(Aspect::Cidr6(bits), first_bits(network.network().to_bits(), bits)),
    }
}

fn of_levels(wanted: impl Fn(Level) -> bool) -> Access {
    let names = Level::NAMES
        .iter()
        .filter(|name| Level::parse(name).is_some_and(&wanted));
    of_keys(
        names
            .map(|name| Key {
                aspect: Aspect::Text,
                hash: hash(name.as_bytes()),
            })
            .collect(),
    )
}

/// Part of a text, of a length that fits.
struct Affix {
    aspect: fn(u8) -> Aspect,
    part: fn(&[u8], u8) -> Option<&[u8]>,
    hash: fn(&[u8]) -> u64,
}

const PREFIX: Affix = Affix {
    aspect: Aspect::Prefix,
    part: first,
    hash,
};
const PREFIX_FOLDED: Affix = Affix {
    aspect: Aspect::PrefixFolded,
    part: first,
    hash: hash_folded,
};
const SUFFIX: Affix = Affix {
    aspect: Aspect::Suffix,
    part: last,
    hash,
};
const SUFFIX_FOLDED: Affix = Affix {
    aspect: Aspect::SuffixFolded,
    part: last,
    hash: hash_folded,
};

impl Affix {
    /// By the whole of it, and by as much as has one of the common lengths.
    fn accesses(&self, text: &[u8]) -> Vec<Access> {
        let whole = text.len().min(LONGEST) as u8;
        let common = LENGTHS.iter().rev().copied().find(|length| *length <= whole);
        let mut lengths: Vec<u8> = common.into_iter().chain((whole > 0).then_some(whole)).collect();
        lengths.dedup();
        let keys = lengths.into_iter().filter_map(|length| {
            let hash = (self.hash)((self.part)(text, length)?);
            Some(one((self.aspect)(length), hash))
        });
        let accesses: Vec<Access> = keys.flatten().collect();
        if accesses.is_empty() {
            one(Aspect::Present, 0)
        } else {
            accesses
        }
    }
}

/// Runs inside a text, from all over it.
fn runs(text: &[u8]) -> Vec<Access> {
    let Some(length) = GRAMS.iter().find(|length| usize::from(**length) <= text.len()) else {
        return Vec::new();
    };
    let windows: Vec<&[u8]> = text.windows((*length).into()).collect();
    let step = windows.len().div_ceil(RUNS).max(1);
    let chosen = windows.into_iter().step_by(step);
    chosen.flat_map(|run| one(Aspect::Gram(*length), hash(run))).collect()
}

fn first(text: &[u8], length: u8) -> Option<&[u8]> {
    text.get(..length.into())
}

fn last(text: &[u8], length: u8) -> Option<&[u8]> {
    text.get(text.len().checked_sub(length.into())?..)
}

/// What of a text that is compared without case stands before anything but ASCII, whose letters have two cases only.
fn ascii_head(text: &Caseless) -> &[u8] {
    let bytes = text.text().as_bytes();
    let end = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
    bytes.get(..end).unwrap_or_default()
}

fn ascii_tail(text: &Caseless) -> &[u8] {
    let bytes = text.text().as_bytes();
    let start = bytes
        .iter()
        .rposition(|byte| !byte.is_ascii())
        .map_or(0, |last| last + 1);
    bytes.get(start..).unwrap_or_default()
}

pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    // The longest spelling of an address has 45 bytes.
    std::str::from_utf8(text.get(..).filter(|text| text.len() <= 45)?)
        .ok()?
        .parse()
        .ok()
}

fn first_bits(address: u128, bits: u8) -> u64 {
    let first = address >> (128 - u32::from(bits.clamp(1, 128)));
    fold(
        first as u64 ^ 0x9e37_79b9_7f4a_7c15,
        (first >> 64) as u64 ^ 0xd6e8_feb8_6659_fd93,
    )
}

#[inline(always)]
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

/// As [`hash`], of the bytes with ASCII letters in lower case, a few at a time so that nothing is allocated.
fn hash_folded(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(1).build_hasher();
    let mut part = [0; 32];
    for bytes in bytes.chunks(part.len()) {
        let Some(part) = part.get_mut(..bytes.len()) else {
            continue;
        };
        part.copy_from_slice(bytes);
        part.make_ascii_lowercase();
        hasher.write(part);
    }
    hasher.finish()
}

/// Mixes two numbers into one, each bit of which depends on all of theirs.
#[inline(always)]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Where a number lies on a scale of whole numbers; a greater number never lies lower. Even up to one, and beyond it
/// as even as `f64` is: so that ranges that begin at zero are not half of the scale.
fn scale(number: Exact) -> u64 {
    const MIDDLE: u64 = 1 << 63;
    let number = number.nearest();
    let away = (number.abs() + 1.0).to_bits() - 1.0_f64.to_bits();
    if number < 0.0 { MIDDLE - 1 - away } else { MIDDLE + away }
}

/// A part of the scale, of which there are sixteen for each power of two.
fn scale_part(number: Exact) -> u16 {
    (scale(number) >> 48) as u16
}
