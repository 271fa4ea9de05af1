//! The ways in which a clause can be found.

use ipnet::IpNet;

use crate::level::Level;
use crate::matcher::{Leaf, Matcher};
use crate::number::Bounds;
use crate::text::{Caseless, Wildcard};

use super::aspect::{Aspect, Key, first, first_bits, hash, hash_folded, hash_run, last, scale, scale_part};

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
/// Lengths of runs inside texts that are looked up by choice; each is one pass over every text.
const GRAMS: [u8; 5] = [8, 4, 3, 2, 1];
/// Longer ones, for where those do not tell enough.
const LONG_GRAMS: [u8; 3] = [16, 12, 6];
/// How many runs of a text are offered to be found by.
const RUNS: usize = 6;

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

/// Runs inside a text, from all over it, and the longest at its end.
fn runs(text: &[u8]) -> Vec<Access> {
    let Some(length) = GRAMS.iter().find(|length| usize::from(**length) <= text.len()) else {
        return Vec::new();
    };
    let windows: Vec<&[u8]> = text.windows((*length).into()).collect();
    let step = windows.len().div_ceil(RUNS).max(1);
    // From the end, so that the last one is among them.
    let chosen = windows.into_iter().rev().step_by(step);
    let mut accesses: Vec<Access> = chosen
        .flat_map(|run| one(Aspect::Gram(*length), hash_run(run)))
        .collect();
    let long = LONG_GRAMS.iter().find(|long| usize::from(**long) <= text.len());
    if let Some(long) = long.filter(|long| *long > length)
        && let Some(run) = last(text, *long)
    {
        accesses.extend(one(Aspect::Gram(*long), hash_run(run)));
    }
    accesses
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
