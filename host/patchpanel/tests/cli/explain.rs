//! `patchpanel explain`, as it is read by people and by programs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::patchpanel;

const CONFIG: &str = r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "never-written.ndjson" }

[[channels]]
name = "screen"
aliases = ["display"]
plugin = "console"
min_level = "error"

[[subscriptions]]
name = "failed-logins"
min_level = "info"
filter = { type = [{ prefix = "auth." }], "payload.attempts" = [{ numeric = [">=", 3] }] }
channel = "audit"

[[subscriptions]]
name = "loud"
min_level = "warning"
channel = "screen"

[[subscriptions]]
name = "people"
filter = { "$or" = [{ payload.people = { name = ["Anna"], age = [7] } }, { payload.urgent = [true], "not" = { source = ["test"] } }] }
channel = "audit"
"#;

/// A directory with a configuration and an event.
struct Case {
    directory: TempDir,
}

impl Case {
    fn new(config: &str, event: &str) -> Case {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
        fs::write(directory.path().join("event.json"), event).unwrap();
        Case { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn explain(&self, more: &[&str]) -> (i32, String, String) {
        let (config, event) = (self.path("patchpanel.toml"), self.path("event.json"));
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let mut arguments = vec!["explain".to_owned(), "--config".to_owned(), text(&config)];
        arguments.extend(["--event".to_owned(), text(&event)]);
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        patchpanel(&arguments)
    }

    /// Exit code and standard error, without the directory in which the files are.
    fn refused(&self) -> (i32, String) {
        let (code, output, error) = self.explain(&[]);
        assert_eq!(output, "");
        let directory = format!("{}/", self.directory.path().display());
        (code, error.replace(&directory, ""))
    }
}

#[test]
fn every_subscription_says_what_held_and_what_did_not() {
    let event = r#"{"type": "Auth.failed", "level": "warning", "channels": ["display", "log", "audti"],
        "payload": {"atempts": 5, "people": [{"name": "Anna", "age": 8}, {"name": "Bob", "age": 7}]}}"#;
    let case = Case::new(CONFIG, event);
    let (code, output, error) = case.explain(&[]);
    assert_eq!((code, error.as_str()), (3, ""));
    let expected = r#"✗ failed-logins (channel audit): not matched
    ✓ level warning reaches info, the min_level of the subscription
    ✗ payload.attempts: asked [{"numeric":[">=",3]}], found nothing
    ✗ type: asked [{"prefix":"auth."}], found "Auth.failed"
    nearest miss: there is no `payload.attempts`; the event has `payload.atempts`; `type` is "Auth.failed" and differs from {"prefix":"auth."} only in case
✗ loud (channel screen): not matched
    ✓ level warning reaches warning, the min_level of the subscription
    ✗ level warning is below error, the min_level of channel `screen`
    ✓ no filter
    nearest miss: level warning is below error, the min_level of channel `screen`
✗ people (channel audit): not matched
    ✗ alternative 1 of 2
      ✓ payload.people.age: asked [7], found 8 at payload.people[0].age, 7 at payload.people[1].age
      ✓ payload.people.name: asked ["Anna"], found "Anna" at payload.people[0].name, "Bob" at payload.people[1].name
      ✗ each of `payload.people.age` and `payload.people.name` holds somewhere in the list `payload.people`, but not for one element
    ✗ alternative 2 of 2
      ✓ the event: not {"source":["test"]}
      ✗ payload.urgent: asked [true], found nothing
    nearest miss: each of `payload.people.age` and `payload.people.name` holds somewhere in the list `payload.people`, but not for one element
✗ channel screen: named by the event as "display"; level warning is below error, its min_level
✓ channel audit: named by the event as "log"
✗ channel "audti": named by the event; there is no such channel; did you mean `audit`?
"#;
    assert_eq!(output, expected);
    assert!(!case.path("never-written.ndjson").exists());
}

#[test]
fn one_subscription_can_be_asked_for_and_decides_the_exit_code() {
    let event = r#"{"type": "auth.failed", "level": "error", "channels": ["audit"], "payload": {"attempts": 5}}"#;
    let case = Case::new(CONFIG, event);
    let (code, output, _) = case.explain(&["--subscription", "failed-logins"]);
    let expected = r#"✓ failed-logins (channel audit): matched
    ✓ level error reaches info, the min_level of the subscription
    ✓ payload.attempts: asked [{"numeric":[">=",3]}], found 5
    ✓ type: asked [{"prefix":"auth."}], found "auth.failed"
"#;
    assert_eq!((code, output.as_str()), (0, expected));
    assert_eq!(case.explain(&["--subscription", "people"]).0, 3);
    let (code, output, _) = case.explain(&[]);
    assert_eq!(code, 0);
    assert!(
        output.ends_with(
            "✓ channel audit: named by the event; it gets the event by subscription `failed-logins` already\n"
        ),
        "{output}"
    );
    let (code, output, error) = case.explain(&["--subscription", "failed-login"]);
    assert_eq!((code, output.as_str()), (2, ""));
    assert!(
        error.ends_with("patchpanel.toml: there is no subscription `failed-login`; did you mean `failed-logins`?\n"),
        "{error}"
    );
}

#[test]
fn json_is_one_document() {
    let case = Case::new(
        CONFIG,
        r#"{"type": "auth.failed", "payload": {"attempts": "5"}, "channels": ["x"]}"#,
    );
    let (code, output, _) = case.explain(&["--json"]);
    assert_eq!((code, output.lines().count()), (3, 1));
    let document: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["event"], json!({"type": "auth.failed", "level": "info"}));
    assert_eq!(document["ingress"], json!([]));
    let miss = "`payload.attempts` is the text \"5\", and {\"numeric\":[\">=\",3]} asks for a number";
    assert_eq!(
        document["subscriptions"][0],
        json!({
            "name": "failed-logins",
            "channel": "audit",
            "matched": false,
            "levels": [
                {"of": "subscription", "min_level": "info", "held": true},
                {"of": "channel", "min_level": "debug", "held": true}
            ],
            "filter": {
                "matched": false,
                "alternatives": [{
                    "held": false,
                    "apart": [],
                    "predicates": [
                        {
                            "path": "payload.attempts",
                            "held": false,
                            "hint": miss,
                            "asked": [{"numeric": [">=", 3]}],
                            "found": [{"at": "payload.attempts", "kind": "string", "text": "5"}],
                            "found_more": 0
                        },
                        {
                            "path": "type",
                            "held": true,
                            "hint": null,
                            "asked": [{"prefix": "auth."}],
                            "found": [{"at": "type", "kind": "string", "text": "auth.failed"}],
                            "found_more": 0
                        }
                    ]
                }],
                "nearest_miss": {"alternative": 0, "misses": [miss]}
            },
            "nearest_miss": miss
        })
    );
    assert_eq!(document["subscriptions"][1]["filter"], Value::Null);
    assert_eq!(
        document["channels"],
        json!([{
            "named": "x",
            "channel": null,
            "outcome": "unknown",
            "because": "there is no such channel; known: `audit`, `console`, `display`, `log`, `screen`"
        }])
    );
    let (_, one, _) = case.explain(&["--json", "--subscription", "loud"]);
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["subscriptions"], json!([document["subscriptions"][1]]));
    assert_eq!(one["channels"], json!([]));
}

