//! One alternative of a pattern in a few bytes, so that a hundred thousand of them fit into a cache and are compared
//! without following pointers.
//!
//! ```text
//! row     = flags:byte length path* clause*       the paths are those that clauses share
//! clause  = path tag:byte length (item* | alternative*)
//! item    = operator:byte length operand
//! alternative = length clause*
//! ```
//! Numbers without a type are LEB128; clauses stand in the order of a walk through the tree of paths.

use std::net::IpAddr;

use ipnet::IpNet;
use memchr::memmem;

use crate::level::Level;
use crate::matcher::{Excluded, Matcher};
use crate::node::Node;
use crate::number::{Bound, Bounds, Exact};
use crate::text::{Caseless, Wildcard};

use super::aspect::address;
use super::paths::Path;
use super::tape::Value;

/// A row has `all`, which looks at a whole list at a time.
pub(crate) const HAS_ALL: u8 = 1;
/// A row has `not`.
pub(crate) const HAS_NOT: u8 = 2;

/// What a clause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// A value that any of the items matches.
    Leaf,
    /// The same, or nothing.
    LeafOrAbsent,
    /// None of the alternatives.
    Not,
}

/// What a row asks of one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clause<'c> {
    pub(crate) path: Path,
    pub(crate) tag: Tag,
    pub(crate) body: &'c [u8],
}

const NULL: u8 = 0;
const TRUE: u8 = 1;
const FALSE: u8 = 2;
const TEXT: u8 = 3;
const NUMBER: u8 = 4;
const EXISTS: u8 = 5;
const PREFIX: u8 = 6;
const PREFIX_IGNORE_CASE: u8 = 7;
const SUFFIX: u8 = 8;
const SUFFIX_IGNORE_CASE: u8 = 9;
const EQUALS_IGNORE_CASE: u8 = 10;
const WILDCARD: u8 = 11;
const NUMERIC: u8 = 12;
const CIDR: u8 = 13;
const AT_LEAST: u8 = 14;
const AT_MOST: u8 = 15;
const ALL: u8 = 16;
/// The complement of a list of items.
const NONE_OF: u8 = 17;

/// Writes clauses.
#[derive(Default)]
pub(crate) struct Encoder {
    pub(crate) bytes: Vec<u8>,
    pub(crate) flags: u8,
    /// The path of every clause, those inside `not` left out.
    pub(crate) paths: Vec<Path>,
    /// The path of every clause.
    pub(crate) all: Vec<Path>,
}

impl Encoder {
    /// Writes all that the node and those below it ask. `make` finds the path of a member.
    pub(crate) fn node(&mut self, node: &Node, path: Path, make: &mut impl FnMut(Path, &str) -> Path) {
        self.clauses(node, path, make, false);
    }

    fn clauses(&mut self, node: &Node, path: Path, make: &mut impl FnMut(Path, &str) -> Path, inside: bool) {
        if let Some(leaf) = &node.leaf {
            self.note(path, inside);
            let tag = if leaf.or_absent { 1 } else { 0 };
            self.clause(path, tag, |encoder| leaf.any.iter().for_each(|item| encoder.item(item)));
        }
        if !node.not.is_empty() {
            self.flags |= HAS_NOT;
            self.note(path, inside);
            self.clause(path, 2, |encoder| {
                for alternative in &node.not {
                    encoder.sized(|encoder| encoder.clauses(alternative, path, make, true));
                }
            });
        }
        for (name, child) in &node.children {
            let path = make(path, name);
            self.clauses(child, path, make, inside);
        }
    }

    fn note(&mut self, path: Path, inside: bool) {
        if !inside {
            self.paths.push(path);
        }
        self.all.push(path);
    }

    fn clause(&mut self, path: Path, tag: u8, body: impl FnOnce(&mut Encoder)) {
        put(&mut self.bytes, path as usize);
        self.bytes.push(tag);
        self.sized(body);
    }

    /// What `write` writes, after its length.
    fn sized(&mut self, write: impl FnOnce(&mut Encoder)) {
        let before = std::mem::take(&mut self.bytes);
        write(self);
        let body = std::mem::replace(&mut self.bytes, before);
        put(&mut self.bytes, body.len());
        self.bytes.extend_from_slice(&body);
    }

