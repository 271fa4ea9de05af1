//! Values that nearly are what an item asks for.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::explain::show::cut;
use crate::level::Level;
use crate::matcher::{Matcher, Scalar};
use crate::mistake::nearest;
use crate::number::{Bound, Bounds, Exact};
use crate::print;
use crate::text::{Caseless, Wildcard};

/// Longest text that is taken for another one with slips.
const LONGEST_SLIP: usize = 256;
/// How alike two texts must be for one to be taken for the other.
const ALIKE: f64 = 0.8;

/// How a value differs from what is asked.
pub(super) struct Near {
    /// From 0, for what only has another form; 1 and more for numbers and levels that are beyond a bound; 2 and more
    /// for texts that are alike.
    pub(super) distance: f64,
    /// As the end of a sentence that begins with the place.
    pub(super) how: String,
}

/// How the value, which the item does not match, nearly is what it asks for.
pub(super) fn nearly(item: &Matcher, value: Scalar<'_>) -> Option<Near> {
    if matches!(item, Matcher::AnythingBut(_) | Matcher::All(_) | Matcher::Exists) {
        return None;
    }
    if let Some(how) = another_form(item, value) {
        return Some(Near { distance: 0.0, how });
    }
    match (item, value) {
        (Matcher::Numeric(bounds), Scalar::Number(number)) => beyond(bounds, number),
        (Matcher::AtLeast(level) | Matcher::AtMost(level), Scalar::Text(text)) => level_beside(*level, text),
        (Matcher::Cidr(_), Scalar::Text(text)) if text.parse::<std::net::IpAddr>().is_err() => {
            let how = format!("is {}, which is no IP address", quoted(text));
            Some(Near { distance: 2.0, how })
        }
        (Matcher::Text(exact), Scalar::Text(text)) => alike(exact, text),
        (Matcher::EqualsIgnoreCase(exact), Scalar::Text(text)) => alike(exact.text(), text),
        _ => None,
    }
}

/// The same in another case, with spaces around it, or of another kind.
fn another_form(item: &Matcher, value: Scalar<'_>) -> Option<String> {
    let asked = cut(&print::item(item));
    let text = match value {
        Scalar::Text(text) => text,
        Scalar::Null => return is_text(item, &Value::Null, &asked),
        Scalar::Bool(flag) => return is_text(item, &Value::Bool(flag), &asked),
        Scalar::Number(number) => return is_text(item, &Value::Number(number.clone()), &asked),
    };
    if matches_in_other_case(item, text) {
        return Some(match item {
            Matcher::Text(_) => format!("differs only in case from {asked}"),
            Matcher::AtLeast(_) | Matcher::AtMost(_) => {
                format!("is {}, and levels are written in lower case", quoted(text))
            }
            _ => format!("is {} and differs from {asked} only in case", quoted(text)),
        });
    }
    let trimmed = text.trim();
    let spaces_in_pattern = matches!(item, Matcher::Text(exact) if exact.trim() == trimmed);
    if spaces_in_pattern || item.matches(Scalar::Text(trimmed)) {
        return Some(format!(
            "is {} and differs from {asked} only in spaces at its ends",
            quoted(text)
        ));
    }
    // Numbers, booleans and null have no other spelling of use that is longer.
    let other = (text.len() < 64)
        .then(|| serde_json::from_str::<Value>(trimmed).ok())
        .flatten()?;
    let (scalar, kind) = (Scalar::of(&other)?, kind(&other));
    let only_kind = !matches!(scalar, Scalar::Text(_)) && item.matches(scalar);
    only_kind.then(|| match item {
        Matcher::Numeric(_) => format!("is the text {}, and {asked} asks for a number", quoted(text)),
        Matcher::Null => format!("is the text {}, and the pattern asks for null", quoted(text)),
        _ => format!(
            "is the text {}, and the pattern asks for the {kind} {asked}",
            quoted(text)
        ),
    })
}

