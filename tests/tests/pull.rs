//! Consumers that fetch over HTTP.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use patchpanel_tests::{Router, wait_for};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "work"
filter = { type = ["job"] }
pull = {}
retry = { attempts = 3, base = "1ms", cap = "1ms" }

[[subscriptions]]
name = "alone"
filter = { type = ["single"] }
pull = { consumers = "exclusive" }

[[subscriptions]]
name = "pushed"
filter = { type = ["none"] }
channel = "audit"
"#;

fn start() -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    (directory, router)
}

fn ask(router: &Router, subscription: &str, verb: &str, body: &Value) -> (u16, Value) {
    router.post_to(&format!("/v1/subscriptions/{subscription}/{verb}"), body)
}

/// What is handed out, when something is.
fn pulled(router: &Router, body: &Value) -> Vec<Value> {
    wait_for("a delivery", || {
        let (status, answer) = ask(router, "work", "pull", body);
        assert_eq!(status, 200, "{answer}");
        Some(answer["deliveries"].as_array().unwrap().clone()).filter(|found| !found.is_empty())
    })
}

fn results(answer: &Value) -> Vec<&str> {
    answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["result"].as_str().unwrap())
        .collect()
}

#[test]
fn deliveries_are_taken_given_back_and_settled() {
    let (_directory, router) = start();
    assert_eq!(
        ask(&router, "work", "pull", &json!({})),
        (200, json!({"deliveries": []}))
    );
    router.publish(&json!([{"id": "1", "type": "job", "payload": {"n": 1.50}}, {"id": "2", "type": "job"}]));
    let first = pulled(&router, &json!({"max": 1}));
    assert_eq!(
        (
            &first[0]["id"],
            &first[0]["attempt"],
            &first[0]["replay"],
            &first[0]["event"]["id"]
        ),
        (&json!("1/work"), &json!(1), &json!(0), &json!("1")),
        "{first:?}"
    );
    let second = pulled(&router, &json!({"max": 10, "wait": "5s", "lease": "1m"}));
    assert_eq!((second.len(), &second[0]["id"]), (1, &json!("2/work")));
    let (_, status) = router.get("/v1/deliveries/1/work");
    assert_eq!(
        (&status["status"], &status["state"]),
        (&json!("pending"), &json!("in_flight")),
        "{status}"
    );
    let (lease, other) = (&first[0]["lease"], &second[0]["lease"]);
    let (status, answer) = ask(&router, "work", "extend", &json!({"leases": [lease], "by": "10m"}));
    assert_eq!((status, results(&answer)), (200, vec!["done"]), "{answer}");
    let (status, answer) = ask(&router, "work", "ack", &json!({"leases": [lease, "nonsense"]}));
    assert_eq!((status, results(&answer)), (200, vec!["done", "unknown"]), "{answer}");
    assert_eq!(
        results(&ask(&router, "work", "ack", &json!({"leases": [lease]})).1),
        ["unknown"]
    );
    let body = json!({"leases": [other], "delay": "0s", "reason": "not now"});
    assert_eq!(results(&ask(&router, "work", "nack", &body).1), ["done"]);
    let again = pulled(&router, &json!({"wait": "5s"}));
    assert_eq!((&again[0]["id"], &again[0]["attempt"]), (&json!("2/work"), &json!(2)));
    let (_, status) = router.get("/v1/deliveries/2/work");
    assert_eq!(status["failures"][0]["reason"], "not now", "{status}");
    // Out of attempts.
    assert_eq!(
        results(&ask(&router, "work", "nack", &json!({"leases": [again[0]["lease"]]})).1),
        ["done"]
    );
    let last = pulled(&router, &json!({"wait": "5s"}));
    assert_eq!(
        results(&ask(&router, "work", "nack", &json!({"leases": [last[0]["lease"]]})).1),
        ["done"]
    );
    let account = &router.settled()["subscriptions"]["work"];
    assert_eq!(
        (&account["delivered"], &account["dead"]),
        (&json!(1), &json!(1)),
        "{account}"
    );
}

#[test]
fn a_pull_waits_for_what_comes() {
    let (_directory, router) = start();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| pulled(&router, &json!({"wait": "30s"})));
        router.publish(&json!({"id": "1", "type": "job"}));
        assert_eq!(waiting.join().unwrap()[0]["id"], "1/work");
    });
}

#[test]
fn refusals_say_why() {
    let (_directory, router) = start();
    assert_eq!(ask(&router, "nobody", "pull", &json!({})).0, 404);
    assert_eq!(ask(&router, "pushed", "pull", &json!({})).0, 409);
    assert_eq!(ask(&router, "alone", "pull", &json!({})).0, 400);
    router.publish(&json!({"type": "single"}));
    assert_eq!(
        ask(&router, "alone", "pull", &json!({"consumer": "a", "wait": "10s"})).0,
        200
    );
    let (status, problem) = ask(&router, "alone", "pull", &json!({"consumer": "b"}));
    assert!(
        status == 409 && problem["detail"].as_str().unwrap().contains("`a`"),
        "{problem}"
    );
    let (status, problem) = ask(
        &router,
        "work",
        "pull",
        &json!({"max": 0, "wait": "1h", "lease": "1ms", "limit": 1}),
    );
    let paths: Vec<_> = problem["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mistake| mistake["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        (status, paths),
        (400, vec!["max", "wait", "lease", "limit"]),
        "{problem}"
    );
    assert_eq!(ask(&router, "work", "ack", &json!({})).0, 400);
    assert_eq!(router.get("/v1/subscriptions/work/pull").0, 405);
}

#[test]
fn what_a_consumer_holds_at_the_end_of_the_router_is_handed_out_again() {
    let (directory, router) = start();
    router.publish(&json!({"id": "1", "type": "job"}));
    assert_eq!(pulled(&router, &json!({}))[0]["attempt"], 1);
    // A drain does not wait for consumers.
    assert_eq!(router.stop().code(), Some(0));
    let router = Router::start(directory.path(), CONFIG);
    let again = pulled(&router, &json!({"wait": "10s"}));
    assert_eq!((&again[0]["id"], &again[0]["attempt"]), (&json!("1/work"), &json!(1)));
    assert_eq!(
        results(&ask(&router, "work", "ack", &json!({"leases": [again[0]["lease"]]})).1),
        ["done"]
    );
    assert_eq!(router.settled()["subscriptions"]["work"]["delivered"], 1);
}