    fn item(&mut self, matcher: &Matcher) {
        match matcher {
            Matcher::Null => self.plain(NULL, &[]),
            Matcher::Bool(true) => self.plain(TRUE, &[]),
            Matcher::Bool(false) => self.plain(FALSE, &[]),
            Matcher::Text(text) => self.plain(TEXT, text.as_bytes()),
            Matcher::Number(number) => self.plain(NUMBER, &number_bytes(number.exact())),
            Matcher::Exists => self.plain(EXISTS, &[]),
            Matcher::Prefix(text) => self.plain(PREFIX, text.as_bytes()),
            Matcher::PrefixIgnoreCase(text) => self.plain(PREFIX_IGNORE_CASE, text.text().as_bytes()),
            Matcher::Suffix(text) => self.plain(SUFFIX, text.as_bytes()),
            Matcher::SuffixIgnoreCase(text) => self.plain(SUFFIX_IGNORE_CASE, text.text().as_bytes()),
            Matcher::EqualsIgnoreCase(text) => self.plain(EQUALS_IGNORE_CASE, text.text().as_bytes()),
            Matcher::Wildcard(wildcard) => self.wildcard(wildcard),
            Matcher::Numeric(bounds) => self.bounds(bounds),
            Matcher::Cidr(network) => self.plain(CIDR, &network_bytes(network)),
            Matcher::AtLeast(level) => self.plain(AT_LEAST, level.name().as_bytes()),
            Matcher::AtMost(level) => self.plain(AT_MOST, level.name().as_bytes()),
            Matcher::All(matchers) => {
                self.flags |= HAS_ALL;
                self.list(ALL, |encoder| matchers.iter().for_each(|matcher| encoder.item(matcher)));
            }
            Matcher::AnythingBut(excluded) => self.list(NONE_OF, |encoder| encoder.excluded(excluded)),
        }
    }

    fn excluded(&mut self, excluded: &Excluded) {
        match excluded {
            Excluded::Texts(texts) => texts.iter().for_each(|text| self.plain(TEXT, text.as_bytes())),
            Excluded::Numbers(numbers) => {
                numbers
                    .iter()
                    .for_each(|number| self.plain(NUMBER, &number_bytes(number.exact())));
            }
            Excluded::Prefixes(texts) => texts.iter().for_each(|text| self.plain(PREFIX, text.as_bytes())),
            Excluded::Suffixes(texts) => texts.iter().for_each(|text| self.plain(SUFFIX, text.as_bytes())),
            Excluded::Wildcards(wildcards) => wildcards.iter().for_each(|wildcard| self.wildcard(wildcard)),
            Excluded::IgnoreCase(texts) => {
                let texts = texts.iter().map(Caseless::text);
                texts.for_each(|text| self.plain(EQUALS_IGNORE_CASE, text.as_bytes()));
            }
        }
    }

    fn plain(&mut self, operator: u8, operand: &[u8]) {
        self.bytes.push(operator);
        put(&mut self.bytes, operand.len());
        self.bytes.extend_from_slice(operand);
    }

    fn list(&mut self, operator: u8, items: impl FnOnce(&mut Encoder)) {
        self.bytes.push(operator);
        self.sized(items);
    }

    fn wildcard(&mut self, wildcard: &Wildcard) {
        let Some(last) = wildcard.last() else {
            return self.plain(TEXT, wildcard.first().as_bytes());
        };
        let middle = wildcard.middle().iter().map(AsRef::as_ref);
        self.list(WILDCARD, |encoder| {
            for part in [wildcard.first(), last].into_iter().chain(middle) {
                put(&mut encoder.bytes, part.len());
                encoder.bytes.extend_from_slice(part.as_bytes());
            }
        });
    }

    fn bounds(&mut self, bounds: &Bounds) {
        self.list(NUMERIC, |encoder| {
            for bound in [&bounds.low, &bounds.high] {
                match bound {
                    None => encoder.bytes.push(0),
                    Some(Bound { number, inclusive }) => {
                        encoder.bytes.push(1 + u8::from(*inclusive));
                        let number = number_bytes(number.exact());
                        put(&mut encoder.bytes, number.len());
                        encoder.bytes.extend_from_slice(&number);
                    }
                }
            }
        });
    }
}

fn number_bytes(number: Exact) -> Vec<u8> {
    match number {
        Exact::Float(float) => float.to_le_bytes().into(),
        Exact::Large(whole) => whole.to_le_bytes().into(),
    }
}

fn number_of(bytes: &[u8]) -> Option<Exact> {
    if let Ok(float) = bytes.try_into() {
        return Some(Exact::Float(f64::from_le_bytes(float)));
    }
    bytes
        .try_into()
        .ok()
        .map(|whole| Exact::Large(i128::from_le_bytes(whole)))
}

