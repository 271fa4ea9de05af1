//! Reads the items of a field's list.

use std::ops::Range;

use ipnet::IpNet;

use crate::anything_but;
use crate::level::Level;
use crate::limits::{MAX_LIST_ITEMS, MAX_WILDCARD_STARS};
use crate::matcher::{Leaf, Matcher};
use crate::mistake::{Report, suggestion};
use crate::number::Number;
use crate::numeric;
use crate::source::{Key, Source, SourceValue};
use crate::text::{Caseless, Wildcard, WildcardError};
use crate::way::Way;

/// Every operator that an item may be.
pub(crate) const OPERATORS: [&str; 12] = [
    "prefix",
    "suffix",
    "equals-ignore-case",
    "wildcard",
    "numeric",
    "exists",
    "anything-but",
    "cidr",
    "exactly",
    "at-least",
    "at-most",
    "all",
];

enum Item {
    Matcher(Matcher),
    Absent,
}

/// Reads a field's list. `None` if it is wrong, with all that is wrong in the report.
pub(crate) fn leaf(items: &[Source], span: &Range<usize>, path: &Way<'_>, report: &mut Report) -> Option<Leaf> {
    list_length(items, span, path, report)?;
    let mut any = Vec::with_capacity(items.len());
    let mut or_absent = false;
    let mut whole = true;
    for (index, source) in items.iter().enumerate() {
        match item(source, &path.item(index), report) {
            Some(Item::Matcher(matcher)) => any.push(matcher),
            Some(Item::Absent) => or_absent = true,
            None => whole = false,
        }
    }
    whole.then(|| Leaf {
        any: any.into(),
        or_absent,
    })
}

pub(crate) fn list_length(items: &[Source], span: &Range<usize>, path: &Way<'_>, report: &mut Report) -> Option<()> {
    if items.is_empty() {
        return report.advise(
            span,
            path,
            "the list is empty",
            "give at least one value, or leave it out",
        );
    }
    if items.len() > MAX_LIST_ITEMS {
        let message = format!("the list has {} items, and {MAX_LIST_ITEMS} are allowed", items.len());
        return report.refuse(span, path, message);
    }
    Some(())
}

fn item(source: &Source, path: &Way<'_>, report: &mut Report) -> Option<Item> {
    let matcher = match &source.value {
        SourceValue::Null => Matcher::Null,
        SourceValue::Bool(flag) => Matcher::Bool(*flag),
        SourceValue::String(text) => Matcher::Text(text.as_str().into()),
        SourceValue::Number(text) => Matcher::Number(number(text, source, path, report)?),
        SourceValue::Array(_) => {
            let help = "write its items directly: the outer list already means \"one of\"";
            return report.advise(&source.span, path, "a list inside a list", help);
        }
        SourceValue::Object(members) => {
            let (key, operand) = only_member(members, source, path, report)?;
            return operator(key, operand, &path.member(&key.name), report);
        }
    };
    Some(Item::Matcher(matcher))
}

/// The operator and operand of an object that should have exactly one of each.
pub(crate) fn only_member<'s>(
    members: &'s [(Key, Source)],
    source: &Source,
    path: &Way<'_>,
    report: &mut Report,
) -> Option<(&'s Key, &'s Source)> {
    match members {
        [(key, operand)] => Some((key, operand)),
        [] => report.advise(
            &source.span,
            path,
            "an operator is missing",
            "such as {\"prefix\": \"a\"}",
        ),
        _ => {
            let names: Vec<_> = members.iter().map(|(key, _)| format!("`{}`", key.name)).collect();
            let message = format!(
                "one operator is expected here, and these are {}: {}",
                members.len(),
                names.join(", ")
            );
            report.advise(
                &source.span,
                path,
                message,
                "write one object for each; the list means \"one of\"",
            )
        }
    }
}

