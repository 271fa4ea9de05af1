//! Which events take which routes: filters against a naive reading of the whole event, levels, and named channels.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use fakes::*;
use patchpanel_event::{Event, Level, Limits};
use patchpanel_filter::Pattern;
use patchpanel_router::{ChannelEntry, PullPlan, Scratch, Subscription, Table, TableError, TableSpec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const PATTERNS: [&str; 8] = [
    r#"{"type": ["git.commit", {"prefix": "auth."}]}"#,
    r#"{"level": [{"at-least": "warning"}]}"#,
    r#"{"source": [{"exists": false}]}"#,
    r#"{"payload": {"n": [{"numeric": [">", 2]}]}}"#,
    r#"{"metadata": {"team": ["core"]}, "payload": {"tags": ["b"]}}"#,
    r#"{"channels": ["x"]}"#,
    r#"{"$or": [{"message": [{"wildcard": "*bc*"}]}, {"subject": [{"anything-but": "q"}]}]}"#,
    r#"{"payload": {"n": [{"exists": false}]}, "id": [{"prefix": "e"}]}"#,
];

fn events() -> impl Strategy<Value = Value> {
    let pick = |values: Vec<Value>| prop::option::of(prop::sample::select(values));
    let fields = (
        prop::sample::select(vec!["git.commit", "auth.failed", "other"]),
        pick(Level::ALL.iter().map(|level| json!(level.as_str())).collect()),
        pick(vec![json!("github"), json!("\u{e9}\"")]),
        pick(vec![
            json!({"n": 1}),
            json!({"n": 3.5, "tags": ["a", "b"]}),
            json!([{"n": 9}]),
            json!(null),
        ]),
        pick(vec![json!({}), json!({"team": "core"}), json!({"team": ["core", "x"]})]),
        pick(vec![json!([]), json!(["x"]), json!(["nobody", "x", "x"])]),
        pick(vec![json!("abcd"), json!("")]),
        pick(vec![json!("q"), json!("p")]),
    );
    fields.prop_map(|(kind, level, source, payload, metadata, channels, message, subject)| {
        let mut event = json!({"id": "e", "time": "2026-01-31T12:00:00Z", "type": kind});
        for (name, value) in [
            ("level", level),
            ("source", source),
            ("payload", payload),
            ("metadata", metadata),
            ("channels", channels),
            ("message", message),
            ("subject", subject),
        ] {
            if let Some(value) = value {
                event[name] = value;
            }
        }
        event
    })
}

fn parse(event: &Value) -> Event {
    Event::parse(event.to_string().into(), &Limits::default()).unwrap()
}

fn matched(table: &Table, event: &Value) -> Vec<String> {
    let routes = table.matched(&parse(event), &mut Scratch::default());
    routes.iter().map(ToString::to_string).collect()
}

fn entry(key: &str) -> ChannelEntry {
    channel(key, FakeChannel::new([]))
}

proptest! {
    #[test]
    fn agrees_with_matching_the_whole_tree(
        event in events(),
        rules in prop::collection::vec((prop::option::of(0..PATTERNS.len()), 0_usize..5), 0..6),
        floor in 0_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _time = runtime.enter();
        let pattern = |index: &usize| PATTERNS[*index].parse::<Pattern>().unwrap();
        let subscriptions = rules.iter().enumerate().map(|(index, (filter, level))| Subscription {
            filter: filter.as_ref().map(pattern),
            min_level: Level::ALL[*level],
            ..subscription(&format!("s{index}"), "c", plan(1, 1))
        });
        let table = Table::new(TableSpec {
            subscriptions: subscriptions.collect(),
            channels: vec![ChannelEntry { min_level: Level::ALL[floor], ..entry("c") }],
            ..TableSpec::default()
        })
        .unwrap();

        let mut tree: Map<String, Value> = event.as_object().unwrap().clone();
        let level = tree.entry("level").or_insert_with(|| json!("info")).as_str().unwrap().parse::<Level>().unwrap();
        let expected = rules.iter().enumerate().filter(|(_, (filter, min_level))| {
            level >= Level::ALL[*min_level]
                && level >= Level::ALL[floor]
                && filter.as_ref().map(pattern).is_none_or(|pattern| pattern.matches(&tree))
        });
        let expected: Vec<String> = expected.map(|(index, _)| format!("s{index}")).collect();
        prop_assert_eq!(matched(&table, &event), expected);

        let mut indices = vec![99];
        table.matched_into(&parse(&event), &mut Scratch::default(), &mut indices);
        let names: Vec<String> =
            indices.iter().map(|index| table.route_name(*index).unwrap().to_string()).collect();
        prop_assert_eq!(names, matched(&table, &event));
    }
}

#[tokio::test]
async fn a_name_is_a_key_or_an_alias_or_else_a_plugin() {
    let with = |key: &str, plugin: &str| ChannelEntry {
        plugin: plugin.into(),
        ..entry(key)
    };
    let table = table(
        vec![],
        vec![
            with("ops", "chat"),
            with("dev", "chat"),
            with("chat-all", "other"),
            with("mail", "mail"),
        ],
    );
    for (named, expected) in [
        (json!(["ops"]), &["channel:ops"][..]),
        (json!(["dev-alias"]), &["channel:dev"]),
        (json!(["chat"]), &["channel:ops", "channel:dev"]),
        (json!(["chat", "dev", "dev-alias"]), &["channel:ops", "channel:dev"]),
        (json!(["mail"]), &["channel:mail"]),
        (json!(["nobody"]), &[]),
        (json!([]), &[]),
    ] {
        let event = json!({"type": "t", "channels": named});
        assert_eq!(matched(&table, &event), expected, "{named}");
    }
    let event = parse(&json!({"type": "t", "channels": ["chat", "nobody", "mail"]}));
    assert_eq!(table.unknown_channels(&event), ["nobody"]);
}

#[tokio::test]
async fn a_named_channel_is_left_out_only_where_a_subscription_hands_it_the_very_same() {
    let mut to_somebody = plan(1, 1);
    to_somebody.recipients = vec!["ada".into()];
    let of_type = |name: &str, kind: &str, plan| Subscription {
        filter: Some(format!(r#"{{"type": ["{kind}"]}}"#).parse().unwrap()),
        ..subscription(name, "c", plan)
    };
    let table = table(
        vec![of_type("plain", "a", plan(1, 1)), of_type("personal", "b", to_somebody)],
        vec![ChannelEntry {
            min_level: Level::Warning,
            ..entry("c")
        }],
    );
    for (kind, level, expected) in [
        ("a", "error", &["plain"][..]),
        ("b", "error", &["personal", "channel:c"]),
        ("c", "error", &["channel:c"]),
        ("a", "info", &[]),
        ("c", "info", &[]),
    ] {
        let event = json!({"type": kind, "level": level, "channels": ["c"]});
        assert_eq!(matched(&table, &event), expected, "{kind} {level}");
    }
}

#[tokio::test]
async fn a_pull_subscription_stands_for_no_channel() {
    let table = table(
        vec![pulled("p", PullPlan::default()), subscription("s", "c", plan(1, 1))],
        vec![entry("c"), entry("d")],
    );
    let targets: Vec<_> = table.route_targets().collect();
    assert_eq!(
        targets,
        [("p", "pull"), ("s", "c"), ("channel:c", "c"), ("channel:d", "d")]
    );
    let event = json!({"type": "t", "channels": ["c", "d"]});
    assert_eq!(matched(&table, &event), ["p", "s", "channel:d"]);
}

#[tokio::test]
async fn a_table_refuses_all_that_is_wrong_at_once() {
    let errors = Table::new(TableSpec {
        subscriptions: vec![
            subscription("twice", "a", plan(1, 1)),
            subscription("twice", "a", plan(1, 1)),
            subscription("channel:a", "a", plan(1, 1)),
            subscription("", "a", plan(1, 1)),
            subscription("a/b", "a", plan(1, 1)),
            pulled("a#1", PullPlan::default()),
            subscription("lost", "a-alias", plan(1, 1)),
        ],
        channels: vec![
            entry("a"),
            ChannelEntry {
                aliases: vec!["a".into()],
                ..entry("b")
            },
        ],
        ..TableSpec::default()
    });
    assert_eq!(
        errors.err().unwrap(),
        [
            TableError::RepeatedChannel("a".into()),
            TableError::RepeatedSubscription("twice".into()),
            TableError::ReservedName("channel:a".into()),
            TableError::ReservedName(String::new()),
            TableError::ReservedName("a/b".into()),
            TableError::ReservedName("a#1".into()),
            TableError::UnknownChannel {
                subscription: "lost".into(),
                channel: "a-alias".into()
            },
        ]
    );
}