fn network_bytes(network: &IpNet) -> Vec<u8> {
    let mut bytes = vec![network.prefix_len()];
    match network.network() {
        IpAddr::V4(address) => bytes.extend(address.octets()),
        IpAddr::V6(address) => bytes.extend(address.octets()),
    }
    bytes
}

fn network_of(bytes: &[u8]) -> Option<IpNet> {
    let (length, address) = bytes.split_first()?;
    let address = match *address {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(*address.first_chunk::<16>()?),
    };
    IpNet::new(address, *length).ok()
}

/// Appends a length or path.
pub(crate) fn put(bytes: &mut Vec<u8>, number: usize) {
    let mut rest = number;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Takes a length or path.
#[inline(always)]
pub(crate) fn take(bytes: &mut &[u8]) -> Option<usize> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    let mut number = usize::from(first & 0x7f);
    let mut byte = *first;
    let mut shift = 7;
    while byte & 0x80 != 0 {
        let (next, rest) = bytes.split_first()?;
        *bytes = rest;
        byte = *next;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
    }
    Some(number)
}

/// Takes what stands after its length.
#[inline(always)]
pub(crate) fn take_sized<'c>(bytes: &mut &'c [u8]) -> Option<&'c [u8]> {
    let length = take(bytes)?;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

/// The clauses that were written one after the other.
#[inline(always)]
pub(crate) fn take_clause<'c>(bytes: &mut &'c [u8]) -> Option<Clause<'c>> {
    let path = take(bytes)? as Path;
    let (tag, rest) = bytes.split_first()?;
    *bytes = rest;
    let tag = match tag {
        0 => Tag::Leaf,
        1 => Tag::LeafOrAbsent,
        _ => Tag::Not,
    };
    Some(Clause {
        path,
        tag,
        body: take_sized(bytes)?,
    })
}

/// What a row begins with: its flags, and the paths that several of its clauses go through.
pub(crate) struct RowHead<'c> {
    pub(crate) flags: u8,
    /// The shared paths, one after the other.
    pub(crate) shared: Shared<'c>,
    pub(crate) clauses: &'c [u8],
}

/// Paths that several clauses of a row go through.
#[derive(Clone)]
pub(crate) struct Shared<'c> {
    bytes: &'c [u8],
}

impl Iterator for Shared<'_> {
    type Item = Path;

    #[inline(always)]
    fn next(&mut self) -> Option<Path> {
        take(&mut self.bytes).map(|path| path as Path)
    }
}

/// Takes a row apart.
#[inline(always)]
pub(crate) fn row(row: &[u8]) -> Option<RowHead<'_>> {
    let (flags, mut rest) = row.split_first()?;
    let shared = Shared {
        bytes: take_sized(&mut rest)?,
    };
    Some(RowHead {
        flags: *flags,
        shared,
        clauses: rest,
    })
}

/// Writes a row.
pub(crate) fn row_bytes(flags: u8, shared: &[Path], clauses: &[u8]) -> Vec<u8> {
    let mut paths = Vec::new();
    shared.iter().for_each(|path| put(&mut paths, *path as usize));
    let mut row = Vec::with_capacity(2 + paths.len() + clauses.len());
    row.push(flags);
    put(&mut row, paths.len());
    row.extend_from_slice(&paths);
    row.extend_from_slice(clauses);
    row
}

/// The path of every clause: what [`Encoder::all`] was.
pub(crate) fn clause_paths(clauses: &[u8], into: &mut Vec<Path>) {
    let mut rest = clauses;
    while let Some(clause) = take_clause(&mut rest) {
        into.push(clause.path);
        if clause.tag == Tag::Not {
            let mut alternatives = clause.body;
            while let Some(clauses) = take_sized(&mut alternatives) {
                clause_paths(clauses, into);
            }
        }
    }
}

/// Whether any of the items matches.
#[inline(always)]
pub(crate) fn any_matches(items: &[u8], value: Value<'_>) -> bool {
    let mut rest = items;
    while let Some((operator, after)) = rest.split_first() {
        rest = after;
        let Some(operand) = take_sized(&mut rest) else {
            return false;
        };
        if matches(*operator, operand, value) {
            return true;
        }
    }
    false
}

