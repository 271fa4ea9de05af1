//! What of a value the index looks up, and the keys that it comes to.
//!
//! A key never decides; it only has to be the same for a matcher and for every value that it matches. What shares a key
//! is checked in full afterwards.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use crate::number::Exact;
use foldhash::fast::FixedState;

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

/// The rank from which on keys do not tell values apart.
pub(crate) const BROAD: u8 = 5;

impl Aspect {
    /// How little a key of it tells; 0 is best.
    pub(crate) fn rank(self) -> u8 {
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

    /// Whether a value has at most one key, and few paths many of them, so that keys of two leaves can be looked up as one.
    pub(crate) fn pairs(self) -> bool {
        !matches!(self, Aspect::Gram(_) | Aspect::Above(_) | Aspect::Below(_))
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
            (Aspect::Gram(length), Value::Text(text)) => {
                text.windows(length.into()).for_each(|run| each(hash_run(run)))
            }
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

pub(crate) fn first(text: &[u8], length: u8) -> Option<&[u8]> {
    text.get(..length.into())
}

pub(crate) fn last(text: &[u8], length: u8) -> Option<&[u8]> {
    text.get(text.len().checked_sub(length.into())?..)
}

pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    // The longest spelling of an address has 45 bytes.
    std::str::from_utf8(text.get(..).filter(|text| text.len() <= 45)?)
        .ok()?
        .parse()
        .ok()
}

pub(crate) fn first_bits(address: u128, bits: u8) -> u64 {
    let first = address >> (128 - u32::from(bits.clamp(1, 128)));
    fold(
        first as u64 ^ 0x9e37_79b9_7f4a_7c15,
        (first >> 64) as u64 ^ 0xd6e8_feb8_6659_fd93,
    )
}

#[inline(always)]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(0).build_hasher();
    hasher.write(bytes);
    hasher.finish()
}

/// As [`hash`], for runs of up to sixteen bytes: there are as many of them as a text has bytes.
#[inline(always)]
pub(crate) fn hash_run(run: &[u8]) -> u64 {
    let (first, last) = match (run.first_chunk(), run.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (run.first_chunk(), run.last_chunk()) {
            (Some(first), Some(last)) => (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()),
            _ => (run.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
        },
    };
    fold(first ^ 0x9e37_79b9_7f4a_7c15, last ^ 0xd6e8_feb8_6659_fd93)
}

/// As [`hash`], of the bytes with ASCII letters in lower case, a few at a time so that nothing is allocated.
pub(crate) fn hash_folded(bytes: &[u8]) -> u64 {
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
pub(crate) fn scale(number: Exact) -> u64 {
    const MIDDLE: u64 = 1 << 63;
    let number = number.nearest();
    let away = (number.abs() + 1.0).to_bits() - 1.0_f64.to_bits();
    if number < 0.0 { MIDDLE - 1 - away } else { MIDDLE + away }
}

/// A part of the scale, of which there are four for each power of two.
pub(crate) fn scale_part(number: Exact) -> u16 {
    (scale(number) >> 50) as u16
}
