//! What authors are told: `plugin check`, `test` and `bench` on sound components and on others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use patchpanel_tests::{Output, component, run};
use serde_json::{Value, json};

fn check(directory: &Path, guest: &str) -> Output {
    fs::write(directory.join("plugin.wasm"), component(guest)).unwrap();
    run(directory, &["plugin", "check", "plugin.wasm"], "")
}

#[test]
fn check_says_in_plain_words_what_is_wrong() {
    let directory = tempfile::tempdir().unwrap();
    for (guest, code, said) in [
        (
            "marker-redactor",
            0,
            "compiles, links and starts with an empty configuration",
        ),
        ("redact", 0, "examples come out as declared"),
        ("webhook", 0, "the operator has to grant `http`"),
        ("webhook", 0, "needs a configuration: "),
        ("wrong-world", 2, "it has no custom section `patchpanel-plugin`"),
        (
            "undeclared-import",
            2,
            "a redactor keeps nothing between calls; leave it out",
        ),
    ] {
        let checked = check(directory.path(), guest);
        assert_eq!(checked.code, code, "{guest}: {}{}", checked.stdout, checked.stderr);
        assert!(checked.stdout.contains(said), "{guest}: {}", checked.stdout);
    }
    fs::write(directory.path().join("plugin.wasm"), "no component").unwrap();
    let checked = run(directory.path(), &["plugin", "check", "plugin.wasm", "--json"], "");
    assert_eq!((checked.code, &checked.lines()[0]["ok"]), (2, &json!(false)));
    assert_eq!(run(directory.path(), &["plugin", "check", "nothing.wasm"], "").code, 1);
}

/// A project with a redactor and one case.
fn project(expected: Option<&str>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let case = directory.path().join("fixtures/one");
    fs::create_dir_all(&case).unwrap();
    fs::write(directory.path().join("mine.wasm"), component("marker-redactor")).unwrap();
    let events = [
        json!({"id": "1", "time": "2026-01-31T12:00:00Z", "type": "t", "message": "a STAMP"}),
        json!({"id": "2", "time": "2026-01-31T12:00:00Z", "type": "t"}),
    ];
    let lines: Vec<String> = events.iter().map(Value::to_string).collect();
    fs::write(case.join("events.ndjson"), lines.join("\n")).unwrap();
    if let Some(expected) = expected {
        fs::write(case.join("expected.ndjson"), expected).unwrap();
    }
    directory
}

#[test]
fn golden_files_are_written_held_and_told_where_they_differ() {
    let directory = project(None);
    let test = |more: &[&str]| run(directory.path(), &[&["plugin", "test", "."], more].concat(), "");
    let first = test(&[]);
    assert_eq!(first.code, 1);
    assert!(
        first.stdout.contains("there is no expected.ndjson; --bless writes it"),
        "{}",
        first.stdout
    );
    assert_eq!(test(&["--bless"]).code, 0);
    let golden = fs::read_to_string(directory.path().join("fixtures/one/expected.ndjson")).unwrap();
    let lines: Vec<Value> = golden.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["event"]["message"], &lines[0]["labels"], &lines[1]["labels"]),
        (&json!("a REVISION-0000"), &json!({"stamp": 1}), &json!({}))
    );
    let held = test(&["--json"]);
    assert_eq!(
        (held.code, &held.lines()[0]["verdict"]),
        (0, &json!("held")),
        "{}",
        held.stdout
    );
    fs::write(
        directory.path().join("fixtures/one/expected.ndjson"),
        golden.replace("REVISION-0000", "x"),
    )
    .unwrap();
    let differs = test(&[]);
    assert_eq!(differs.code, 1);
    for said in [
        "FAILED   one: line 1 of expected.ndjson",
        "expected {",
        "came     {",
        "0 of 1 cases held",
    ] {
        assert!(
            differs.stdout.contains(said) || differs.stderr.contains(said),
            "{}{}",
            differs.stdout,
            differs.stderr
        );
    }
}

#[test]
fn wrong_projects_are_told_what_they_lack() {
    let directory = project(Some(""));
    let test = || run(directory.path(), &["plugin", "test"], "");
    fs::write(directory.path().join("second.wasm"), component("marker-redactor")).unwrap();
    assert!(
        test()
            .stderr
            .contains("there are several components; name one with --component")
    );
    fs::remove_file(directory.path().join("second.wasm")).unwrap();
    fs::write(
        directory.path().join("fixtures/one/events.ndjson"),
        "\n{\"type\": \"t\"}\n",
    )
    .unwrap();
    let wrong = test();
    assert!(
        wrong.stderr.contains("line 2: it needs an `id` and a `time`"),
        "{}",
        wrong.stderr
    );
    fs::remove_dir_all(directory.path().join("fixtures")).unwrap();
    assert!(test().stderr.contains("each case is a directory in it"));
    fs::remove_file(directory.path().join("mine.wasm")).unwrap();
    let none = test();
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("there is no component in ."), "{}", none.stderr);
}

#[test]
fn a_configuration_is_held_against_the_plugins_schema_first() {
    let directory = tempfile::tempdir().unwrap();
    let config = "[[ingress]]\ntransform = \"redact\"\nconfig = { classes = [\"email\", 7], style = \"none\" }\n";
    fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
    let checked = run(directory.path(), &["config", "check"], "");
    assert_eq!(checked.code, 2);
    for said in ["classes.1: the value is not", "style: the value is not"] {
        assert!(checked.stderr.contains(said), "{}", checked.stderr);
    }
}

#[test]
fn bench_measures_calls_beside_empty_ones() {
    let directory = project(None);
    let bench = run(
        directory.path(),
        &["plugin", "bench", "mine.wasm", "--time", "20ms", "--json"],
        "",
    );
    assert_eq!(bench.code, 0, "{}", bench.stderr);
    let figures = &bench.lines()[0];
    assert!(figures["empty_call_ns"].as_f64().unwrap() > 0.0, "{figures}");
    assert!(figures["memory"].as_u64().unwrap() >= 64 << 10, "{figures}");
    assert_eq!(figures["batches"].as_array().unwrap().len(), 4);
    let people = run(
        directory.path(),
        &["plugin", "bench", "mine.wasm", "--time", "20ms"],
        "",
    );
    assert!(people.stdout.contains("of that the crossing"), "{}", people.stdout);
}
