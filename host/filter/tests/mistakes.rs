//! What is said about wrong patterns, and where it points.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use patchpanel_filter::{
    MAX_ALTERNATIVES, MAX_LIST_ITEMS, MAX_MATCHERS, MAX_PATH_NAMES, MAX_WILDCARD_STARS, Mistake, Pattern, Source,
    SourceValue,
};

const FIELDS: [&str; 6] = ["type", "source", "level", "tags", "metadata", "payload"];

fn mistakes(text: &str) -> Vec<Mistake> {
    let source = Source::from_json(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
    match Pattern::parse_with_fields(&source, &FIELDS) {
        Ok(pattern) => panic!("{text} was accepted as {pattern}"),
        Err(mistakes) => mistakes,
    }
}

/// One line for each mistake: the text it points at, and what is said.
fn said(text: &str) -> Vec<String> {
    let line = |mistake: &Mistake| format!("{} <- {mistake}", text.get(mistake.span.clone()).unwrap());
    mistakes(text).iter().map(line).collect()
}

#[test]
fn each_mistake_has_its_place_and_its_fix() {
    let table = include_str!("mistakes.txt");
    let mut cases = 0;
    for case in table.split("\n\n").filter(|case| !case.trim().is_empty()) {
        let (text, expected) = case.trim().split_once('\n').unwrap();
        assert_eq!(said(text).join("\n"), expected, "{text}");
        cases += 1;
    }
    assert!(cases > 40, "only {cases} cases were read");
}

#[test]
fn all_mistakes_come_at_once_in_the_order_of_the_text() {
    let text = r#"{
        "tpye": ["a"],
        "level": "error",
        "payload": {"n": [{"numeric": ["<", "10", ">", true]}, {"prefx": "x"}], "m": []},
        "$or": [{"source": [{"cidr": "10.0.0.1"}]}]
    }"#;
    let lines = said(text);
    let paths: Vec<_> = mistakes(text).into_iter().map(|mistake| mistake.path).collect();
    assert_eq!(
        paths,
        [
            "tpye",
            "level",
            "payload.n[0].numeric[1]",
            "payload.n[0].numeric[3]",
            "payload.n[1].prefx",
            "payload.m",
            "$or",
            "$or[0].source[0].cidr"
        ],
        "{lines:#?}"
    );
}

#[test]
fn limits_hold_on_both_sides() {
    let one = |text: &str| mistakes(text).first().unwrap().message.clone();
    let fits = |text: &str| assert!(text.parse::<Pattern>().is_ok(), "{text}");

    let list = |items: usize| format!(r#"{{"type": [{}]}}"#, vec!["1"; items].join(","));
    fits(&list(MAX_LIST_ITEMS));
    assert_eq!(
        one(&list(MAX_LIST_ITEMS + 1)),
        "the list has 1025 items, and 1024 are allowed"
    );

    let path = |names: usize| format!(r#"{{"payload{}": [1]}}"#, ".x".repeat(names - 1));
    fits(&path(MAX_PATH_NAMES));
    assert_eq!(one(&path(MAX_PATH_NAMES + 1)), "the path has more than 32 names");
    let across_not = format!(
        r#"{{"payload{0}": {{"not": {{"x{0}": [1]}}}}}}"#,
        ".x".repeat(MAX_PATH_NAMES / 2)
    );
    assert_eq!(one(&across_not), "the path has more than 32 names");

    let stars = |stars: usize| format!(r#"{{"type": [{{"wildcard": "{}"}}]}}"#, "a*".repeat(stars));
    fits(&stars(MAX_WILDCARD_STARS));
    assert_eq!(
        one(&stars(MAX_WILDCARD_STARS + 1)),
        "more than 16 stars in one wildcard"
    );

    // Each `$or` doubles the alternatives.
    let ors = |count: u32| {
        let or = |n| format!(r#""x{n}": {{"$or": [{{"a": [1]}}, {{"b": [1]}}]}}"#);
        format!(
            r#"{{"payload": {{{}}}}}"#,
            (0..count).map(or).collect::<Vec<_>>().join(",")
        )
    };
    let most = MAX_ALTERNATIVES.ilog2();
    fits(&ors(most));
    assert_eq!(
        one(&ors(most + 1)),
        "`$or` multiplies out to 512 alternatives, and 256 are allowed"
    );
    assert_eq!(
        one(&ors(200)),
        format!(
            "`$or` multiplies out to {} alternatives, and 256 are allowed",
            usize::MAX
        )
    );
    let inside_not = format!(r#"{{"not": {}}}"#, ors(most + 1));
    assert_eq!(
        one(&inside_not),
        "`$or` multiplies out to 512 alternatives, and 256 are allowed"
    );

    let matchers = |lists: usize| {
        let list = |n| format!(r#""x{n}": [{}]"#, vec!["1"; MAX_LIST_ITEMS].join(","));
        format!(
            r#"{{"payload": {{{}}}}}"#,
            (0..lists).map(list).collect::<Vec<_>>().join(",")
        )
    };
    fits(&matchers(MAX_MATCHERS / MAX_LIST_ITEMS));
    assert_eq!(
        one(&matchers(5)),
        "the pattern comes to 5120 matchers, and 4096 are allowed"
    );

    // Small as written, large when multiplied out.
    let long = format!(
        r#"{{"type": ["{}"], "$or": [{{"level": [1]}}, {{"source": [2]}}]}}"#,
        "x".repeat(40_000)
    );
    assert_eq!(
        one(&long),
        "with `$or` multiplied out, the pattern is larger than 65536 bytes"
    );
}

#[test]
fn a_tree_from_elsewhere_is_held_to_the_same_limits() {
    let scalar = |value| Source { value, span: 0..0 };
    let mut deep = scalar(SourceValue::Null);
    for _ in 0..40 {
        deep = scalar(SourceValue::Array(vec![deep]));
    }
    let said = |source: &Source| Pattern::parse(source).unwrap_err().first().unwrap().message.clone();
    assert_eq!(said(&deep), "the pattern is nested deeper than 32 levels");
    let large = scalar(SourceValue::String("x".repeat(70_000)));
    assert_eq!(said(&large), "the pattern is larger than 65536 bytes");
    let number = scalar(SourceValue::Array(vec![scalar(SourceValue::Number("inf".to_owned()))]));
    let key = patchpanel_filter::Key {
        name: "x".to_owned(),
        span: 0..0,
    };
    let object = scalar(SourceValue::Object(vec![(key, number)]));
    assert_eq!(said(&object), "`inf` is not a number that an event can hold");
}
