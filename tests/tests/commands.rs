//! The commands as a user runs them: demo, route, publish, config check, plugin.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::Command;

use patchpanel_tests::{Router, component, run};
use serde_json::{Value, json};

fn git(repository: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args([
            "-c",
            "user.name=Ada Byron",
            "-c",
            "user.email=ada@example.com",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn repository() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    git(path, &["init", "-q"]);
    for (file, message) in [
        ("a.txt", "First\n\nwith a body, by bob@example.org"),
        ("b é.txt", "Second"),
    ] {
        fs::write(path.join(file), message).unwrap();
        git(path, &["add", "."]);
        git(path, &["commit", "-q", "-m", message]);
    }
    git(path, &["checkout", "-q", "-b", "side", "HEAD~1"]);
    git(path, &["commit", "-q", "--allow-empty", "-m", "Revert \"First\""]);
    git(path, &["checkout", "-q", "main"]);
    git(path, &["merge", "-q", "--no-ff", "-m", "Merge side", "side"]);
    directory
}

#[test]
fn the_demo_tells_a_repositorys_history_without_addresses() {
    let (repository, work) = (repository(), tempfile::tempdir().unwrap());
    let output = run(
        work.path(),
        &["demo", "--repo", repository.path().to_str().unwrap()],
        "",
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("4 commits became events; 0 could not be read"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("8 deliveries, 0 dead letters"),
        "{}",
        output.stderr
    );
    let audit = fs::read_to_string(work.path().join("patchpanel-demo/audit.ndjson")).unwrap();
    let events: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 4);
    let find = |message: &str| events.iter().find(|event| event["message"] == message).unwrap();
    let (first, second) = (find("First"), find("Second"));
    assert_eq!(
        (&first["type"], &first["level"], &first["payload"]["files"]),
        (&json!("git.commit"), &json!("info"), &json!(["a.txt"]))
    );
    assert_eq!(second["payload"]["files"], json!(["b é.txt"]));
    assert_eq!(second["payload"]["parents"], json!([first["payload"]["hash"]]));
    assert_eq!(first["payload"]["author"]["name"], "Ada Byron");
    assert_eq!(find("Merge side")["level"], "warning");
    assert_eq!(find("Revert \"First\"")["level"], "warning");
    for text in [&audit, &output.stdout, &output.stderr] {
        assert!(
            !text.contains("ada@example.com") && !text.contains("bob@example.org"),
            "{text}"
        );
    }
    assert_eq!(output.stdout.lines().count(), 4);
    // Again, with its directory in place.
    let output = run(
        work.path(),
        &["demo", "--once", "--repo", repository.path().to_str().unwrap()],
        "",
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
    let nowhere = run(work.path(), &["demo", "--repo", work.path().to_str().unwrap()], "");
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("--repo PATH"), "{}", nowhere.stderr);
}

const ROUTE: &str = r#"
[[ingress]]
transform = "redact"
fields = ["message"]

[[channels]]
name = "audit"
plugin = "log"
config = { path = "never-written.ndjson" }

[[channels]]
name = "screen"
plugin = "console"
min_level = "error"

[[subscriptions]]
name = "warnings"
filter = { level = [{ at-least = "warning" }] }
channel = "audit"

[[subscriptions]]
name = "deep"
filter = { "payload.user.role" = ["admin"] }
channel = "screen"
"#;

#[test]
fn route_prints_every_delivery_in_order_and_delivers_nothing() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("patchpanel.toml"), ROUTE).unwrap();
    let input = [
        r#"{"id":"1","time":"2026-01-31T12:00:00Z","type":"t","level":"warning","message":"mail ada@example.com"}"#,
        r#"{"id":"2","time":"2026-01-31T12:00:00Z","type":"t","level":"info"}"#,
        r#"{"id":"3","time":"2026-01-31T12:00:00Z","type":"t","level":"error","payload":{"user":{"role":"admin"}}}"#,
        r#"{"id":"4","time":"2026-01-31T12:00:00Z","type":"t","channels":["audit"]}"#,
    ]
    .join("\n");
    let output = run(directory.path(), &["route"], &input);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let lines = output.lines();
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            [&line["subscription"], &line["channel"], &line["event"]["id"]].map(|value| value.as_str().unwrap())
        })
        .collect();
    assert_eq!(
        rows,
        [
            ["warnings", "audit", "1"],
            ["warnings", "audit", "3"],
            ["deep", "screen", "3"],
            ["channel:audit", "audit", "4"]
        ]
    );
    assert!(!output.stdout.contains("ada@example.com"));
    assert!(
        output.stderr.contains("4 events, 4 deliveries, 1 redactions"),
        "{}",
        output.stderr
    );
    assert!(!directory.path().join("never-written.ndjson").exists());
}

