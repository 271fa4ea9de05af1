//! The index finds exactly the patterns that match, whatever else it holds and however it came to hold it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod generate;

use std::collections::BTreeMap;

use generate::{compile, event, pattern};
use patchpanel_filter::{Index, Pattern, Scratch, Snapshot};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The event in spellings that mean the same.
fn spellings(event: &Map<String, Value>) -> Vec<String> {
    let compact = Value::Object(event.clone()).to_string();
    let escaped = compact
        .replace("\"a\":", "\"\\u0061\":")
        .replace("\"x\"", "\"\\u0078\"");
    let pretty = serde_json::to_string_pretty(event).unwrap();
    let repeated = compact.replacen('{', r#"{"a":{"a":["x"],"b":1},"b":[{"c":"x"}],"#, 1);
    let repeated = if event.contains_key("a") && event.contains_key("b") {
        repeated
    } else {
        compact.clone()
    };
    vec![compact, escaped, pretty, repeated]
}

fn find(snapshot: &Snapshot, scratch: &mut Scratch, text: &str) -> Vec<u32> {
    let (mut matched, mut again) = (vec![7], vec![7]);
    snapshot.matches(text.as_bytes(), scratch, &mut matched).unwrap();
    snapshot.matches_json(text.as_bytes(), scratch, &mut again);
    assert_eq!(matched, again);
    matched
}

fn expected(patterns: &BTreeMap<u32, Pattern>, event: &Map<String, Value>) -> Vec<u32> {
    let matched = patterns.iter().filter(|(_, pattern)| pattern.matches(event));
    matched.map(|(id, _)| *id).collect()
}

#[derive(Clone, Debug)]
enum Change {
    Insert(u32, Box<Value>),
    Remove(u32),
    Check(Map<String, Value>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        5 => (0..12_u32, pattern()).prop_map(|(id, pattern)| Change::Insert(id, Box::new(pattern))),
        2 => (0..12_u32).prop_map(Change::Remove),
        4 => event().prop_map(Change::Check),
    ]
}

/// Patterns of one shape that ask for different values: so many that one key does not tell them apart.
fn alike() -> impl Strategy<Value = Vec<Value>> {
    let texts = || prop::sample::select(vec!["x", "X", "xy", "yx", "info", "error"]);
    let shape = 0..8_usize;
    let values = prop::collection::vec((texts(), texts(), texts()), 10..60);
    (shape, values).prop_map(|(shape, values)| {
        let of_shape = |(one, two, three): (&str, &str, &str)| match shape {
            0 => json!({"a": [one], "a.b": [two]}),
            1 => json!({"a": [{"wildcard": format!("{one}*{two}")}]}),
            2 => json!({"a": {"b": [one], "c": [two]}}),
            3 => json!({"a.b": [one], "c.a": [two], "b": [{"anything-but": three}]}),
            4 => json!({"a": {"b": {"c": [one], "a": [two]}, "c": [{"prefix": three}]}}),
            5 => json!({"a": [one], "b": [{"anything-but": two}]}),
            6 => json!({"a.b": [one], "a.c": [{"exists": true}], "b": [{"wildcard": format!("*{three}*")}]}),
            _ => json!({"a": {"b": [one, two], "not": {"c": [three]}}, "b": [{"exists": false}]}),
        };
        values.into_iter().map(of_shape).collect()
    })
}

/// Lists of objects and of texts, within each other, at the paths of [`alike`].
fn listed() -> impl Strategy<Value = Map<String, Value>> {
    let text = prop::sample::select(vec!["x", "X", "xy", "yx", "info", "error", "xyx", "infox"]).prop_map(Value::from);
    let value = text.prop_recursive(5, 60, 6, |inner| {
        let name = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..6).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 1..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let name = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    prop::collection::btree_map(name, value, 1..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_matches(patterns in prop::collection::vec(pattern(), 1..16), copies in 1_usize..8, events in prop::collection::vec(event(), 4)) {
        // Each of them often enough that there is no room under one key, and rows are found by two.
        let compiled: Vec<Pattern> = patterns.iter().filter_map(compile).collect();
        let copies = compiled.iter().cycle().take(compiled.len() * copies);
        let patterns: BTreeMap<u32, Pattern> = (0..).zip(copies.cloned()).collect();
        let mut index = Index::default();
        for (id, pattern) in &patterns {
            index.insert(*id, pattern);
        }
        let (snapshot, mut scratch) = (index.snapshot(), Scratch::default());
        for event in events {
            for text in spellings(&event) {
                let found = find(&snapshot, &mut scratch, &text);
                prop_assert_eq!(found, expected(&patterns, &event), "{} in {:?}", text, patterns.values().map(ToString::to_string).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn finds_rows_by_two_keys(patterns in alike(), events in prop::collection::vec(listed(), 8)) {
        let patterns: BTreeMap<u32, Pattern> = (0..).zip(patterns.iter().filter_map(compile)).collect();
        let mut index = Index::default();
        for (id, pattern) in &patterns {
            index.insert(*id, pattern);
        }
        let (snapshot, mut scratch) = (index.snapshot(), Scratch::default());
        for event in events {
            let found = find(&snapshot, &mut scratch, &Value::Object(event.clone()).to_string());
            prop_assert_eq!(found, expected(&patterns, &event), "{} in {:?}", Value::Object(event), patterns.values().map(ToString::to_string).collect::<Vec<_>>());
        }
    }

    #[test]
    fn changes_show_in_later_snapshots_only(changes in prop::collection::vec(change(), 1..60)) {
        let mut index = Index::default();
        let mut patterns = BTreeMap::new();
        let mut kept: Vec<(std::sync::Arc<Snapshot>, BTreeMap<u32, Pattern>)> = Vec::new();
        let mut scratch = Scratch::default();
        for change in changes {
            match change {
                Change::Insert(id, pattern) => {
                    let Some(pattern) = compile(&pattern) else { continue };
                    index.insert(id, &pattern);
                    patterns.insert(id, pattern);
                }
                Change::Remove(id) => prop_assert_eq!(index.remove(id), patterns.remove(&id).is_some()),
                Change::Check(event) => {
                    kept.push((index.snapshot(), patterns.clone()));
                    for (snapshot, patterns) in &kept {
                        let found = find(snapshot, &mut scratch, &Value::Object(event.clone()).to_string());
                        prop_assert_eq!(found, expected(patterns, &event));
                    }
                }
            }
            prop_assert_eq!(index.len(), patterns.len());
        }
        for id in patterns.keys() {
            index.remove(*id);
        }
        prop_assert!(index.is_empty());
        let found = find(&index.snapshot(), &mut scratch, r#"{"a": {"b": "x"}}"#);
        prop_assert_eq!(found, Vec::<u32>::new());
    }
}
