//! Redactors that mean harm.

use std::fs;

use patchpanel_tests::{Router, component, wait_for};
use serde_json::json;

use crate::{SECRET, dead_letter, health, ids, installed, nowhere, post, redacting};

/// Sends a poisonous event between two good ones and checks all that must hold, whatever the misdeed.
fn contained(mode: &str, reason: &str) {
    let (directory, router) = redacting(&format!("{{ mode = \"{mode}\", when = \"{SECRET}\" }}"));
    assert_eq!(post(&router, "before", "harmless").0, 202, "{mode}");
    let (status, problem) = post(&router, "poison", &format!("my {SECRET} text"));
    assert_eq!(status, 503, "{mode}: {problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("plugin `hostile` failed") && detail.contains(reason),
        "{mode}: {detail}"
    );
    assert_eq!(post(&router, "after", "harmless").0, 202, "{mode}");
    router.settled();
    let plugin = router.plugin("hostile");
    assert_eq!(
        (&plugin["state"], &plugin["uses"][0]["failures"]),
        (&json!("ready"), &json!(1)),
        "{mode}: {plugin}"
    );
    assert!(
        plugin["uses"][0]["last_failure"].as_str().unwrap().contains(reason),
        "{mode}: {plugin}"
    );
    assert_eq!(ids(&router, "audit.ndjson"), ["after", "before"], "{mode}");
    for seen in [
        problem.to_string(),
        plugin.to_string(),
        router.get("/v1/stats").1.to_string(),
    ] {
        assert!(!seen.contains(SECRET), "{mode}: {seen}");
    }
    nowhere(&directory, &router, mode);
}

#[test]
fn endless_loops_end_at_the_deadline() {
    contained("loop", "ran past its deadline of 2000 ms");
}

#[test]
fn waiting_ends_at_the_deadline_too() {
    contained("sleep", "ran past its deadline of 2000 ms");
}

#[test]
fn memory_and_stack_are_bounded() {
    contained("memory", "exceeded its limit of memory (16777216 bytes)");
    contained("stack", "overflowed its stack");
}

#[test]
fn panics_traps_and_exits_stay_inside() {
    contained("panic", "panicked or aborted");
    contained("trap", "panicked or aborted");
    contained("exit", "trapped");
}

#[test]
fn answers_that_break_the_contract_are_refused_whole() {
    contained("huge-output", "exceeded its limit of output (1048576 bytes)");
    contained(
        "bad-edits",
        "broke the contract: edit 0 refers to a text, label or byte that is not there",
    );
    contained(
        "out-of-order",
        "broke the contract: edit 1 is out of order or overlaps the one before it",
    );
    contained("bad-utf8", "broke the contract: the replacements are not valid UTF-8");
}

#[test]
fn a_redactor_that_says_no_keeps_the_event_in_and_its_words_to_itself() {
    contained("error", "answered with an error");
}

#[test]
fn a_poisonous_event_does_not_spoil_its_batch_offline() {
    let (directory, router) = redacting(&format!("{{ mode = \"panic\", when = \"{SECRET}\" }}"));
    drop(router);
    let lines: Vec<String> = (0..100)
        .map(|id| {
            json!({"id": id.to_string(), "type": "t", "message": if id == 50 { SECRET } else { "fine" }}).to_string()
        })
        .collect();
    let output = patchpanel_tests::run(directory.path(), &["route"], &lines.join("\n"));
    assert_eq!(output.code, 2);
    assert_eq!(output.lines().len(), 99);
    assert!(
        output
            .stderr
            .contains("line 51: withheld: plugin `hostile` failed: panicked or aborted"),
        "{}",
        output.stderr
    );
    assert!(!output.stdout.contains(SECRET) && !output.stderr.contains(SECRET));
}

#[test]
fn a_redactor_that_always_fails_is_quarantined_and_lets_nothing_pass() {
    let (directory, router) = redacting("{ mode = \"trap\" }");
    for _ in 0..5 {
        assert_eq!(post(&router, "x", SECRET).0, 503);
    }
    let (status, problem) = post(&router, "x", SECRET);
    assert_eq!(status, 503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("is quarantined after repeated failures"),
        "{problem}"
    );
    assert_eq!(router.plugin("hostile")["state"], "quarantined");
    assert_eq!(router.get("/readyz").1["quarantined_plugins"], json!(["hostile"]));
    // A replacement is in service at once.
    router.drop_plugin("hostile", &component("marker-redactor"));
    wait_for("the replacement", || {
        (post(&router, "y", "STAMP").0 == 202).then_some(())
    });
    router.settled();
    assert_eq!(router.lines("audit.ndjson").len(), 1);
    nowhere(&directory, &router, "trap");
}

#[test]
fn a_trap_at_every_third_call_costs_that_call_only() {
    let (_directory, router) = redacting("{ mode = \"trap-nth\", nth = 3 }");
    let statuses: Vec<u16> = (0..9).map(|id| post(&router, &id.to_string(), "x").0).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 503).count(),
        3,
        "{statuses:?}"
    );
    router.settled();
    assert_eq!(router.lines("audit.ndjson").len(), 6);
}

