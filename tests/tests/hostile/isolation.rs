//! What instances share, and when they are replaced.

use std::fs;
use std::process::Command;

use patchpanel_tests::Router;
use serde_json::{Value, json};

use crate::{carried, guarded, guarded_text, health, installed, outcome};

/// The messages that arrive of two requests of three events each, whose redactor tells how often its instance was called.
fn redacted(section: &str) -> (tempfile::TempDir, Router, Vec<String>) {
    let (directory, router) = guarded(section, "{ mode = \"count-calls\" }");
    for request in ["a", "b"] {
        let event = |number: usize| json!({"id": format!("{request}{number}"), "type": "t", "message": "text"});
        router.publish(&json!([event(1), event(2), event(3)]));
        router.settled();
    }
    let message = |event: &Value| event["message"].as_str().unwrap().to_owned();
    let mut lines = router.lines("audit.ndjson");
    lines.sort_by_key(|event| event["id"].to_string());
    let messages = lines.iter().map(message).collect();
    (directory, router, messages)
}

#[test]
fn a_redactor_is_kept_or_fresh_for_each_batch_or_each_event() {
    for (isolation, first, second) in [
        ("warm", "call 1, texts 3", "call 2, texts 3"),
        ("per-batch", "call 1, texts 3", "call 1, texts 3"),
        ("per-event", "call 1, texts 1", "call 1, texts 1"),
    ] {
        let (_directory, router, messages) = redacted(&format!("isolation = \"{isolation}\""));
        assert_eq!(messages, [[first; 3], [second; 3]].concat(), "{isolation}");
        assert_eq!(router.plugin("hostile")["isolation"], isolation);
        assert!(!router.log().contains("no pool for instances"), "{}", router.log());
    }
}

#[test]
fn a_channel_is_kept_or_fresh_for_each_batch_or_each_event() {
    for (isolation, told) in [
        ("warm", ["call 1, deliveries 1", "call 2, deliveries 1"]),
        ("per-batch", ["call 1, deliveries 1"; 2]),
        ("per-event", ["call 1, deliveries 1"; 2]),
    ] {
        let section = format!("isolation = \"{isolation}\"");
        let (_directory, router) = carried(&section, "{ mode = \"count-calls\" }", 1);
        let reasons = ["one", "two"].map(|id| outcome(&router, id));
        assert_eq!(reasons, told, "{isolation}");
    }
    // One call for each delivery, though they come together.
    let (_directory, router) = carried("isolation = \"per-event\"", "{ mode = \"count-calls\" }", 64);
    let events: Vec<_> = (0..20).map(|id| json!({"id": id.to_string(), "type": "t"})).collect();
    router.publish(&json!(events));
    router.settled();
    let letters = router.get("/v1/dead-letters").1;
    let letters = letters["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), 20);
    assert!(
        letters.iter().all(|letter| letter["reason"] == "call 1, deliveries 1"),
        "{letters:?}"
    );
}

#[test]
fn a_failure_of_one_event_of_a_batch_is_its_own() {
    let (_directory, router) = carried("isolation = \"per-event\"", "{ mode = \"panic\", when = \"bad\" }", 64);
    let event = |id: &str| json!({"id": id, "type": "t", "message": id});
    router.publish(&json!([event("1"), event("bad"), event("2"), event("3")]));
    let stats = router.settled();
    let account = &stats["subscriptions"]["to-bad"];
    assert_eq!(
        (&account["delivered"], &account["dead"]),
        (&json!(3), &json!(1)),
        "{stats}"
    );
}

#[test]
fn one_that_hangs_takes_its_own_time_and_no_more() {
    let section = "isolation = \"per-event\"\nlimits = { deadline = \"60s\", item_deadline = \"1s\" }";
    let (_directory, router) = carried(section, "{ mode = \"hang\", when = \"bad\" }", 64);
    let event = |id: String| json!({"id": id, "type": "t", "message": id});
    let events: Vec<_> = (0..20).map(|id| event(id.to_string())).collect();
    router.publish(&json!([vec![event("bad".to_owned())], events].concat()));
    let stats = router.settled();
    let account = &stats["subscriptions"]["to-bad"];
    assert_eq!(
        (&account["delivered"], &account["dead"]),
        (&json!(20), &json!(1)),
        "{stats}"
    );
}

#[test]
fn an_instance_is_replaced_after_calls_memory_and_age() {
    let calls = |limits: &str| {
        let section = format!("limits = {{ {limits} }}");
        let (_directory, router) = carried(&section, "{ mode = \"count-calls\" }", 1);
        ["1", "2", "3", "4"].map(|id| {
            let told = outcome(&router, id);
            told.split(',').next().unwrap().to_owned()
        })
    };
    assert_eq!(calls("recycle_after = 1_000"), ["call 1", "call 2", "call 3", "call 4"]);
    // The first call of all is `configure`'s instance being put aside.
    assert_eq!(
        calls("recycle_after = 3"),
        ["call 1", "call 2", "call 1", "call 2"].map(str::to_owned)
    );
    // Older than that before the next event can have come.
    assert_eq!(calls("recycle_age = \"1ms\"")[3], "call 1");
}

#[test]
fn a_leak_is_held_by_replacing_what_leaks() {
    let leaking = |limits: &str| {
        let section = format!("limits = {{ memory = \"16MiB\", {limits} }}");
        let (_directory, router) = carried(&section, "{ mode = \"leak\", bytes = 4_000_000 }", 1);
        for id in 0..12 {
            outcome(&router, &id.to_string());
        }
        health(&router)
    };
    let health = leaking("recycle_after = 1_000");
    assert_eq!(
        (&health["failures"], &health["limits_hit"]),
        (&json!(0), &json!({})),
        "{health}"
    );
    let health = leaking("recycle_memory = \"4GiB\"");
    assert!(health["failures"].as_u64().unwrap() > 0, "{health}");
    assert!(
        health["last_failure"]
            .as_str()
            .unwrap()
            .contains("exceeded its limit of memory (16777216 bytes)"),
        "{health}"
    );
}

#[test]
fn without_room_for_a_pool_isolation_still_holds() {
    let directory = installed("hostile-redactor");
    let text = guarded_text("isolation = \"per-event\"", "{ mode = \"count-calls\" }");
    fs::write(directory.path().join("patchpanel.toml"), text).unwrap();
    let event = json!({"id": "e", "type": "t", "message": "text"});
    fs::write(directory.path().join("events.ndjson"), format!("{event}\n{event}\n")).unwrap();
    // Enough address space for some memories, but not for those of a pool.
    let inner = patchpanel_tests::command(&[]);
    let output = Command::new("sh")
        .args(["-c", "ulimit -v 200000000 && exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(["route", "--json", "events.ndjson"])
        .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(directory.path())
        .output()
        .unwrap();
    let (said, warned) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{warned}");
    assert!(warned.contains("no pool for instances of isolated plugins"), "{warned}");
    assert_eq!(said.matches("call 1, texts 1").count(), 2, "{said}");
}