#[test]
fn route_keeps_the_order_over_many_chunks_and_reports_bad_lines() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("patchpanel.toml"), ROUTE).unwrap();
    let mut input = String::new();
    for number in 0..20_000 {
        let line = match number {
            7_000 => "{\"type\":\"t\",\"level\":\"loud\"}".to_owned(),
            7_001 => String::new(),
            _ => {
                json!({"id": number.to_string(), "type": "t", "level": "error", "message": "x".repeat(100)}).to_string()
            }
        };
        input.push_str(&line);
        input.push('\n');
    }
    let output = run(directory.path(), &["route", "--json"], &input);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("line 7001: `level` must be one of"),
        "{}",
        output.stderr
    );
    let ids: Vec<u64> = output
        .lines()
        .iter()
        .map(|line| line["event"]["id"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(ids.len(), 19_998);
    assert!(ids.is_sorted());
    let summary: Value = serde_json::from_str(output.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&summary["events"], &summary["invalid"]), (&json!(19_998), &json!(1)));

    let strict = run(
        directory.path(),
        &["route", "--strict", "-"],
        "{\"type\":\"t\"}\nnonsense\n{\"type\":\"t\"}\n",
    );
    assert_eq!(strict.code, 2);
    assert!(strict.stderr.contains("line 2: not valid JSON"), "{}", strict.stderr);
}

#[test]
fn publish_sends_files_and_pipes_and_tells_where_they_are_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(
        directory.path(),
        "[[channels]]\nname = \"audit\"\nplugin = \"log\"\nconfig = { path = \"a.ndjson\" }\n[[subscriptions]]\nname = \"all\"\nchannel = \"audit\"\n",
    );
    let lines: String = (0..1200)
        .map(|number| format!("{{\"id\":\"{number}\",\"type\":\"t\"}}\n"))
        .collect();
    let output = run(directory.path(), &["publish", "--url", router.url(), "--json"], &lines);
    assert_eq!(
        (output.code, &output.lines()[0]),
        (0, &json!({"accepted": 1200, "duplicates": 0})),
        "{}",
        output.stderr
    );
    fs::write(
        directory.path().join("events.json"),
        " [{\"id\":\"0\",\"type\":\"t\"},{\"type\":\"t\"}]",
    )
    .unwrap();
    let output = run(directory.path(), &["publish", "--url", router.url(), "events.json"], "");
    assert_eq!(
        (output.code, output.stderr.trim()),
        (0, "1 events accepted, 1 duplicates")
    );
    router.settled();
    assert_eq!(router.lines("a.ndjson").len(), 1201);
    let (_, delivery) = router.get("/v1/deliveries/0/all");
    assert_eq!(
        (&delivery["state"], &delivery["attempts"]),
        (&json!("delivered"), &json!(1)),
        "{delivery}"
    );
    let wrong = run(
        directory.path(),
        &["publish", "--url", router.url()],
        &format!("\n \n{lines}{{\"type\":7}}\n"),
    );
    assert_eq!(wrong.code, 2);
    for said in [
        "1000 events were accepted, and then it ended",
        "(input line 1203): `type` must be a string",
    ] {
        assert!(wrong.stderr.contains(said), "{}", wrong.stderr);
    }
    let wrong = run(
        directory.path(),
        &["publish", "--url", router.url()],
        "[{\"type\":\"t\"},{\"type\":7}]",
    );
    assert_eq!(wrong.code, 2);
    for said in ["no events were accepted", "(event 2 of the request)"] {
        assert!(wrong.stderr.contains(said), "{}", wrong.stderr);
    }
    let nowhere = run(directory.path(), &["publish", "."], "");
    assert_eq!(nowhere.code, 1);
    assert!(nowhere.stderr.contains("cannot open .: "), "{}", nowhere.stderr);
    let nobody = run(
        directory.path(),
        &["publish", "--url", "http://127.0.0.1:1"],
        "{\"type\":\"t\"}\n",
    );
    assert_eq!(nobody.code, 1);
    assert!(
        nobody.stderr.contains("cannot reach the router at http://127.0.0.1:1"),
        "{}",
        nobody.stderr
    );
    for url in ["127.0.0.1:7077", "ftp://127.0.0.1", ""] {
        let wrong = run(directory.path(), &["events", "list", "--url", url], "");
        assert_eq!(wrong.code, 2, "{url}");
        assert!(wrong.stderr.contains("write it as http://"), "{}", wrong.stderr);
    }
}

