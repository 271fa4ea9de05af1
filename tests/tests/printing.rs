//! What commands print, and where they print it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs::File;
use std::process::Stdio;

use patchpanel_tests::{Router, command, wait_for};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "all"
channel = "audit"

[[subscriptions]]
name = "work"
filter = { message = [{ anything-but = "" }] }
pull = {}
"#;

/// Clears the screen, turns text red, rings, turns the direction of text.
const ACTS: &str = "\u{1b}[2J\u{9b}31m\u{7}\u{7f}\u{202e}";

/// With an event, of the id of a path, that carries what terminals act on; a consumer gave it back with such a reason.
fn carrying() -> (tempfile::TempDir, Router, Value) {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    let event = json!({"id": "query", "type": "t", "message": ACTS, "payload": {"text": ACTS, ACTS: 1}});
    router.publish(&event);
    let pulled = wait_for("a delivery", || {
        let (_, answer) = router.post_to("/v1/subscriptions/work/pull", &json!({"wait": "5s"}));
        answer["deliveries"][0]["lease"].as_str().map(str::to_owned)
    });
    let reason = json!({"leases": [pulled], "reason": ACTS, "delay": "1h"});
    assert_eq!(router.post_to("/v1/subscriptions/work/nack", &reason).0, 200);
    (directory, router, event)
}

#[test]
fn what_events_carry_does_nothing_to_a_terminal() {
    let (directory, router, event) = carrying();
    std::fs::write(directory.path().join("event.json"), event.to_string()).unwrap();
    let quiet = |text: &str| text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}'));
    for arguments in [
        &["events", "list"] as &[&str],
        &["events", "list", "--json"],
        &["events", "show", "query"],
        &["events", "show", "query", "--json"],
        &["deliveries", "list", "--state", "retrying"],
        &["deliveries", "list", "--state", "retrying", "--json"],
        &["deliveries", "show", "query/work"],
        &["deliveries", "show", "query/work", "--json"],
        &["deliveries", "status", "query/work", "--json"],
    ] {
        let output = router.run(arguments, "");
        assert_eq!(output.code, 0, "{arguments:?}: {}", output.stderr);
        assert!(quiet(&output.stdout), "{arguments:?}: {}", output.stdout.escape_debug());
        if arguments.contains(&"--json") {
            assert_eq!(output.lines().len(), 1, "{}", output.stdout);
        }
    }
    let shown = &router.run(&["events", "show", "query", "--json"], "").lines()[0];
    assert_eq!(shown["event"]["payload"], event["payload"]);
    for json in [false, true] {
        let arguments = ["explain", "--event", "event.json", "--json"];
        let arguments = if json { &arguments[..] } else { &arguments[..3] };
        let output = patchpanel_tests::run(directory.path(), arguments, "");
        assert_eq!(output.code, 0, "{}", output.stderr);
        assert!(quiet(&output.stdout), "{}", output.stdout.escape_debug());
    }
    let unknown = "{\"type\":\"t\",\"\u{9b}31m\":1}\n";
    let refused = router.run(&["publish"], unknown);
    assert_eq!(refused.code, 2);
    assert!(quiet(&refused.stderr), "{}", refused.stderr.escape_debug());
}

#[test]
fn output_that_nobody_reads_is_no_failure_and_one_that_is_lost_is() {
    let (directory, router, _) = carrying();
    for arguments in [
        &["events", "list"] as &[&str],
        &["events", "show", "query"],
        &["deliveries", "status", "query/all"],
        &["dead-letters", "list", "--json"],
        &["subscriptions", "list"],
        &["replay", "list"],
    ] {
        let arguments = [arguments, &["--url", router.url()]].concat();
        let mut closed = command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(closed.stdout.take());
        let closed = closed.wait_with_output().unwrap();
        assert_eq!(
            (closed.status.code(), closed.stderr.len()),
            (Some(0), 0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&closed.stderr)
        );
        let full = File::options().write(true).open("/dev/full").unwrap();
        let full = command(&arguments).stdout(full).output().unwrap();
        let said = String::from_utf8_lossy(&full.stderr);
        assert_eq!(full.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("cannot write the output"), "{said}");
    }
    for arguments in [&["config", "check"] as &[&str], &["plugin", "list"]] {
        let mut closed = command(arguments)
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        drop(closed.stdout.take());
        assert_eq!(closed.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}
