//! The index finds exactly the patterns that match, whatever else it holds and however it came to hold it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod generate;

use std::collections::BTreeMap;

use generate::{compile, event, pattern};
use patchpanel_filter::{Index, Pattern, Scratch, Snapshot};
use proptest::prelude::*;
use serde_json::{Map, Value};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_matches(patterns in prop::collection::vec(pattern(), 1..24), events in prop::collection::vec(event(), 4)) {
        let compiled = patterns.iter().filter_map(compile);
        let patterns: BTreeMap<u32, Pattern> = (0..).zip(compiled).collect();
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