#[test]
fn what_misbehaves_when_configured_never_starts() {
    for (mode, reason) in [
        ("configure-loop", "ran past its deadline"),
        ("configure-sleep", "ran past its deadline"),
        ("configure-panic", "panicked or aborted"),
        ("configure-refuse", "mode: nothing is good enough"),
    ] {
        let directory = installed("hostile-redactor");
        let config = format!(
            "[[ingress]]\ntransform = \"hostile\"\nconfig = {{ mode = \"{mode}\" }}\n[plugins.hostile]\nlimits = {{ deadline = \"100ms\" }}\n"
        );
        fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
        let output = patchpanel_tests::run(directory.path(), &["config", "check"], "");
        assert_eq!(output.code, 2);
        assert!(
            output.stderr.contains("plugin `hostile`") && output.stderr.contains(reason),
            "{mode}: {}",
            output.stderr
        );
    }
}

#[test]
fn a_quarantine_ends_with_the_first_call_that_works() {
    let (directory, router) = redacting(&format!("{{ mode = \"trap\", when = \"{SECRET}\" }}"));
    for _ in 0..5 {
        assert_eq!(post(&router, "poison", SECRET).0, 503);
    }
    // Out of service for everybody: it cannot be told which texts it would fail for.
    assert_eq!(router.plugin("hostile")["state"], "quarantined");
    wait_for("its time to be over", || {
        (post(&router, "harmless", "harmless").0 == 202).then_some(())
    });
    assert_eq!(router.plugin("hostile")["state"], "ready");
    assert_eq!(health(&router)["failures"], 5);
    router.settled();
    assert_eq!(ids(&router, "audit.ndjson"), ["harmless"]);
    nowhere(&directory, &router, "quarantine");
}

#[test]
fn one_poisonous_event_keeps_its_whole_request_out_and_is_named() {
    let (directory, router) = redacting(&format!("{{ mode = \"panic\", when = \"{SECRET}\" }}"));
    let event = |id: &str, message: &str| json!({"id": id, "type": "t", "message": message});
    let request = json!([
        event("1", "fine"),
        event("2", "fine"),
        event("3", SECRET),
        event("4", "fine")
    ]);
    let (status, problem) = router.post(&[("content-type", "application/json")], request.to_string());
    assert_eq!((status, &problem["index"]), (503, &json!(2)), "{problem}");
    assert_eq!(router.settled()["accepted"], 0);
    // Nothing was taken, so nothing is a duplicate.
    let answer = router.publish(&json!([event("1", "fine"), event("2", "fine"), event("4", "fine")]));
    assert_eq!(answer["accepted"], 3, "{answer}");
    router.settled();
    assert_eq!(ids(&router, "audit.ndjson"), ["1", "2", "4"]);
    nowhere(&directory, &router, "batch");
}

#[test]
fn a_subscription_whose_redactor_fails_gets_nothing_and_others_go_on() {
    let directory = installed("hostile-redactor");
    // Nothing guards the door here, so a store on disk would have the secret, and rightly.
    let text = format!(
        r#"
[store]
kind = "memory"

[plugins.hostile]
config = {{ mode = "panic", when = "{SECRET}" }}

[[channels]]
name = "guarded"
plugin = "log"
config = {{ path = "guarded.ndjson" }}

[[channels]]
name = "plain"
plugin = "log"
config = {{ path = "plain.ndjson" }}

[[subscriptions]]
name = "to-guarded"
channel = "guarded"
transforms = ["hostile"]
retry = {{ attempts = 3, base = "1ms", cap = "1ms" }}

[[subscriptions]]
name = "to-plain"
channel = "plain"
"#
    );
    let router = Router::start(directory.path(), &text);
    let event = |id: &str, message: &str| json!({"id": id, "type": "t", "message": message});
    router.publish(&json!([event("1", "fine"), event("2", SECRET), event("3", "fine")]));
    let stats = router.settled();
    let ledger = &stats["subscriptions"];
    assert_eq!(
        (
            &ledger["to-guarded"]["delivered"],
            &ledger["to-guarded"]["dead"],
            &ledger["to-plain"]["delivered"]
        ),
        (&json!(2), &json!(1), &json!(3)),
        "{stats}"
    );
    let letter = dead_letter(&router);
    assert_eq!(
        (&letter["event_id"], &letter["attempts"]),
        (&json!("2"), &json!(3)),
        "{letter}"
    );
    assert_eq!(letter["reason"], "plugin `hostile` failed: panicked or aborted");
    assert_eq!(ids(&router, "guarded.ndjson"), ["1", "3"]);
    assert_eq!(ids(&router, "plain.ndjson"), ["1", "2", "3"]);
    // This subscription has no redactor, so it may have it; nothing else may.
    fs::remove_file(directory.path().join("plain.ndjson")).unwrap();
    nowhere(&directory, &router, "subscription");
    for seen in [stats, router.plugin("hostile")] {
        assert!(!seen.to_string().contains(SECRET), "{seen}");
    }
}
