//! Reads `{"anything-but": ...}`: strings or numbers, or one operator over strings.

use std::slice;

use crate::matcher::Excluded;
use crate::mistake::{Report, suggestion};
use crate::operators::{list_length, number, only_member, text, wildcard};
use crate::source::{Source, SourceValue};
use crate::text::Caseless;
use crate::way::Way;

const INNER: [&str; 4] = ["prefix", "suffix", "wildcard", "equals-ignore-case"];

/// Reads the operand of `anything-but`.
pub(crate) fn read(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Excluded> {
    if let SourceValue::Object(members) = &operand.value {
        let (key, inner) = only_member(members, operand, path, report)?;
        let path = path.member(&key.name);
        return match key.name.as_str() {
            "prefix" => affixes(inner, &path, report).map(Excluded::Prefixes),
            "suffix" => affixes(inner, &path, report).map(Excluded::Suffixes),
            "wildcard" => each(inner, &path, report, wildcard).map(Excluded::Wildcards),
            "equals-ignore-case" => {
                let read = |source: &Source, path: &Way<'_>, report: &mut Report| {
                    text(source, path, report).map(Caseless::new)
                };
                each(inner, &path, report, read).map(Excluded::IgnoreCase)
            }
            other => {
                let message = format!("`{other}` cannot be used in `anything-but`");
                report.advise(&key.span, &path, message, suggestion(other, &INNER))
            }
        };
    }
    let values = values(operand);
    list_length(values, &operand.span, path, report)?;
    let is_number = |source: &&Source| matches!(source.value, SourceValue::Number(_));
    let is_text = |source: &&Source| matches!(source.value, SourceValue::String(_));
    if let Some(other) = values.iter().find(|source| !is_number(source) && !is_text(source)) {
        let message = format!("`anything-but` takes strings or numbers, and this is {}", other.kind());
        let help = match other.value {
            SourceValue::Bool(flag) => format!("write [{}] in the field's list instead", !flag),
            SourceValue::Null => "negate the pattern instead: \"not\": {\"field\": [null]}".to_owned(),
            SourceValue::Object(_) => "write one object with a list inside: {\"prefix\": [\"a\", \"b\"]}".to_owned(),
            _ => "write its items directly".to_owned(),
        };
        return report.advise(&other.span, path, message, help);
    }
    if values.iter().all(|source| is_number(&source)) {
        return each(operand, path, report, read_number).map(Excluded::Numbers);
    }
    if let Some(other) = values.iter().find(is_number) {
        let help = "negate a pattern that lists both instead: \"not\": {\"field\": [\"a\", 1]}";
        return report.advise(
            &other.span,
            path,
            "strings and numbers are mixed in `anything-but`",
            help,
        );
    }
    each(operand, path, report, read_text).map(Excluded::Texts)
}

fn values(operand: &Source) -> &[Source] {
    match &operand.value {
        SourceValue::Array(items) => items,
        _ => slice::from_ref(operand),
    }
}

fn each<T>(
    operand: &Source,
    path: &Way<'_>,
    report: &mut Report,
    mut read: impl FnMut(&Source, &Way<'_>, &mut Report) -> Option<T>,
) -> Option<Box<[T]>> {
    let items = values(operand);
    list_length(items, &operand.span, path, report)?;
    let listed = matches!(operand.value, SourceValue::Array(_));
    let place = |index| {
        if listed { path.item(index) } else { *path }
    };
    // All of them are read before giving up, so that every mistake is found.
    let read: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| read(item, &place(index), report))
        .collect();
    read.into_iter().collect()
}

fn affixes(operand: &Source, path: &Way<'_>, report: &mut Report) -> Option<Box<[Box<str>]>> {
    each(operand, path, report, |source, path, report| {
        match text(source, path, report)? {
            "" => report.advise(
                &source.span,
                path,
                "every string begins and ends with the empty one, so nothing would match",
                "leave it out",
            ),
            text => Some(text.into()),
        }
    })
}

fn read_text(source: &Source, path: &Way<'_>, report: &mut Report) -> Option<Box<str>> {
    text(source, path, report).map(Into::into)
}

fn read_number(source: &Source, path: &Way<'_>, report: &mut Report) -> Option<crate::number::Number> {
    match &source.value {
        SourceValue::Number(text) => number(text, source, path, report),
        _ => None,
    }
}
