//! Writes the code of rows.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::matcher::{Excluded, Matcher};
use crate::node::Node;
use crate::number::{Bound, Bounds, Exact};
use crate::text::{Caseless, Wildcard};

use super::code::{HAS_ALL, HAS_NOT, put};
use super::items::*;
use super::paths::Path;

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

fn network_bytes(network: &IpNet) -> Vec<u8> {
    let mut bytes = vec![network.prefix_len()];
    match network.network() {
        IpAddr::V4(address) => bytes.extend(address.octets()),
        IpAddr::V6(address) => bytes.extend(address.octets()),
    }
    bytes
}
