//! What is said of events that match and of events that do not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use patchpanel_filter::{Explanation, Pattern};
use serde_json::{Map, Value, json};

fn explain(pattern: &str, event: &str) -> Explanation {
    let pattern: Pattern = pattern
        .parse()
        .unwrap_or_else(|mistakes| panic!("{pattern}: {mistakes:?}"));
    let event: Map<String, Value> = serde_json::from_str(event).unwrap_or_else(|error| panic!("{event}: {error}"));
    let explained = pattern.explain(&event);
    assert_eq!(explained.matched(), pattern.matches(&event));
    explained
}

/// The misses of a pattern with one predicate, on an event that it does not match.
fn miss(pattern: &str, event: &str) -> String {
    let explained = explain(pattern, event);
    let (_, nearest) = explained
        .nearest()
        .unwrap_or_else(|| panic!("{pattern} matches {event}"));
    nearest.misses().join("; ")
}

#[test]
fn trees_are_as_written_down() {
    let table = include_str!("explain.txt");
    let mut cases = 0;
    for case in table.split("\n\n").filter(|case| !case.trim().is_empty()) {
        let mut lines = case.trim().splitn(3, '\n');
        let (pattern, event, expected) = (lines.next().unwrap(), lines.next().unwrap(), lines.next().unwrap());
        assert_eq!(explain(pattern, event).to_string(), expected, "{pattern}\n{event}");
        cases += 1;
    }
    assert!(cases >= 12, "only {cases} cases were read");
}

#[test]
fn near_misses_are_named() {
    let table = include_str!("near.txt");
    let mut cases = 0;
    for case in table.split("\n\n").filter(|case| !case.trim().is_empty()) {
        let [pattern, event, expected] = case.trim().lines().collect::<Vec<_>>()[..] else {
            panic!("not three lines: {case}")
        };
        assert_eq!(miss(pattern, event), expected, "{pattern}\n{event}");
        cases += 1;
    }
    assert!(cases >= 40, "only {cases} cases were read");
}

#[test]
fn values_are_shown_up_to_a_bound() {
    let explained = explain(r#"{"x": ["a"]}"#, &json!({"x": vec!["b"; 100]}).to_string());
    assert_eq!(
        explained.to_string().lines().next().unwrap(),
        r#"✗ x: asked ["a"], found "b" at x[0], "b" at x[1], "b" at x[2], "b" at x[3], "b" at x[4] and 95 more"#
    );
    let long = "é".repeat(1000);
    let said = explain(r#"{"x": ["a"]}"#, &json!({"x": long}).to_string()).to_string();
    assert!(said.contains(&format!("found \"{}…\"\n", "é".repeat(120))), "{said}");
    assert!(said.chars().count() < 500, "{said}");
    let items: Vec<u32> = (0..500).collect();
    let said = explain(&json!({"x": items}).to_string(), r#"{"x": 1000}"#).to_string();
    assert!(said.contains("asked [0, 1, 2, 3, 4, 5, 6, 7, 492 more]"), "{said}");
    let hostile = explain(r#"{"x.abcdef": ["a"]}"#, r#"{"x": {"abcdefg\u001b[2J": "\u001b[2J"}}"#).to_string();
    assert!(
        hostile
            .chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{hostile:?}"
    );
}

#[test]
fn json_has_a_stable_shape() {
    let pattern = r#"{"x.n": [7, {"exists": false}], "x": {"not": {"draft": [true]}}, "y": [{"prefix": "a"}]}"#;
    let explained = explain(
        pattern,
        r#"{"x": {"n": "7", "draft": true}, "y": ["b", {"c": 1}, "ab"]}"#,
    );
    assert_eq!(
        explained.to_json(),
        json!({
            "matched": false,
            "alternatives": [{
                "held": false,
                "apart": [],
                "predicates": [
                    {
                        "path": "x",
                        "held": false,
                        "hint": "`x` has what must not hold: {\"draft\":[true]}",
                        "not": {"draft": [true]},
                        "holds_at": "x",
                        "inner": [{
                            "path": "x.draft",
                            "held": true,
                            "hint": null,
                            "asked": [true],
                            "found": [{"at": "x.draft", "kind": "boolean", "text": "true"}],
                            "found_more": 0
                        }]
                    },
                    {
                        "path": "x.n",
                        "held": false,
                        "hint": "`x.n` is the text \"7\", and the pattern asks for the number 7",
                        "asked": [7, {"exists": false}],
                        "found": [{"at": "x.n", "kind": "string", "text": "7"}],
                        "found_more": 0
                    },
                    {
                        "path": "y",
                        "held": true,
                        "hint": null,
                        "asked": [{"prefix": "a"}],
                        "found": [
                            {"at": "y[0]", "kind": "string", "text": "b"},
                            {"at": "y[1]", "kind": "object", "text": ""},
                            {"at": "y[2]", "kind": "string", "text": "ab"}
                        ],
                        "found_more": 0
                    }
                ]
            }],
            "nearest_miss": {
                "alternative": 0,
                "misses": [
                    "`x` has what must not hold: {\"draft\":[true]}",
                    "`x.n` is the text \"7\", and the pattern asks for the number 7"
                ]
            }
        })
    );
    let apart = explain(
        r#"{"$or": [{"p.name": ["Anna"], "p.age": [7]}, {"q": [1]}]}"#,
        r#"{"p": [{"name": "Anna"}, {"age": 7}], "q": 1}"#,
    );
    let apart = apart.to_json();
    assert_eq!(
        apart["alternatives"][0]["apart"],
        json!([{"list": "p", "paths": ["p.age", "p.name"]}])
    );
    assert_eq!(
        (&apart["matched"], &apart["nearest_miss"]),
        (&json!(true), &Value::Null)
    );
}

/// The nearest is the alternative that lacks the least, whatever its place.
#[test]
fn the_nearest_alternative_lacks_the_least() {
    let explained = explain(
        r#"{"$or": [{"a": [1], "b": [1]}, {"c": [1], "b": [2]}, {"a": [1], "d": [1]}]}"#,
        r#"{"a": 2, "b": 2}"#,
    );
    assert_eq!(explained.nearest().unwrap().0, 1);
}

#[test]
fn a_large_event_and_a_large_pattern_take_no_time_to_speak_of() {
    let people: Vec<Value> = (0..20_000)
        .map(|n| json!({"name": format!("n{n}"), "age": n}))
        .collect();
    let event = json!({"people": people}).to_string();
    let items: Vec<String> = (0..1000).map(|n| format!("m{n}")).collect();
    let start = std::time::Instant::now();
    explain(
        &json!({"people.name": items, "people.age": [7], "people.x": [{"exists": false}]}).to_string(),
        &event,
    )
    .to_string();
    assert!(start.elapsed() < std::time::Duration::from_secs(20));
}
