//! Filters: from TOML to the tree that event patterns are read from.

use std::ops::Range;

use patchpanel_event::FIELD_NAMES;
use patchpanel_filter::{Key, Pattern, Source, SourceValue};
use toml::de::DeValue;

use super::node::{Entry, Node, Section};
use super::values::value_of;

/// Reads a pattern, or CloudEvents filters where a list stands; mistakes are placed in the file. `a.b = [1]`,
/// `"a.b" = [1]` and `a = { b = [1] }` are one pattern: the first is the third to TOML, and the second to the pattern
/// language.
pub(super) fn pattern(node: &Node<'_>) -> Option<Pattern> {
    if !matches!(node.value, DeValue::Table(_) | DeValue::Array(_)) {
        let help = "write a pattern such as { type = [\"git.commit\"] }";
        return node.expected("a table, or a list of CloudEvents filters", help);
    }
    let mut not_json = Vec::new();
    let source = source(node, &mut not_json);
    match Pattern::parse_with_fields(&source, &FIELD_NAMES) {
        Ok(pattern) if not_json.is_empty() => Some(pattern),
        Ok(_) => None,
        Err(mut mistakes) => {
            mistakes.retain(|mistake| !not_json.contains(&mistake.span));
            for mistake in mistakes {
                let place = Node {
                    span: mistake.span,
                    path: path(&node.path, &mistake.path),
                    ..node.clone()
                };
                place.refuse::<()>(mistake.message, mistake.help.unwrap_or_default());
            }
            None
        }
    }
}

/// The way to something in a pattern: that to the pattern, and that inside it.
pub(crate) fn path(outer: &str, inner: &str) -> String {
    let joins = inner.is_empty() || inner.starts_with('[');
    let separator = if joins { "" } else { "." };
    format!("{outer}{separator}{inner}")
}

/// The value as a tree. What JSON does not have is noted and becomes null; `not_json` then has its place.
fn source(node: &Node<'_>, not_json: &mut Vec<Range<usize>>) -> Source {
    let value = match node.value {
        DeValue::String(text) => Some(SourceValue::String(text.to_string())),
        DeValue::Boolean(flag) => Some(SourceValue::Bool(*flag)),
        DeValue::Integer(written) => match value_of(written) {
            Some(value) => Some(SourceValue::Number(value.to_string())),
            None => node.refuse("an integer that is too long", ""),
        },
        DeValue::Float(written) => match json_number(written.as_str()) {
            Some(number) => Some(SourceValue::Number(number)),
            None => node.refuse("infinity and NaN cannot be compared with numbers", ""),
        },
        DeValue::Datetime(time) => {
            let help = format!("put it into quotes: \"{time}\"");
            node.refuse("a date or time, which events have only as text", help)
        }
        DeValue::Array(_) => {
            let items = node.list().unwrap_or_default();
            Some(SourceValue::Array(
                items.iter().map(|item| source(item, not_json)).collect(),
            ))
        }
        DeValue::Table(_) => {
            let entries = node.section(Section::entries).unwrap_or_default();
            let member = |entry: Entry<'_>| {
                let key = Key {
                    name: entry.name.to_owned(),
                    span: entry.key.span,
                };
                (key, source(&entry.value, not_json))
            };
            Some(SourceValue::Object(entries.into_iter().map(member).collect()))
        }
    };
    if value.is_none() {
        not_json.push(node.span.clone());
    }
    Source {
        value: value.unwrap_or(SourceValue::Null),
        span: node.span.clone(),
    }
}

/// TOML's floats are JSON's numbers but for `_` between digits, a `+` in front, `inf` and `nan`.
fn json_number(written: &str) -> Option<String> {
    let number = written.strip_prefix('+').unwrap_or(written).replace('_', "");
    number
        .bytes()
        .all(|byte| !byte.is_ascii_alphabetic() || matches!(byte, b'e' | b'E'))
        .then_some(number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use toml::de::DeTable;

    use super::super::report::Report;
    use super::*;

    fn read(text: &str) -> Result<Pattern, String> {
        let report = Report::default();
        let (root, errors) = DeTable::parse_recoverable(text);
        assert!(errors.is_empty(), "{errors:?}");
        let pattern = Section::read(&report, Some(root.get_ref()), 0..0, "", |root| {
            root.get("filter").as_ref().and_then(pattern)
        });
        pattern.ok_or_else(|| report.into_mistakes(text).to_string())
    }

    #[test]
    fn dotted_quoted_and_nested_keys_are_one_pattern() {
        let expected: Pattern = r#"{"payload": {"user": {"id": [7]}, "ok": [true]}}"#.parse().unwrap();
        for text in [
            "filter = { payload = { user = { id = [7] }, ok = [true] } }",
            "filter = { payload.user.id = [7], payload.ok = [true] }",
            "filter = { \"payload.user.id\" = [7], \"payload.ok\" = [true] }",
            "filter = { payload.\"user.id\" = [7], 'payload.ok' = [true] }",
            "filter.payload.user.id = [7]\nfilter.\"payload.ok\" = [true]",
            "[filter]\npayload.user.id = [7]\npayload.ok = [true]",
            "[filter.payload]\nok = [true]\n[filter.payload.user]\nid = [0x7]",
            "[filter]\n\"payload.user.id\" = [+7.0]\n[filter.payload]\nok = [true]",
        ] {
            assert_eq!(read(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn a_list_is_cloudevents_filters() {
        let expected: Pattern =
            r#"{"type": [{"prefix": "git."}], "not": {"correlation_id": ["x"], "metadata.partitionkey": ["7"]}}"#
                .parse()
                .unwrap();
        for text in [
            "filter = [{ prefix.type = 'git.' }, { not.exact = { correlationid = 'x', partitionkey = '7' } }]",
            "[[filter]]\nprefix = { type = 'git.' }\n[[filter]]\nnot.exact = { correlationid = 'x', partitionkey = '7' }",
        ] {
            assert_eq!(read(text).as_ref(), Ok(&expected), "{text}");
        }
        let said = read("filter = [{ prefx = { type = 'a' } }, { exact = { payload = 5 } }]").unwrap_err();
        for part in [
            "filter[0].prefx",
            "did you mean `prefix`?",
            "filter[1].exact.payload",
            "a string is expected",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn numbers_keep_their_value() {
        for (toml, json) in [
            ("9007199254740993", "9007199254740993"),
            ("9_223_372_036_854_775_808", "9223372036854775808"),
            ("-1_0.5_0e+1_0", "-10.50e+10"),
            ("+1e06", "1e6"),
            ("0xff_ff", "65535"),
            ("0o17", "15"),
            ("0b101", "5"),
            ("-0", "0"),
        ] {
            let expected: Pattern = format!(r#"{{"payload.x": [{json}]}}"#).parse().unwrap();
            assert_eq!(
                read(&format!("filter = {{ payload.x = [{toml}] }}")),
                Ok(expected),
                "{toml}"
            );
        }
        for wrong in ["inf", "-nan", "2026-01-31", "99999999999999999999999999999999999999999"] {
            assert!(
                read(&format!("filter = {{ payload.x = [{wrong}] }}")).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_path_in_two_spellings_is_given_twice() {
        let said = read("filter = { payload.x = [1], \"payload.x\" = [2] }").unwrap_err();
        assert!(said.contains("patchpanel.toml:1:"), "{said}");
    }
}
