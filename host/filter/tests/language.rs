//! Every example of the language's description holds, and prints as a pattern that means the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::borrow::Cow;
use std::cell::RefCell;

use patchpanel_filter::{FieldValue, Fields, Pattern};
use serde_json::{Map, Value};

fn event(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

/// Pattern, an event that it matches, an event that it does not match.
fn rows() -> Vec<[&'static str; 3]> {
    let rows = include_str!("../LANGUAGE.md")
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row
            .trim_matches(['|', ' '])
            .split(" | ")
            .map(|cell| cell.trim_matches('`'))
            .collect();
        cells.try_into().unwrap_or_else(|_| panic!("not three cells: {row}"))
    })
    .collect()
}

#[test]
fn every_documented_example_holds() {
    assert!(rows().len() > 60, "the tables were not found");
    for [text, yes, no] in rows() {
        let pattern = pattern(text);
        assert!(pattern.matches(&event(yes)), "{text} must match {yes}");
        assert!(!pattern.matches(&event(no)), "{text} must not match {no}");
    }
}

#[test]
fn every_documented_example_prints_as_an_equal_pattern() {
    for [text, ..] in rows() {
        let pattern = pattern(text);
        let printed = pattern.to_string();
        assert_eq!(
            printed.parse::<Pattern>().as_ref(),
            Ok(&pattern),
            "{text} printed as {printed}"
        );
    }
}

#[test]
fn canonical_form() {
    for (text, canonical) in [
        (
            r#"{"b": {"d": [1.0], "c": ["x"]}, "a": [null, true]}"#,
            r#"{"a":[null,true],"b.c":["x"],"b.d":[1]}"#,
        ),
        (r#"{"a": [{"exists": false}, "x"]}"#, r#"{"a":["x",{"exists":false}]}"#),
        (
            r#"{"a": [{"numeric": ["=", 5.0]}, {"exactly": "x"}]}"#,
            r#"{"a":[5,"x"]}"#,
        ),
        (
            r#"{"a": [{"numeric": [">", 1e0, "<=", 2.50]}]}"#,
            r#"{"a":[{"numeric":[">",1,"<=",2.5]}]}"#,
        ),
        (r#"{"a": [{"anything-but": ["x"]}]}"#, r#"{"a":[{"anything-but":"x"}]}"#),
        (r#"{"a": [{"cidr": "10.1.2.3/8"}]}"#, r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#),
        (
            r#"{"a": [1], "b": {"$or": [{"c": [2]}, {"d": [3]}]}}"#,
            r#"{"$or":[{"a":[1],"b.c":[2]},{"a":[1],"b.d":[3]}]}"#,
        ),
        (
            r#"{"x.y": {"not": {"$or": [{"a": [1]}, {"b": [2]}]}}}"#,
            r#"{"x.y":{"not":{"$or":[{"a":[1]},{"b":[2]}]}}}"#,
        ),
        (
            r#"{"not": {"a": [1]}, "$or": [{"not": {"b": [2]}}, {"c": [3]}]}"#,
            r#"{"$or":[{"not":{"$or":[{"a":[1]},{"b":[2]}]}},{"not":{"a":[1]},"c":[3]}]}"#,
        ),
    ] {
        let pattern = pattern(text);
        assert_eq!(pattern.to_string(), canonical);
        assert_eq!(canonical.parse::<Pattern>(), Ok(pattern));
    }
}

#[test]
fn roots_are_the_fields_that_are_read() {
    let pattern = pattern(
        r#"{"type": ["a"], "payload.x": [1], "$or": [{"payload.y": [2]}, {"level": ["info"]}], "not": {"source": ["b"]}}"#,
    );
    assert!(pattern.roots().eq(["level", "payload", "source", "type"]));
}

/// An event whose fields are plain text, and that notes what it was asked for.
struct Plain {
    fields: Vec<(&'static str, &'static str)>,
    asked: RefCell<Vec<String>>,
}

impl Fields for Plain {
    fn field(&self, name: &str) -> Option<FieldValue<'_>> {
        self.asked.borrow_mut().push(name.to_owned());
        let found = self.fields.iter().find(|(field, _)| *field == name);
        found.map(|(_, text)| FieldValue::Text(Cow::Borrowed(text)))
    }
}

#[test]
fn plain_text_fields_match_and_no_more_is_asked_than_needed() {
    let pattern = pattern(r#"{"level": [{"at-least": "warning"}], "type": [{"prefix": "auth."}], "z.y": ["x"]}"#);
    let event = |level, kind| Plain {
        fields: vec![("level", level), ("type", kind), ("z", "text")],
        asked: RefCell::default(),
    };
    let quiet = event("info", "auth.login");
    assert!(!pattern.matches(&quiet));
    assert_eq!(*quiet.asked.borrow(), ["level"]);
    let other = event("critical", "author");
    assert!(!pattern.matches(&other));
    assert_eq!(*other.asked.borrow(), ["level", "type"]);
    let loud = event("critical", "auth.login");
    assert!(!pattern.matches(&loud), "text has no fields");
    let without: Pattern = r#"{"type": [{"prefix": "auth."}], "z.y": [{"exists": false}]}"#
        .parse()
        .unwrap();
    assert!(without.matches(&loud));
}

#[test]
fn a_hostile_wildcard_is_quick() {
    let pattern = pattern(&format!(r#"{{"x": [{{"wildcard": "{}b"}}]}}"#, "a*".repeat(16)));
    let text = "a".repeat(1_000_000);
    let event = event(&format!(r#"{{"x": "{text}"}}"#));
    let start = std::time::Instant::now();
    assert!(!pattern.matches(&event));
    assert!(start.elapsed() < std::time::Duration::from_secs(2));
}