/// Whether for each item of some `all` the value is one that it matches, `found` telling so of each.
pub(crate) fn any_all(items: &[u8], mut found: impl FnMut(&[u8]) -> bool) -> bool {
    let mut rest = items;
    while let Some((operator, after)) = rest.split_first() {
        rest = after;
        let Some(operand) = take_sized(&mut rest) else {
            return false;
        };
        if *operator == ALL && each_item(operand, &mut found) {
            return true;
        }
    }
    false
}

fn each_item(items: &[u8], found: &mut impl FnMut(&[u8]) -> bool) -> bool {
    let mut rest = items;
    while !rest.is_empty() {
        let mut after = rest.get(1..).unwrap_or_default();
        if take_sized(&mut after).is_none() {
            return false;
        }
        let item = rest.get(..rest.len() - after.len()).unwrap_or_default();
        if !found(item) {
            return false;
        }
        rest = after;
    }
    true
}

fn matches(operator: u8, operand: &[u8], value: Value<'_>) -> bool {
    match (operator, value) {
        (TEXT, Value::Text(text)) => text == operand,
        (NONE_OF, _) => !any_matches(operand, value),
        (EXISTS, _) | (NULL, Value::Null) | (TRUE, Value::Bool(true)) | (FALSE, Value::Bool(false)) => true,
        (ALL, _) => each_item(operand, &mut |item| any_matches(item, value)),
        (_, Value::Text(text)) => matches_text(operator, operand, text),
        (NUMBER, Value::Number(Some(number))) => {
            number_of(operand).is_some_and(|wanted| wanted.compare(number).is_eq())
        }
        (NUMERIC, Value::Number(Some(number))) => in_bounds(operand, number).unwrap_or(false),
        _ => false,
    }
}

fn matches_text(operator: u8, operand: &[u8], text: &[u8]) -> bool {
    let level = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(Level::parse);
    let levels = || Some((level(text)?, level(operand)?));
    match operator {
        PREFIX => text.starts_with(operand),
        SUFFIX => text.ends_with(operand),
        WILDCARD => matches_wildcard(operand, text).unwrap_or(false),
        EQUALS_IGNORE_CASE if operand.is_ascii() => text.eq_ignore_ascii_case(operand),
        PREFIX_IGNORE_CASE if operand.is_ascii() => {
            let head = text.get(..operand.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(operand))
        }
        SUFFIX_IGNORE_CASE if operand.is_ascii() => {
            let start = text.len().checked_sub(operand.len());
            let tail = start.and_then(|start| text.get(start..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(operand))
        }
        EQUALS_IGNORE_CASE | PREFIX_IGNORE_CASE | SUFFIX_IGNORE_CASE => {
            let (Ok(operand), Ok(text)) = (std::str::from_utf8(operand), std::str::from_utf8(text)) else {
                return false;
            };
            let operand = Caseless::new(operand);
            match operator {
                EQUALS_IGNORE_CASE => operand.equals(text),
                PREFIX_IGNORE_CASE => operand.starts(text),
                _ => operand.ends(text),
            }
        }
        CIDR => network_of(operand).is_some_and(|network| address(text).is_some_and(|found| network.contains(&found))),
        AT_LEAST => levels().is_some_and(|(found, wanted)| found >= wanted),
        AT_MOST => levels().is_some_and(|(found, wanted)| found <= wanted),
        _ => false,
    }
}

fn matches_wildcard(operand: &[u8], text: &[u8]) -> Option<bool> {
    let mut parts = operand;
    let (first, last) = (take_sized(&mut parts)?, take_sized(&mut parts)?);
    let Some(between) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return Some(false);
    };
    // The leftmost place of each part leaves the most room for the next.
    let mut rest = between;
    while !parts.is_empty() {
        let part = take_sized(&mut parts)?;
        let Some(at) = find(rest, part) else { return Some(false) };
        rest = rest.get(at + part.len()..)?;
    }
    Some(true)
}

/// Preparing a search costs more than short texts take.
fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    match part {
        [byte] => memchr::memchr(*byte, text),
        _ if text.len() <= 64 => text.windows(part.len()).position(|window| window == part),
        _ => memmem::find(text, part),
    }
}

fn in_bounds(operand: &[u8], number: Exact) -> Option<bool> {
    let mut rest = operand;
    for outside in [std::cmp::Ordering::Less, std::cmp::Ordering::Greater] {
        let (kind, after) = rest.split_first()?;
        rest = after;
        if *kind == 0 {
            continue;
        }
        let bound = number_of(take_sized(&mut rest)?)?;
        let order = number.compare(bound);
        if order == outside || (order.is_eq() && *kind == 1) {
            return Some(false);
        }
    }
    Some(true)
}
