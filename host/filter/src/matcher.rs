//! Matchers of one value.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::level::Level;
use crate::number::{Bounds, Exact, Number};
use crate::text::{Caseless, Wildcard};

/// A value that is neither a list nor an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(&'a serde_json::Number),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    pub(crate) fn of(value: &'a Value) -> Option<Scalar<'a>> {
        match value {
            Value::Null => Some(Scalar::Null),
            Value::Bool(flag) => Some(Scalar::Bool(*flag)),
            Value::Number(number) => Some(Scalar::Number(number)),
            Value::String(text) => Some(Scalar::Text(text)),
            Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn text(self) -> Option<&'a str> {
        if let Scalar::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    fn number(self) -> Option<Exact> {
        if let Scalar::Number(number) = self {
            Exact::of(number)
        } else {
            None
        }
    }
}

/// What one item of a field's list asks of a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Matcher {
    Null,
    Bool(bool),
    Text(Box<str>),
    Number(Number),
    /// Any scalar, `null` too.
    Exists,
    Prefix(Box<str>),
    PrefixIgnoreCase(Caseless),
    Suffix(Box<str>),
    SuffixIgnoreCase(Caseless),
    EqualsIgnoreCase(Caseless),
    Wildcard(Wildcard),
    Numeric(Bounds),
    AnythingBut(Excluded),
    Cidr(IpNet),
    AtLeast(Level),
    AtMost(Level),
    /// For each of these, an element that it matches. Never holds another `All`.
    All(Box<[Matcher]>),
}

/// What `anything-but` leaves out. No list is empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Excluded {
    Texts(Box<[Box<str>]>),
    Numbers(Box<[Number]>),
    Prefixes(Box<[Box<str>]>),
    Suffixes(Box<[Box<str>]>),
    Wildcards(Box<[Wildcard]>),
    IgnoreCase(Box<[Caseless]>),
}

impl Matcher {
    pub(crate) fn matches(&self, value: Scalar<'_>) -> bool {
        let text = |test: &dyn Fn(&str) -> bool| value.text().is_some_and(test);
        match self {
            Matcher::Null => matches!(value, Scalar::Null),
            Matcher::Bool(flag) => matches!(value, Scalar::Bool(other) if other == *flag),
            Matcher::Text(exact) => text(&|text| *text == **exact),
            Matcher::Number(number) => value.number().is_some_and(|value| number.equals(value)),
            Matcher::Exists => true,
            Matcher::Prefix(prefix) => text(&|text| text.starts_with(&**prefix)),
            Matcher::PrefixIgnoreCase(prefix) => text(&|text| prefix.starts(text)),
            Matcher::Suffix(suffix) => text(&|text| text.ends_with(&**suffix)),
            Matcher::SuffixIgnoreCase(suffix) => text(&|text| suffix.ends(text)),
            Matcher::EqualsIgnoreCase(exact) => text(&|text| exact.equals(text)),
            Matcher::Wildcard(wildcard) => text(&|text| wildcard.matches(text)),
            Matcher::Numeric(bounds) => value.number().is_some_and(|value| bounds.contains(value)),
            Matcher::AnythingBut(excluded) => !excluded.contains(value),
            Matcher::Cidr(network) => {
                let address = value.text().and_then(|text| text.parse::<IpAddr>().ok());
                address.is_some_and(|address| network.contains(&address))
            }
            Matcher::AtLeast(level) => value.text().and_then(Level::parse).is_some_and(|value| value >= *level),
            Matcher::AtMost(level) => value.text().and_then(Level::parse).is_some_and(|value| value <= *level),
            Matcher::All(matchers) => matchers.iter().all(|matcher| matcher.matches(value)),
        }
    }

    /// Whether the elements, taken together, have what [`Matcher::All`] asks for. Other matchers look at one element
    /// at a time and say no here.
    fn matches_together(&self, elements: &[Value]) -> bool {
        match self {
            Matcher::All(matchers) => matchers.iter().all(|matcher| any_scalar(elements, matcher)),
            _ => false,
        }
    }
}

/// Whether any scalar in the list, or in lists within it, matches.
fn any_scalar(elements: &[Value], matcher: &Matcher) -> bool {
    elements.iter().any(|element| match element {
        Value::Array(inner) => any_scalar(inner, matcher),
        other => Scalar::of(other).is_some_and(|scalar| matcher.matches(scalar)),
    })
}

impl Excluded {
    fn contains(&self, value: Scalar<'_>) -> bool {
        if let Excluded::Numbers(numbers) = self {
            let value = value.number();
            return value.is_some_and(|value| numbers.iter().any(|number| number.equals(value)));
        }
        let Some(text) = value.text() else { return false };
        match self {
            Excluded::Numbers(_) => false,
            Excluded::Texts(texts) => texts.iter().any(|exact| **exact == *text),
            Excluded::Prefixes(prefixes) => prefixes.iter().any(|prefix| text.starts_with(&**prefix)),
            Excluded::Suffixes(suffixes) => suffixes.iter().any(|suffix| text.ends_with(&**suffix)),
            Excluded::Wildcards(wildcards) => wildcards.iter().any(|wildcard| wildcard.matches(text)),
            Excluded::IgnoreCase(texts) => texts.iter().any(|exact| exact.equals(text)),
        }
    }

    fn count(&self) -> usize {
        match self {
            Excluded::Texts(items) | Excluded::Prefixes(items) | Excluded::Suffixes(items) => items.len(),
            Excluded::Numbers(items) => items.len(),
            Excluded::Wildcards(items) => items.len(),
            Excluded::IgnoreCase(items) => items.len(),
        }
    }
}

/// A field's list: it holds if any item does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Leaf {
    /// Items that need a value.
    pub(crate) any: Box<[Matcher]>,
    /// Whether the list also has `{"exists": false}`.
    pub(crate) or_absent: bool,
}

impl Leaf {
    pub(crate) fn matches(&self, value: Scalar<'_>) -> bool {
        self.any.iter().any(|matcher| matcher.matches(value))
    }

    /// Asks for both. Only CloudEvents filters ask twice of one place, and each time for one thing: the reader of event
    /// patterns refuses it.
    pub(crate) fn and(&mut self, other: Leaf) {
        let both = std::mem::take(&mut self.any).into_iter().chain(other.any);
        let mut all = Vec::new();
        for matcher in both {
            match matcher {
                Matcher::All(matchers) => all.extend(matchers),
                one => all.push(one),
            }
        }
        self.any = Box::new([Matcher::All(all.into())]);
    }

    /// Whether scalars that stand directly in the list satisfy the leaf, or all of its elements together do.
    pub(crate) fn matches_directly(&self, elements: &[Value]) -> bool {
        elements
            .iter()
            .filter_map(Scalar::of)
            .any(|scalar| self.matches(scalar))
            || self.any.iter().any(|matcher| matcher.matches_together(elements))
    }

    /// How much work the leaf is, in single comparisons.
    pub(crate) fn count(&self) -> usize {
        let matchers = self.any.iter().map(|matcher| match matcher {
            Matcher::AnythingBut(excluded) => excluded.count(),
            Matcher::All(matchers) => matchers.len(),
            _ => 1,
        });
        matchers.sum::<usize>().saturating_add(usize::from(self.or_absent))
    }
}