fn operator(key: &Key, operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Item> {
    let matcher = match key.name.as_str() {
        "exists" => {
            let SourceValue::Bool(present) = operand.value else {
                return wrong_operand(operand, path, "true or false", "true", report);
            };
            if !present {
                return Some(Item::Absent);
            }
            Matcher::Exists
        }
        "exactly" => Matcher::Text(text(operand, path, report)?.into()),
        "prefix" => with_case(
            operand,
            path,
            report,
            |text| Matcher::Prefix(text.into()),
            Matcher::PrefixIgnoreCase,
        )?,
        "suffix" => with_case(
            operand,
            path,
            report,
            |text| Matcher::Suffix(text.into()),
            Matcher::SuffixIgnoreCase,
        )?,
        "equals-ignore-case" => Matcher::EqualsIgnoreCase(Caseless::new(text(operand, path, report)?)),
        "wildcard" => Matcher::Wildcard(wildcard(operand, path, report)?),
        "numeric" => numeric::read(operand, path, report)?,
        "anything-but" => Matcher::AnythingBut(anything_but::read(operand, path, report)?),
        "cidr" => Matcher::Cidr(cidr(operand, path, report)?),
        "at-least" => Matcher::AtLeast(level(operand, path, report)?),
        "at-most" => Matcher::AtMost(level(operand, path, report)?),
        "all" => all(operand, path, report)?,
        "not" => {
            let help =
                "for a value write {\"anything-but\": ...}; for a whole pattern write \"not\": {...} beside the fields";
            return report.advise(&key.span, path, "`not` is not an operator on a value", help);
        }
        unknown => {
            let help = suggestion(unknown, &OPERATORS);
            return report.advise(&key.span, path, format!("unknown operator `{unknown}`"), help);
        }
    };
    Some(Item::Matcher(matcher))
}

/// `{"all": [...]}`, an addition to event-ruler.
fn all(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Matcher> {
    let SourceValue::Array(items) = &operand.value else {
        let example = operand
            .scalar_text()
            .map_or_else(|| "[\"a\", \"b\"]".to_owned(), |text| format!("[{text}]"));
        return wrong_operand(operand, path, "a list", &example, report);
    };
    let leaf = leaf(items, &operand.span, path, report)?;
    if leaf.or_absent {
        let help = "put {\"exists\": false} beside the `all`, in the field's own list";
        return report.advise(&operand.span, path, "an element cannot be asked to be absent", help);
    }
    if leaf.any.iter().any(|matcher| matches!(matcher, Matcher::All(_))) {
        return report.advise(&operand.span, path, "`all` inside `all`", "write its items directly");
    }
    Some(Matcher::All(leaf.any))
}

/// `prefix` and `suffix`: a string, or `{"equals-ignore-case": "a string"}`.
fn with_case(
    operand: &Source,
    path: &Way<'_>,
    report: &mut Report,
    exact: impl Fn(&str) -> Matcher,
    caseless: impl Fn(Caseless) -> Matcher,
) -> Option<Matcher> {
    let SourceValue::Object(members) = &operand.value else {
        return Some(exact(text(operand, path, report)?));
    };
    let (key, inner) = only_member(members, operand, path, report)?;
    let path = path.member(&key.name);
    if key.name != "equals-ignore-case" {
        let message = format!("unknown operator `{}` here", key.name);
        return report.advise(
            &key.span,
            &path,
            message,
            suggestion(&key.name, &["equals-ignore-case"]),
        );
    }
    Some(caseless(Caseless::new(text(inner, &path, report)?)))
}

pub(crate) fn text<'s>(operand: &'s Source, path: &Way<'_>, report: &mut Report) -> Option<&'s str> {
    match &operand.value {
        SourceValue::String(text) => Some(text),
        _ => {
            let example = match (&operand.value, operand.scalar_text()) {
                (SourceValue::Null, _) | (_, None) => "\"a\"".to_owned(),
                (_, Some(text)) => format!("\"{text}\""),
            };
            wrong_operand(operand, path, "a string", &example, report)
        }
    }
}

pub(crate) fn number(text: &str, source: &Source, path: &Way<'_>, report: &mut Report) -> Option<Number> {
    let number = Number::parse(text);
    number.or_else(|| {
        report.refuse(
            &source.span,
            path,
            format!("`{text}` is not a number that an event can hold"),
        )
    })
}

pub(crate) fn wildcard(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Wildcard> {
    let error = match Wildcard::parse(text(operand, path, report)?) {
        Ok(wildcard) => return Some(wildcard),
        Err(error) => error,
    };
    match error {
        WildcardError::ConsecutiveStars => report.advise(
            &operand.span,
            path,
            "two stars in a row",
            "one `*` already stands for any text",
        ),
        WildcardError::UnknownEscape => report.advise(
            &operand.span,
            path,
            "a backslash may only stand before `*` or another backslash",
            r#"a star itself is "\\*" in JSON, a backslash is "\\\\""#,
        ),
        WildcardError::TooManyStars => report.refuse(
            &operand.span,
            path,
            format!("more than {MAX_WILDCARD_STARS} stars in one wildcard"),
        ),
    }
}

fn cidr(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<IpNet> {
    let text = text(operand, path, report)?;
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(network.trunc());
    }
    let help = match text.parse::<std::net::IpAddr>() {
        Ok(address) => format!("for this one address write \"{}\"", IpNet::from(address)),
        Err(_) => "such as \"10.0.0.0/8\" or \"2001:db8::/32\"".to_owned(),
    };
    report.advise(
        &operand.span,
        path,
        format!("`{text}` is not a network in CIDR form"),
        help,
    )
}

fn level(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Level> {
    let SourceValue::String(name) = &operand.value else {
        return wrong_operand(operand, path, "a level", "\"warning\"", report);
    };
    let known = || suggestion(name, &Level::NAMES);
    Level::parse(name).or_else(|| report.advise(&operand.span, path, format!("unknown level `{name}`"), known()))
}

pub(crate) fn wrong_operand<T>(
    operand: &Source,
    path: &Way<'_>,
    expected: &str,
    example: &str,
    report: &mut Report,
) -> Option<T> {
    let message = format!("{expected} is expected, and this is {}", operand.kind());
    report.advise(&operand.span, path, message, format!("such as {example}"))
}
