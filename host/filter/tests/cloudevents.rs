//! Filters of the CloudEvents Subscriptions API: the same answer as an evaluator of the filters themselves, before and
//! after they are printed as event patterns, and attributes where events keep them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use patchpanel_filter::{MAX_ALTERNATIVES, MAX_DEPTH, Mistake, Pattern, Source};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Written from the specification, section 3.2.4.
fn holds(filter: &Value, event: &Map<String, Value>) -> bool {
    let (dialect, operand) = filter.as_object().unwrap().iter().next().unwrap();
    let every = |test: fn(&str, &str) -> bool| {
        operand.as_object().unwrap().iter().all(|(attribute, wanted)| {
            let found = event.get(attribute).and_then(Value::as_str);
            found.is_some_and(|found| test(found, wanted.as_str().unwrap()))
        })
    };
    match dialect.as_str() {
        "exact" => every(|found, wanted| found == wanted),
        "prefix" => every(|found, wanted| found.starts_with(wanted)),
        "suffix" => every(|found, wanted| found.ends_with(wanted)),
        "all" => operand.as_array().unwrap().iter().all(|filter| holds(filter, event)),
        "any" => operand.as_array().unwrap().iter().any(|filter| holds(filter, event)),
        "not" => !holds(operand, event),
        other => panic!("{other}"),
    }
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["x", "xy", "yx", "xyx", "X", "é"]).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn filter() -> impl Strategy<Value = Value> {
    let attributes = prop::collection::btree_map(name(), text(), 1..3);
    let dialect = select(vec!["exact", "prefix", "suffix"]);
    let test = (dialect, attributes).prop_map(|(dialect, attributes)| json!({ dialect: attributes }));
    test.prop_recursive(4, 24, 3, |inner| {
        let filters = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            filters.clone().prop_map(|filters| json!({ "all": filters })),
            filters.prop_map(|filters| json!({ "any": filters })),
            inner.prop_map(|filter| json!({ "not": filter })),
        ]
    })
}

fn event() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        6 => text().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(1)),
    ];
    prop::collection::btree_map(name(), value, 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filters_agree_with_the_specification(
        filters in prop::collection::vec(filter(), 1..4),
        events in prop::collection::vec(event(), 8),
    ) {
        let text = Value::from(filters.clone()).to_string();
        let compiled = match text.parse::<Pattern>() {
            Ok(compiled) => compiled,
            Err(mistakes) => {
                let limit = ["multiplies out", "alternatives", "matchers"];
                let expected = |mistake: &Mistake| limit.iter().any(|part| mistake.message.contains(part));
                prop_assert!(mistakes.iter().all(expected), "{}: {:?}", text, mistakes);
                return Err(TestCaseError::reject("refused"));
            }
        };
        for event in events {
            let expected = filters.iter().all(|filter| holds(filter, &event));
            prop_assert_eq!(compiled.matches(&event), expected, "{} on {}", text, Value::Object(event));
        }
        let printed = compiled.to_string();
        prop_assert_eq!(printed.parse::<Pattern>(), Ok(compiled), "{} printed as {}", text, printed);
    }
}

