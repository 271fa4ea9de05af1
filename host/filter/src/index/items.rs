//! What an item of a clause asks, and whether a value is so: the operators of the language once more, over bytes.

use std::cmp::Ordering;
use std::net::IpAddr;

use ipnet::IpNet;
use memchr::memmem;

use crate::level::Level;
use crate::number::Exact;
use crate::text::Caseless;

use super::aspect::address;
use super::code::take_sized;
use super::tape::Value;

pub(crate) const NULL: u8 = 0;
pub(crate) const TRUE: u8 = 1;
pub(crate) const FALSE: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const NUMBER: u8 = 4;
pub(crate) const EXISTS: u8 = 5;
pub(crate) const PREFIX: u8 = 6;
pub(crate) const PREFIX_IGNORE_CASE: u8 = 7;
pub(crate) const SUFFIX: u8 = 8;
pub(crate) const SUFFIX_IGNORE_CASE: u8 = 9;
pub(crate) const EQUALS_IGNORE_CASE: u8 = 10;
pub(crate) const WILDCARD: u8 = 11;
pub(crate) const NUMERIC: u8 = 12;
pub(crate) const CIDR: u8 = 13;
pub(crate) const AT_LEAST: u8 = 14;
pub(crate) const AT_MOST: u8 = 15;
pub(crate) const ALL: u8 = 16;
/// The complement of a list of items.
pub(crate) const NONE_OF: u8 = 17;

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
    for outside in [Ordering::Less, Ordering::Greater] {
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

fn number_of(bytes: &[u8]) -> Option<Exact> {
    if let Ok(float) = bytes.try_into() {
        return Some(Exact::Float(f64::from_le_bytes(float)));
    }
    bytes
        .try_into()
        .ok()
        .map(|whole| Exact::Large(i128::from_le_bytes(whole)))
}

fn network_of(bytes: &[u8]) -> Option<IpNet> {
    let (length, address) = bytes.split_first()?;
    let address = match *address {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(*address.first_chunk::<16>()?),
    };
    IpNet::new(address, *length).ok()
}
