#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use patchpanel_plugin::{Patch, testing};
use std::fs;
use std::time::Duration;

const OWNERS: &str = "service,team,mail\nbilling,payments,pay@example.com\nedge,\"net, core\",net@example.com\n";

fn enrich(files: &[(&str, &str)], config: &str) -> (tempfile::TempDir, Result<Enrich, Vec<ConfigError>>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let config: Config = serde_json::from_str(config).unwrap();
    let enrich = config.check(directory.path());
    (directory, enrich)
}

fn event(source: &str, metadata: &str) -> Event {
    Event {
        source: source.to_owned(),
        metadata: metadata.to_owned(),
        ..Event::new("1", "t")
    }
}

fn metadata(outcome: Outcome) -> String {
    match outcome {
        Outcome::Patched(patch) => patch.metadata.unwrap(),
        other => format!("{other:?}"),
    }
}

#[test]
fn fixed_values_stand_where_nothing_stood_or_replace_it() {
    let event = event("s", r#"{"team": "a", "none": null}"#);
    let config = r#"{"set": {"metadata": {"team": "b", "none": 1, "deep": {"er": [1]}}, "subject": "x"}}"#;
    let (_directory, enrich) = enrich(&[], config);
    let patch = Patch {
        subject: Some("x".to_owned()),
        metadata: Some(r#"{"team":"a","none":null,"deep":{"er":[1]}}"#.to_owned()),
        ..Patch::new()
    };
    assert_eq!(enrich.unwrap().transform(&event), Ok(Outcome::Patched(patch)));
    let (_directory, enrich) = self::enrich(&[], r#"{"set": {"metadata.team": "b"}, "overwrite": true}"#);
    let outcome = enrich.unwrap().transform(&event).unwrap();
    assert_eq!(metadata(outcome), r#"{"team":"b","none":null}"#);
}

#[test]
fn rows_are_found_in_every_format() {
    let lists = [
        ("owners.csv", OWNERS),
        (
            "list.json",
            r#"[{"service": "billing", "team": "payments", "n": 7}, {"service": 8, "team": "x", "n": 8}]"#,
        ),
        ("map.json", r#"{"billing": {"team": "payments", "n": 7}}"#),
    ];
    for (lookup, expected) in [
        (
            r#""file": "owners.csv", "key": "service""#,
            r#"{"o":{"mail":"pay@example.com","team":"payments"}}"#,
        ),
        (
            r#""file": "/owners.csv", "key": "service", "columns": "team""#,
            r#"{"o":"payments"}"#,
        ),
        (
            r#""file": "owners.csv", "key": "service", "columns": ["service", "team"]"#,
            r#"{"o":{"service":"billing","team":"payments"}}"#,
        ),
        (
            r#""file": "list.json", "key": "service""#,
            r#"{"o":{"n":7,"team":"payments"}}"#,
        ),
        (r#""file": "map.json", "columns": "n""#, r#"{"o":7}"#),
    ] {
        let config = format!(r#"{{"lookups": [{{{lookup}, "by": "source", "into": "metadata.o"}}]}}"#);
        let (_directory, enrich) = enrich(&lists, &config);
        let outcome = enrich.unwrap().transform(&event("billing", "{}")).unwrap();
        assert_eq!(metadata(outcome), expected, "{lookup}");
    }
    let config = r#"{"lookups": [{"file": "list.json", "key": "service", "columns": "n", "by": "metadata.code", "into": "metadata.o"}]}"#;
    let (_directory, enrich) = enrich(&lists, config);
    let outcome = enrich.unwrap().transform(&event("", r#"{"code":8}"#)).unwrap();
    assert_eq!(metadata(outcome), r#"{"code":8,"o":8}"#);
}

#[test]
fn one_lookup_uses_what_the_one_before_found() {
    let rooms = ("rooms.json", r##"{"payments": {"room": "#pay"}}"##);
    let config = r#"{"lookups": [
        {"file": "owners.csv", "key": "service", "columns": "team", "by": "source", "into": "metadata.team"},
        {"file": "rooms.json", "columns": "room", "by": "metadata.team", "into": "metadata.room"}
    ]}"#;
    let (_directory, enrich) = enrich(&[("owners.csv", OWNERS), rooms], config);
    let outcome = enrich.unwrap().transform(&event("billing", "{}")).unwrap();
    assert_eq!(metadata(outcome), r##"{"team":"payments","room":"#pay"}"##);
}

#[test]
fn what_is_not_found_is_the_operators_choice() {
    for (missing, expected) in [
        ("leave", Outcome::Unchanged),
        (
            "null",
            Outcome::Patched(Patch {
                metadata: Some(r#"{"o":null}"#.to_owned()),
                ..Patch::new()
            }),
        ),
    ] {
        let config = format!(
            r#"{{"lookups": [{{"file": "owners.csv", "key": "service", "by": "source", "into": "metadata.o", "missing": "{missing}"}}]}}"#
        );
        let (_directory, enrich) = enrich(&[("owners.csv", OWNERS)], &config);
        let mut enrich = enrich.unwrap();
        assert_eq!(enrich.transform(&event("unknown", "{}")), Ok(expected.clone()));
        assert_eq!(enrich.transform(&event("", "{}")), Ok(expected));
    }
    let config = r#"{"lookups": [{"file": "owners.csv", "key": "service", "by": "source", "into": "metadata.o", "missing": "drop"}]}"#;
    let (_directory, enrich) = enrich(&[("owners.csv", OWNERS)], config);
    let outcome = enrich.unwrap().transform(&event("unknown", "{}")).unwrap();
    assert!(
        matches!(&outcome, Outcome::Dropped(reason) if reason.contains("owners.csv") && !reason.contains("unknown"))
    );
}

#[test]
fn a_file_that_changes_is_read_again_and_a_broken_one_is_not_taken() {
    let config = r#"{"lookups": [{"file": "owners.csv", "key": "service", "columns": "team", "by": "source", "into": "metadata.o"}]}"#;
    let (directory, enrich) = enrich(&[("owners.csv", OWNERS)], config);
    let mut enrich = enrich.unwrap();
    let mut team = |text: Option<&str>| {
        let file = directory.path().join("owners.csv");
        match text {
            Some(text) => fs::write(file, text).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
        let before = metadata(enrich.transform(&event("billing", "{}")).unwrap());
        testing::advance(Duration::from_secs(1));
        (before, metadata(enrich.transform(&event("billing", "{}")).unwrap()))
    };
    let of = |team: &str| format!(r#"{{"o":"{team}"}}"#);
    assert_eq!(team(Some("service,team\nbilling,new\n")), (of("payments"), of("new")));
    for broken in [
        "service\nbilling\n",
        "service,team\nbilling\n",
        "service,team\na,1\na,2\n",
        "",
    ] {
        assert_eq!(team(Some(broken)), (of("new"), of("new")), "{broken:?}");
    }
    assert_eq!(team(None), (of("new"), of("new")));
    assert_eq!(team(Some("service,team\nbilling,newest\n")), (of("new"), of("newest")));
}

#[test]
fn a_value_without_a_place_leaves_the_event() {
    let (_directory, enrich) = enrich(&[], r#"{"set": {"payload.a.b": 1}}"#);
    let event = Event {
        payload: r#"{"a": "text"}"#.to_owned(),
        ..event("", "{}")
    };
    assert_eq!(enrich.unwrap().transform(&event), Ok(Outcome::Unchanged));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let config = r#"{"set": {"id": "x", "metadata": 1, "level": "loud"}, "lookups": [
        {"file": "x.txt", "by": "sauce", "into": "source", "columns": []},
        {"file": "x.csv", "by": "source", "into": "metadata.o"},
        {"file": "none.csv", "key": "k", "by": "source", "into": "metadata.o"},
        {"file": "wrong.csv", "key": "k", "by": "source", "into": "metadata.o"},
        {"file": "twice.json", "key": "k", "by": "source", "into": "metadata.o"},
        {"file": "large.json", "by": "source", "into": "metadata.o"}
    ]}"#;
    let large = format!("{{}}{}", " ".repeat(4 << 20));
    let twice = r#"[{"k": 1}, {"k": "1"}]"#;
    let (_directory, enrich) = enrich(
        &[("wrong.csv", OWNERS), ("twice.json", twice), ("large.json", &large)],
        config,
    );
    let errors = enrich.unwrap_err();
    let has = |path: &str, text: &str| {
        errors
            .iter()
            .any(|error| error.path == path && error.message.contains(text))
    };
    for (path, text) in [
        ("set.id", "never changes"),
        ("set.metadata", "cannot be 1"),
        ("set.level", "cannot be \"loud\""),
        ("lookups.0.by", "`sauce`"),
        ("lookups.0.into", "never changes"),
        ("lookups.0.format", "csv"),
        ("lookups.0.columns", "leave it out"),
        ("lookups.1.key", "column"),
        ("lookups.2.file", "is not there"),
        ("lookups.3.file", "no column `k`, but service, team, mail"),
        ("lookups.4.file", "item 1: the same key is there twice"),
        ("lookups.5.file", "4MiB"),
    ] {
        assert!(has(path, text), "{path}: {errors:?}");
    }
    assert_eq!(errors.len(), 12, "{errors:?}");
    let (_directory, enrich) = self::enrich(&[], "{}");
    assert!(enrich.is_err());
}