/// The text of something that is none would match.
fn is_text(item: &Matcher, value: &Value, asked: &str) -> Option<String> {
    let text = value.to_string();
    item.matches(Scalar::Text(&text)).then(|| {
        let is = match value {
            Value::Null => "null".to_owned(),
            other => format!("the {} {text}", kind(other)),
        };
        match item {
            Matcher::Text(_) => format!("is {is}, and the pattern asks for the text {asked}"),
            _ => format!("is {is}, and {asked} asks for a text"),
        }
    })
}

fn kind(value: &Value) -> &'static str {
    if value.is_number() { "number" } else { "boolean" }
}

fn quoted(text: &str) -> String {
    Value::from(cut(text)).to_string()
}

fn matches_in_other_case(item: &Matcher, text: &str) -> bool {
    let lower = || text.to_lowercase();
    match item {
        Matcher::Text(exact) => Caseless::new(exact).equals(text),
        Matcher::Prefix(prefix) => Caseless::new(prefix).starts(text),
        Matcher::Suffix(suffix) => Caseless::new(suffix).ends(text),
        Matcher::Wildcard(wildcard) => {
            Wildcard::parse(&wildcard.text().to_lowercase()).is_ok_and(|wildcard| wildcard.matches(&lower()))
        }
        Matcher::AtLeast(_) | Matcher::AtMost(_) => item.matches(Scalar::Text(&lower())),
        _ => false,
    }
}

fn beyond(bounds: &Bounds, number: &Number) -> Option<Near> {
    let value = Exact::of(number)?;
    let below = |bound: &&Bound| bound.number.compare(value) != Ordering::Less;
    let above = |bound: &&Bound| bound.number.compare(value) != Ordering::Greater;
    let (bound, side) = match (bounds.low.as_ref().filter(below), bounds.high.as_ref().filter(above)) {
        (Some(low), _) => (low, "below"),
        (_, Some(high)) => (high, "above"),
        _ => return None,
    };
    let limit = bound.number.text();
    if bound.number.equals(value) {
        return Some(Near {
            distance: 1.0,
            how: format!("is {number}, and the bound {limit} itself is left out"),
        });
    }
    let far = limit
        .parse::<f64>()
        .ok()
        .zip(number.as_f64())
        .map(|(bound, value)| (bound - value).abs())?;
    let exactly = limit.parse::<i128>().ok().zip(number.to_string().parse::<i128>().ok());
    let distance = match exactly.and_then(|(bound, value)| bound.checked_sub(value)) {
        Some(whole) => whole.unsigned_abs().to_string(),
        None => rounded(far)?,
    };
    Some(Near {
        distance: 1.0 + far / (1.0 + far),
        how: format!("is {number}, {distance} {side} the bound {limit}"),
    })
}

/// Six digits: the later ones of a difference of decimal fractions are not what they look like.
fn rounded(distance: f64) -> Option<String> {
    let short: f64 = format!("{distance:.5e}").parse().ok()?;
    let plain = (1e-6..1e15).contains(&short);
    Some(if plain { short.to_string() } else { format!("{short:e}") })
}

fn level_beside(asked: Level, text: &str) -> Option<Near> {
    if let Some(level) = Level::parse(text) {
        let side = if level < asked { "below" } else { "above" };
        return Some(Near {
            distance: 1.0,
            how: format!("is {}, which is {side} {}", level.name(), asked.name()),
        });
    }
    let meant = nearest(text, &Level::NAMES)
        .map(|level| format!("; the nearest is {level}"))
        .unwrap_or_default();
    Some(Near {
        distance: 2.0,
        how: format!("is {}, which is no level{meant}", quoted(text)),
    })
}

fn alike(asked: &str, text: &str) -> Option<Near> {
    if asked.len().max(text.len()) > LONGEST_SLIP {
        return None;
    }
    let likeness = strsim::jaro_winkler(&asked.to_lowercase(), &text.to_lowercase());
    (likeness >= ALIKE).then(|| Near {
        distance: 3.0 - likeness,
        how: format!("is {}, which is nearly {}", quoted(text), quoted(asked)),
    })
}
