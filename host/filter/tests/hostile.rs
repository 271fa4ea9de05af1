//! Events made to be slow or to be misread: what matches is still exact, and nothing grows with the square of anything.
//! There is no clock here: what was quadratic would not end.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use patchpanel_filter::{Index, Invalid, Pattern, Scratch};
use serde_json::{Map, Value};

const MANY: usize = 10_000;

struct Patterns {
    index: Index,
    patterns: Vec<Pattern>,
}

fn patterns(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Patterns {
    let parse = |text: &str| {
        text.parse::<Pattern>()
            .unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
    };
    let patterns: Vec<Pattern> = texts.into_iter().map(|text| parse(text.as_ref())).collect();
    let mut index = Index::default();
    for (id, pattern) in (0..).zip(&patterns) {
        index.insert(id, pattern);
    }
    Patterns { index, patterns }
}

impl Patterns {
    fn matched(&self, event: &str) -> Vec<u32> {
        let (mut scratch, mut matched, mut again) = (Scratch::default(), Vec::new(), Vec::new());
        let snapshot = self.index.snapshot();
        snapshot.matches(event.as_bytes(), &mut scratch, &mut matched).unwrap();
        snapshot.matches_json(event.as_bytes(), &mut scratch, &mut again);
        assert_eq!(matched, again);
        matched
    }

    /// With the patterns asked one by one.
    fn agree(&self, event: &str) -> Vec<u32> {
        let tree: Map<String, Value> = serde_json::from_str(event).unwrap();
        let expected = (0..).zip(&self.patterns).filter(|(_, pattern)| pattern.matches(&tree));
        let expected: Vec<u32> = expected.map(|(id, _)| id).collect();
        assert_eq!(self.matched(event), expected);
        expected
    }
}

#[test]
fn many_elements_and_many_patterns_about_one_of_them() {
    let rule = |n: usize| {
        format!(
            r#"{{"items": {{"sku": ["s{n}"], "qty": [{}], "note": [{{"exists": false}}]}}}}"#,
            n % 7
        )
    };
    let patterns = patterns((0..MANY).map(rule));
    let item = |n: usize| {
        format!(
            r#"{{"sku":"s{n}","qty":{}{}}}"#,
            n % 5,
            if n.is_multiple_of(3) { r#","note":1"# } else { "" }
        )
    };
    let items: Vec<String> = (0..MANY).map(item).collect();
    let matched = patterns.matched(&format!(r#"{{"items":[{}]}}"#, items.join(",")));
    let expected = (0..MANY as u32).filter(|n| n % 7 == n % 5 && n % 3 != 0);
    assert!(matched.into_iter().eq(expected));
}

#[test]
fn two_long_lists_are_not_tried_against_each_other() {
    let rule = |n: usize| format!(r#"{{"a": ["x{}"], "b": ["y{}"]}}"#, n % 50, n / 50);
    let patterns = patterns((0..2_000).map(rule));
    let list = |letter: &str| {
        (0..MANY)
            .map(|n| format!("\"{letter}{n}\""))
            .collect::<Vec<_>>()
            .join(",")
    };
    let event = format!(r#"{{"a":[{}],"b":[{}]}}"#, list("x"), list("y"));
    assert_eq!(patterns.matched(&event).len(), 2_000);
    assert_eq!(patterns.agree(r#"{"a":["x1","x2"],"b":["y0","y1"]}"#), [1, 2, 51, 52]);
}

#[test]
fn one_value_very_often() {
    let patterns = patterns([
        r#"{"tags": ["a"]}"#,
        r#"{"tags": [{"all": ["a", "b"]}]}"#,
        r#"{"tags": [{"anything-but": "a"}]}"#,
        r#"{"tags": [{"wildcard": "*a*"}]}"#,
    ]);
    let tags = vec!["\"a\""; MANY].join(",");
    assert_eq!(patterns.agree(&format!(r#"{{"tags":[{tags}]}}"#)), [0, 3]);
    assert_eq!(patterns.agree(&format!(r#"{{"tags":[{tags},"b"]}}"#)), [0, 1, 2, 3]);
}

#[test]
fn the_last_of_repeated_names_counts() {
    let patterns = patterns([
        r#"{"a": [1]}"#,
        r#"{"a": [2]}"#,
        r#"{"a": {"b": ["x"]}}"#,
        r#"{"a": {"b": [{"exists": false}]}}"#,
        r#"{"a": {"b": ["x"], "c": ["y"]}}"#,
    ]);
    assert_eq!(patterns.agree(r#"{"a":1,"a":2}"#), [1, 3]);
    assert_eq!(patterns.agree(r#"{"a":{"b":"x"},"a":2}"#), [1, 3]);
    assert_eq!(patterns.agree(r#"{"a":2,"a":{"b":"z","b":"x"}}"#), [2]);
    assert_eq!(patterns.agree(r#"{"a":{"b":"x"},"a":{"c":"y"}}"#), [3]);
    assert_eq!(
        patterns.agree(r#"{"a":[{"b":"x","b":"z","c":"y"},{"b":"z","b":"x","c":"y"}]}"#),
        [2, 4]
    );
    assert_eq!(patterns.agree(r#"{"\u0061":1,"a":2,"a":1}"#), [0, 3]);
    let many: Vec<String> = (0..MANY).map(|n| format!(r#""a":{{"b":[{n},"x"],"c":"y"}}"#)).collect();
    assert_eq!(patterns.agree(&format!("{{{}}}", many.join(","))), [2, 4]);
}

#[test]
fn numbers_of_every_size() {
    let patterns = patterns([
        r#"{"n": [{"exists": true}]}"#,
        r#"{"n": [{"numeric": [">", 0]}]}"#,
        r#"{"n": [{"numeric": [">=", 1e300]}]}"#,
        r#"{"n": [18446744073709551615]}"#,
        r#"{"n": [{"numeric": ["<", 1e-300]}]}"#,
        r#"{"n": [0]}"#,
        r#"{"n": [{"numeric": [">", 9007199254740992, "<", 9007199254740994]}]}"#,
    ]);
    let long = format!("1{}", "0".repeat(MANY));
    assert_eq!(patterns.matched(&format!(r#"{{"n": {long}}}"#)), [0], "past every f64");
    assert_eq!(patterns.matched(r#"{"n": -1e999}"#), [0]);
    assert_eq!(
        patterns.agree(&format!(r#"{{"n": 0.{}1}}"#, "0".repeat(MANY))),
        [0, 4, 5]
    );
    assert_eq!(patterns.agree(&format!(r#"{{"n": 1{}}}"#, "0".repeat(300))), [0, 1, 2]);
    assert_eq!(patterns.agree(r#"{"n": 18446744073709551615}"#), [0, 1, 3]);
    assert_eq!(patterns.agree(r#"{"n": 18446744073709551614}"#), [0, 1]);
    assert_eq!(patterns.agree(r#"{"n": 9007199254740993}"#), [0, 1, 6]);
    assert_eq!(patterns.agree(r#"{"n": -0.0}"#), [0, 4, 5]);
}

#[test]
fn escapes_and_halves_of_surrogates() {
    let patterns = patterns([
        r#"{"😀": ["x"]}"#,
        r#"{"a\"b": ["\\"]}"#,
        r#"{"s": [{"exists": true}]}"#,
        r#"{"s": [{"anything-but": "x"}]}"#,
        r#"{"s": [{"prefix": ""}]}"#,
        r#"{"s": ["é\n😀"]}"#,
    ]);
    assert_eq!(patterns.agree(r#"{"\ud83d\ude00":"\u0078"}"#), [0]);
    assert_eq!(patterns.agree(r#"{"a\u0022b":"\\"}"#), [1]);
    assert_eq!(patterns.agree(r#"{"s":"\u00e9\n\uD83D\uDE00"}"#), [2, 3, 4, 5]);
    // Half of a pair is JSON and no text: it is a value, other than any that a pattern can name.
    assert_eq!(patterns.matched(r#"{"s":"\ud83d"}"#), [2, 3]);
    assert_eq!(patterns.matched(r#"{"\ud83d":"x"}"#), Vec::<u32>::new());
}

#[test]
fn depth_is_refused_with_its_place_and_costs_no_stack() {
    let patterns = patterns([r#"{"a": [1]}"#, r#"{"a": {"a": {"a": [{"exists": true}]}}}"#]);
    let nested = |levels: usize| format!(r#"{{"a":{}1{}}}"#, "[".repeat(levels), "]".repeat(levels));
    assert_eq!(patterns.agree(&nested(100)), [0]);
    let deep = nested(1_000_000);
    let (mut scratch, mut matched) = (Scratch::default(), vec![1]);
    let refused = patterns
        .index
        .snapshot()
        .matches(deep.as_bytes(), &mut scratch, &mut matched);
    assert_eq!(refused, Err(Invalid::TooDeep { offset: 132 }));
    assert!(matched.is_empty());
    patterns
        .index
        .snapshot()
        .matches_json(deep.as_bytes(), &mut scratch, &mut matched);
    let objects = format!(r#"{}1{}"#, r#"{"a":"#.repeat(100), "}".repeat(100));
    assert_eq!(patterns.agree(&objects), Vec::<u32>::new());
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let patterns = patterns([r#"{"a": [1]}"#]);
    for (event, said) in [
        ("{\"a\": 1", "not JSON: EOF while parsing an object at byte 7"),
        ("{\"a\": 1}}", "not JSON: trailing characters at byte 8"),
        ("{\"a\": 1, \"b\": nul}", "not JSON: expected ident at byte 17"),
        (
            "{\"a\": \"\u{1}\"}",
            "not JSON: control character (\\u0000-\\u001F) found while parsing a string at byte 7",
        ),
    ] {
        let mut matched = vec![1];
        let refused = patterns
            .index
            .snapshot()
            .matches(event.as_bytes(), &mut Scratch::default(), &mut matched);
        assert_eq!(refused.unwrap_err().to_string(), said, "{event}");
        assert!(matched.is_empty());
    }
    for event in ["[{\"a\": 1}]", "1", "null", "\"a\""] {
        assert!(patterns.matched(event).is_empty(), "only objects have fields: {event}");
    }
}

#[test]
fn any_bytes_that_are_called_json_do_no_harm() {
    let patterns = patterns([
        r#"{"a": {"b": [1]}, "c": [{"anything-but": "x"}]}"#,
        r#"{"a": [{"exists": false}]}"#,
    ]);
    let event = br#"{"a":[{"b":1},{"c":"x\"y","b":[]}],"c":{"a":null}}"#;
    let (mut scratch, mut matched) = (Scratch::default(), Vec::new());
    for cut in 0..event.len() {
        let (before, after) = event.split_at(cut);
        for bytes in [
            before.to_vec(),
            after.to_vec(),
            [after, before].concat(),
            [before, b"]}\"", after].concat(),
        ] {
            patterns
                .index
                .snapshot()
                .matches_json(&bytes, &mut scratch, &mut matched);
        }
    }
}