#[test]
fn filters_are_event_patterns_in_another_spelling() {
    for (filters, pattern) in [
        (
            r#"[{"exact": {"type": "a", "source": "b"}}]"#,
            r#"{"source":["b"],"type":["a"]}"#,
        ),
        (
            r#"[{"prefix": {"type": "a"}}, {"not": {"suffix": {"type": "z"}}}]"#,
            r#"{"not":{"type":[{"suffix":"z"}]},"type":[{"prefix":"a"}]}"#,
        ),
        (
            r#"[{"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b"}}]}]"#,
            r#"{"$or":[{"type":["a"]},{"type":["b"]}]}"#,
        ),
        (
            r#"[{"prefix": {"type": "a"}}, {"all": [{"suffix": {"type": "z"}}, {"exact": {"type": "a-z"}}]}]"#,
            r#"{"type":[{"all":[{"prefix":"a"},{"suffix":"z"},"a-z"]}]}"#,
        ),
        (
            r#"[{"prefix": {"type": "a"}}, {"any": [{"suffix": {"type": "z"}}, {"exact": {"id": "1"}}]}]"#,
            r#"{"$or":[{"type":[{"all":[{"prefix":"a"},{"suffix":"z"}]}]},{"id":["1"],"type":[{"prefix":"a"}]}]}"#,
        ),
        (
            r#"[{"not": {"not": {"any": [{"exact": {"type": "a"}}]}}}]"#,
            r#"{"not":{"not":{"type":["a"]}}}"#,
        ),
    ] {
        let compiled: Pattern = filters.parse().unwrap();
        assert_eq!(compiled.to_string(), pattern, "{filters}");
        assert_eq!(pattern.parse(), Ok(compiled), "{filters}");
    }
}

#[test]
fn attributes_are_read_where_events_keep_them() {
    let fields = ["type", "correlation_id", "metadata", "payload"];
    let read = |filters: &str, fields: &[&str]| {
        let source = Source::from_json(filters).unwrap();
        Pattern::parse_with_fields(&source, fields).map(|pattern| pattern.to_string())
    };
    let filters = r#"[{"exact": {"type": "a", "correlationid": "b", "datacontenttype": "c", "foo": "d"}}]"#;
    assert_eq!(
        read(filters, &fields).unwrap(),
        r#"{"correlation_id":["b"],"metadata.datacontenttype":["c"],"metadata.foo":["d"],"type":["a"]}"#
    );
    let own_name = r#"[{"exact": {"correlation_id": "b"}}]"#;
    assert_eq!(read(own_name, &fields).unwrap(), r#"{"correlation_id":["b"]}"#);
    let nowhere = read(r#"[{"exact": {"typ": "a"}}]"#, &["type", "payload"]).unwrap_err();
    let said: Vec<String> = nowhere.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["[0].exact.typ: events have no field `typ` (did you mean `type`?)"]
    );
}

#[test]
fn filters_are_held_to_the_limits_of_patterns() {
    let one = |text: &str| text.parse::<Pattern>().unwrap_err().first().unwrap().message.clone();
    let fits = |text: &str| assert!(text.parse::<Pattern>().is_ok(), "{text}");

    let any = |n| format!(r#"{{"any": [{{"exact": {{"a{n}": "x"}}}}, {{"exact": {{"b{n}": "x"}}}}]}}"#);
    let anys = |count: u32| (0..count).map(any).collect::<Vec<_>>().join(",");
    let most = MAX_ALTERNATIVES.ilog2();
    let refused = "`any` multiplies out to 512 alternatives, and 256 are allowed";
    fits(&format!("[{}]", anys(most)));
    assert_eq!(one(&format!("[{}]", anys(most + 1))), refused);
    assert_eq!(
        one(&format!(r#"[{{"not": {{"all": [{}]}}}}]"#, anys(most + 1))),
        refused
    );

    let nots = |count: usize| {
        let test = r#"{"exact": {"a": "x"}}"#;
        format!("[{}{test}{}]", r#"{"not": "#.repeat(count), "}".repeat(count))
    };
    fits(&nots(MAX_DEPTH - 4));
    assert_eq!(one(&nots(MAX_DEPTH - 3)), "the pattern is nested deeper than 32 levels");

    let tests = |count: usize| {
        let test = |n| format!(r#"{{"prefix": {{"a": "{n}"}}}}"#);
        format!("[{}]", (0..count).map(test).collect::<Vec<_>>().join(","))
    };
    fits(&tests(1024));
    assert_eq!(one(&tests(1025)), "the list has 1025 items, and 1024 are allowed");
    let split = format!(r#"[{{"all": {}}}, {{"all": {0}}}]"#, tests(600));
    assert_eq!(
        one(&split),
        "as an event pattern, the list has 1200 items, and 1024 are allowed"
    );
}