#[test]
fn it_is_said_that_filters_see_events_after_the_ingress_transforms() {
    let config = format!("[[ingress]]\ntransform = \"redact\"\n{CONFIG}");
    let case = Case::new(&config, r#"{"type": "t"}"#);
    let (_, output, _) = case.explain(&[]);
    let note =
        "Filters see an event after the ingress transforms (redact); this one is explained as it is given.\n✗ failed";
    assert!(output.starts_with(note), "{output}");
    let (_, output, _) = case.explain(&["--json"]);
    let document: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(document["ingress"], json!(["redact"]));
}

#[test]
fn wrong_input_is_told_with_its_place() {
    let limited = format!("limits = {{ event = 60 }}\n{CONFIG}");
    for (config, event, expected) in [
        (
            CONFIG,
            "{\n  \"type\": x\n}",
            "event.json: not valid JSON: expected value at line 2, column 11\n",
        ),
        (
            CONFIG,
            "{\"typ\": \"t\"}",
            "event.json: `typ` is not a field of an event; did you mean `type`?\n",
        ),
        (
            CONFIG,
            "\n{\"type\": \"t\"}\n\n {\"type\": \"t\"}\n",
            "event.json: one event is expected, and another begins in line 4\n",
        ),
        (
            CONFIG,
            "[{\"type\": \"t\"}]",
            "event.json: one event is expected, as a JSON object, and this is a list\n",
        ),
        (
            CONFIG,
            "{\"type\": \"t\", \"id\": \"1\", \"time\": \"2026-01-31T12:00:00Z\", \"payload\": 1e999}",
            "event.json: it cannot be explained: number out of range at line 1, column 73\n",
        ),
        (
            &limited,
            "{\"type\": \"t\", \"message\": \"0123456789012345678901234567890123456789\"}",
            "event.json: it has more than the 60 bytes that an event may have\n",
        ),
        (
            CONFIG,
            "{\"specversion\": \"1.0\", \"id\": \"1\", \"type\": \"t\"}",
            "event.json: `source` is missing: CloudEvents need `specversion`, `id`, `source` and `type`\n",
        ),
    ] {
        assert_eq!(Case::new(config, event).refused(), (2, expected.to_owned()), "{event}");
    }
    let (code, error) = Case::new("[[subscriptions]]\nnme = \"x\"\n", "{}").refused();
    assert!(
        code == 2 && error.contains("patchpanel.toml:2:1: unknown key `nme`"),
        "{error}"
    );
    let case = Case::new(CONFIG, "");
    fs::remove_file(case.path("event.json")).unwrap();
    let (code, error) = case.refused();
    assert!(
        code == 1 && error.contains("cannot open event.json: No such file"),
        "{error}"
    );
}

#[test]
fn a_cloudevent_is_explained_as_it_would_be_accepted() {
    let event = r#"{"specversion": "1.0", "id": "1", "source": "s", "type": "auth.x", "data": {"attempts": 3}}"#;
    let (code, output, _) = Case::new(CONFIG, event).explain(&["-s", "failed-logins"]);
    assert_eq!(code, 0, "{output}");
}

/// By the routing table itself.
#[test]
fn what_is_said_to_match_is_what_is_routed() {
    for event in [
        json!({"type": "auth.x", "level": "debug", "payload": {"attempts": 3}}),
        json!({"type": "auth.x", "payload": {"attempts": [1, 3.5]}}),
        json!({"type": "t", "level": "critical", "channels": ["console", "audit", "audit"]}),
        json!({"type": "t", "level": "info", "channels": ["screen", "log"]}),
        json!({"type": "t", "payload": {"urgent": true}, "channels": ["audit"]}),
        json!({"type": "t", "payload": {"urgent": true}, "source": "test"}),
        json!({"type": "t", "payload": {"people": [[{"name": "Anna", "age": 7}]]}}),
        json!({"type": "t", "payload": null, "metadata": {}, "channels": []}),
    ] {
        let case = Case::new(CONFIG, &event.to_string());
        let (_, output, _) = case.explain(&["--json"]);
        let document: Value = serde_json::from_str(&output).unwrap();
        let list = |key: &str| document[key].as_array().unwrap().clone();
        let matched = list("subscriptions").into_iter().filter(|one| one["matched"] == true);
        let direct = list("channels").into_iter().filter(|one| one["outcome"] == "direct");
        let names = matched.map(|one| one["name"].as_str().unwrap().to_owned());
        let channels = direct.map(|one| format!("channel:{}", one["channel"].as_str().unwrap()));
        let said: Vec<String> = names.chain(channels).collect();
        let (config, input) = (case.path("patchpanel.toml"), case.path("event.json"));
        let (code, routed, error) = patchpanel(&["route", "-c", config.to_str().unwrap(), input.to_str().unwrap()]);
        assert_eq!(code, 0, "{error}");
        let routed = routed.lines().map(|line| {
            let delivery: Value = serde_json::from_str(line).unwrap();
            delivery["subscription"].as_str().unwrap().to_owned()
        });
        assert_eq!(said, routed.collect::<Vec<_>>(), "{event}");
    }
}