#[test]
fn config_check_finds_what_only_the_plugin_knows() {
    let directory = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        fs::write(directory.path().join("patchpanel.toml"), text).unwrap();
        run(directory.path(), &["config", "check"], "")
    };
    let good = check(ROUTE);
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(good.stdout.contains("patchpanel.toml: ok"), "{}", good.stdout);
    let wrong = check("[[ingress]]\ntransform = \"redact\"\nconfig = { classes = [\"emial\"] }\n");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("plugin `redact`") && wrong.stderr.contains("email"),
        "{}",
        wrong.stderr
    );
    let wrong = check("[[subscriptions]]\nname = \"s\"\nchanel = \"x\"\nfilter = { type = [{ prefx = \"a\" }] }\n");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("did you mean `channel`") && wrong.stderr.contains("`prefix`"),
        "{}",
        wrong.stderr
    );
    let missing = run(directory.path(), &["config", "check", "nowhere.toml"], "");
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("nowhere.toml"), "{}", missing.stderr);
}

#[test]
fn plugins_are_listed_and_inspected_without_being_run() {
    let directory = tempfile::tempdir().unwrap();
    let list = run(directory.path(), &["plugin", "list", "--json"], "");
    let rows: Value = serde_json::from_str(&list.stdout).unwrap();
    let names: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    let bundled = [
        "redact",
        "console",
        "log",
        "webhook",
        "slack",
        "discord",
        "teams",
        "pagerduty",
        "ntfy",
        "telegram",
        "email",
        "system",
        "enrich",
        "changed",
        "dedupe",
        "digest",
        "sample",
        "template",
    ];
    assert_eq!(names, bundled);
    fs::write(directory.path().join("r.wasm"), component("redact")).unwrap();
    let inspect = run(directory.path(), &["plugin", "inspect", "--json", "r.wasm"], "");
    let shown: Value = serde_json::from_str(&inspect.stdout).unwrap();
    assert_eq!(
        (&shown["declaration"]["name"], &shown["declaration"]["kind"]),
        (&json!("redact"), &json!("redactor"))
    );
    fs::write(directory.path().join("x.wasm"), "garbage").unwrap();
    let garbage = run(directory.path(), &["plugin", "inspect", "x.wasm"], "");
    assert_eq!(garbage.code, 2);
    assert!(
        garbage.stderr.contains("not a WebAssembly component"),
        "{}",
        garbage.stderr
    );
}
