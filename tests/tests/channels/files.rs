//! Files and standard output.

use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use patchpanel_tests::{python, skipped, wait_for};
use serde_json::{Value, json};

use crate::daemon::{installed, succeeds};
use crate::page::{blocks, example};
use crate::{HOSTILE, hostile, json_of, start};

#[test]
fn files_are_rotated_and_compressed_and_lose_nothing() {
    let there = Command::new(python()).arg("--version").output().is_ok();
    if !there {
        skipped("there is no python3 to read gzip with; run .ci/tools");
        return;
    }
    let running = start(&example("log", "64MiB", "2KiB").replace("keep = 14", "keep = 100"), &[]);
    for id in 0..60 {
        running
            .router
            .publish(&json!({"id": format!("{id:03}"), "type": "t", "message": "x".repeat(100)}));
        running.router.settled();
    }
    let directory = running.directory.path().join("audit");
    let script = "import glob, gzip, json, sys\n\
        names = glob.glob(sys.argv[1] + '/audit.ndjson') + glob.glob(sys.argv[1] + '/*.gz')\n\
        files = [gzip.open(name) if name.endswith('.gz') else open(name) for name in names]\n\
        ids = sorted(json.loads(line)['id'] for file in files for line in file)\n\
        print(json.dumps({'files': len(names), 'ids': ids}))";
    let output = Command::new(python())
        .args(["-c", script])
        .arg(&directory)
        .output()
        .unwrap();
    let read = json_of(&String::from_utf8(output.stdout).unwrap());
    let ids: Vec<String> = (0..60).map(|id| format!("{id:03}")).collect();
    assert_eq!(read["ids"], json!(ids), "{read}");
    assert!(read["files"].as_u64().unwrap() > 3, "{read}");
}

/// The ids of the events in a file of lines.
fn ids(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let id = |line| json_of(line)["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[test]
fn an_event_is_one_line_whatever_it_says() {
    let running = start(&example("log", "64MiB", "64MiB"), &[]);
    let mut long = hostile("long");
    long["message"] = json!(HOSTILE.repeat(10_000));
    running.router.publish(&json!([hostile("1"), long, hostile("2")]));
    running.router.settled();
    let mut lines = running.router.lines("audit/audit.ndjson");
    lines.sort_by_key(|line| line["id"].to_string());
    let said: Vec<&Value> = lines.iter().map(|line| &line["message"]).collect();
    assert_eq!(said, [&json!(HOSTILE), &json!(HOSTILE), &json!(HOSTILE.repeat(10_000))]);
}

#[test]
fn a_file_that_is_moved_away_is_begun_anew_without_and_with_a_signal() {
    let running = start(&example("log", "64MiB", "64MiB"), &[]);
    let path = |name: &str| running.directory.path().join("audit").join(name);
    let publish = |id: &str| {
        running.router.publish(&hostile(id));
        running.router.settled();
    };
    publish("before");
    std::fs::rename(path("audit.ndjson"), path("audit.ndjson-1")).unwrap();
    publish("between");
    running.router.signal(Signal::SIGHUP);
    wait_for("the configuration to be read", || {
        running.router.log().contains("configuration").then_some(())
    });
    publish("after");
    assert_eq!(ids(&path("audit.ndjson-1")), ["before"]);
    assert_eq!(ids(&path("audit.ndjson")), ["between", "after"]);
}

#[test]
fn logrotate_moves_files_as_the_page_says() {
    let Some(mut logrotate) = installed("logrotate", &["--version"]) else {
        return;
    };
    let without_rotation = "rotate = { size = \"64MiB\", age = \"1d\", keep = 14, compress = true }\n";
    let running = start(&example("log", without_rotation, ""), &[]);
    let directory = running.directory.path().join("audit");
    let id = running.router.id().to_string();
    let rules = blocks("log", "conf")
        .remove(0)
        .replace("/var/lib/patchpanel/audit", directory.to_str().unwrap())
        .replace("systemctl kill --signal=HUP patchpanel", &format!("kill -HUP {id}"));
    assert!(rules.contains(&id), "{rules}");
    let file = running.directory.path().join("rules");
    std::fs::write(&file, rules).unwrap();
    logrotate
        .arg("--force")
        .arg("--state")
        .arg(running.directory.path().join("state"))
        .arg(&file);
    let mut expected: Vec<String> = Vec::new();
    for round in ["a", "b", "c"] {
        for number in 0..5 {
            expected.push(format!("{round}{number}"));
            running.router.publish(&hostile(&format!("{round}{number}")));
        }
        running.router.settled();
        assert!(succeeds(&mut logrotate));
    }
    running.router.publish(&hostile("d0"));
    running.router.settled();
    assert_eq!(ids(&directory.join("audit.ndjson")), ["d0"]);
    assert_eq!(ids(&directory.join("audit.ndjson.1")).len(), 5);
    let mut all = Vec::new();
    for number in [1, 2, 3] {
        let plain = directory.join(format!("audit.ndjson.{number}"));
        if !plain.exists() {
            assert!(succeeds(
                Command::new("gunzip").arg(plain.with_extension(format!("{number}.gz")))
            ));
        }
        all.extend(ids(&plain));
    }
    all.sort();
    assert_eq!(all, expected);
}

#[test]
fn the_console_shows_what_it_would_act_on() {
    let running = start(&example("console", "max_payload = 80", "max_payload = 80"), &[]);
    running.router.publish(&hostile("db-1"));
    let log = wait_for("the line", || {
        Some(running.router.log()).filter(|log| log.contains("backup.failed"))
    });
    assert!(
        log.contains("\\r\\nBcc: eve@example.com") && log.contains("\\u{1b}[31m") && log.contains("\\u{202e}"),
        "{log}"
    );
    assert!(!log.contains(['\u{1b}', '\u{202e}', '\r']), "{log}");
}

#[test]
fn the_console_prints_json_that_a_terminal_does_not_act_on() {
    let config = example("console", "format = \"text\"", "format = \"json\"");
    let running = start(&config, &[]);
    let mut event = hostile("db-1");
    event["payload"] = json!({"\u{9b}31m": "\u{1b}]0;title\u{7}", "long": "x".repeat(100_000)});
    running.router.publish(&event);
    let line = wait_for("the line", || {
        let log = running.router.log();
        log.lines()
            .find(|line| line.starts_with('{') && line.contains("backup.failed"))
            .map(str::to_owned)
    });
    assert!(
        !line.contains(['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}', '\r']),
        "{line}"
    );
    let printed = json_of(&line);
    assert_eq!(
        (&printed["message"], &printed["payload"]),
        (&event["message"], &event["payload"])
    );
}
