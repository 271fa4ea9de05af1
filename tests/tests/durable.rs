//! What was accepted outlives the router, however it ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use patchpanel_tests::{Receiver, Router, run, wait_for};
use serde_json::{Value, json};

const LOG: &str = r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "all"
channel = "audit"
batch = 1
concurrency = 1
"#;

fn events(range: std::ops::Range<u32>) -> Value {
    range
        .map(|number| json!({"id": number.to_string(), "type": "t"}))
        .collect()
}

fn ids(router: &Router) -> BTreeSet<String> {
    let lines = router.lines("audit.ndjson");
    lines
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_crash_loses_nothing_that_was_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), LOG);
    router.publish(&events(0..300));
    router.crash();
    let router = Router::start(directory.path(), LOG);
    let answer = router.publish(&events(299..301));
    assert_eq!(
        (&answer["accepted"], &answer["duplicates"]),
        (&json!(1), &json!(1)),
        "{answer}"
    );
    let stats = router.settled();
    let account = &stats["subscriptions"]["all"];
    assert_eq!(
        (&account["accepted"], &account["delivered"]),
        (&json!(301), &json!(301)),
        "{stats}"
    );
    assert_eq!(ids(&router).len(), 301);
}

#[test]
fn what_a_drain_leaves_is_delivered_by_the_next_router() {
    let receiver = Receiver::start();
    receiver.answer(&vec![(503, None); 1000]);
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "[plugins.webhook]\nallow = {{ http = [\"{url}\"] }}\n[[channels]]\nname = \"hook\"\nplugin = \"webhook\"\n\
         config = {{ url = \"{url}/\" }}\n[[subscriptions]]\nname = \"all\"\nchannel = \"hook\"\n\
         retry = {{ base = \"30s\", cap = \"30s\" }}\n",
        url = receiver.url
    );
    let router = Router::start(directory.path(), &config);
    router.publish(&events(0..3));
    wait_for("first attempts", || (receiver.received().len() >= 3).then_some(()));
    let state = || router.get("/v1/deliveries?state=retrying").1;
    wait_for("all to wait for a retry", || {
        (state()["deliveries"].as_array()?.len() == 3).then_some(())
    });
    assert_eq!(router.stop().code(), Some(0));
    let router = Router::start(directory.path(), &config);
    let (status, waiting) = router.get("/v1/deliveries?state=retrying&subscription=all");
    assert_eq!(
        (status, waiting["deliveries"].as_array().unwrap().len()),
        (200, 3),
        "{waiting}"
    );
    let delivery = &waiting["deliveries"][0];
    assert_eq!(
        (&delivery["status"], &delivery["attempts"]),
        (&json!("pending"), &json!(1)),
        "{delivery}"
    );
    assert_eq!(delivery["failures"].as_array().unwrap().len(), 1, "{delivery}");
}

#[test]
fn a_store_has_one_router() {
    let directory = tempfile::tempdir().unwrap();
    let _first = Router::start(directory.path(), LOG);
    let second = run(directory.path(), &["run", "--listen", "127.0.0.1:0"], "");
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("patchpanel.db"), "{}", second.stderr);
}

#[test]
fn a_key_makes_a_repeated_request_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), LOG);
    // No ids: each time the events get others.
    let body = r#"[{"type":"t"},{"type":"u"}]"#;
    let send = |key: &str| router.post(&[("content-type", "application/json"), ("idempotency-key", key)], body);
    let (status, first) = send("order 7");
    assert_eq!((status, &first["accepted"]), (202, &json!(2)), "{first}");
    let (status, again) = send("order 7");
    assert_eq!(
        (status, &again["accepted"], &again["duplicates"]),
        (202, &json!(0), &json!(2)),
        "{again}"
    );
    for index in 0..2 {
        assert_eq!(first["events"][index]["id"], again["events"][index]["id"]);
    }
    assert_eq!(send("order 8").1["accepted"], 2);
    let (status, problem) = send(&"x".repeat(256));
    assert_eq!(status, 400, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("idempotency-key"),
        "{problem}"
    );
    assert_eq!(router.settled()["accepted"], 4);
}

#[test]
fn a_full_store_refuses_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = "[store]\ndisk_budget = \"1MiB\"\nretention = { age = \"7d\", size = \"1MiB\" }\n";
    let subscription = "[[subscriptions]]\nname = \"held\"\npull = {}\n";
    let router = Router::start(directory.path(), &format!("{store}{subscription}"));
    let event = || json!({"type": "t", "message": "x".repeat(100_000)}).to_string();
    let (status, problem) = wait_for("the store to be full", || {
        let answer = router.post(&[("content-type", "application/json")], event());
        (answer.0 != 202).then_some(answer)
    });
    assert_eq!(
        (status, &problem["type"]),
        (503, &json!("urn:patchpanel:problem:store")),
        "{problem}"
    );
    let (_, stats) = router.get("/v1/stats");
    let pending = stats["subscriptions"]["held"]["pending"].as_u64().unwrap();
    assert!(pending > 0 && stats["store"]["budget"] == 1 << 20, "{stats}");
    // What is taken makes room.
    let (_, pulled) = router.post_to("/v1/subscriptions/held/pull", &json!({"max": 1000}));
    let leases: Vec<&Value> = pulled["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["lease"])
        .collect();
    assert_eq!(leases.len() as u64, pending);
    assert_eq!(
        router
            .post_to("/v1/subscriptions/held/ack", &json!({"leases": leases}))
            .0,
        200
    );
    wait_for("room", || {
        (router.post(&[("content-type", "application/json")], event()).0 == 202).then_some(())
    });
}
