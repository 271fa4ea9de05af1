//! Subscriptions that come and go while the router runs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use patchpanel_tests::{Router, wait_for};
use serde_json::json;

const CONFIG: &str = r#"
[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[channels]]
name = "other"
plugin = "log"
config = { path = "other.ndjson" }

[[subscriptions]]
name = "fixed"
channel = "audit"
"#;

/// Without the channel `other`.
fn smaller() -> String {
    let (before, rest) = CONFIG.split_once("[[channels]]\nname = \"other\"").unwrap();
    format!(
        "{before}[[subscriptions]]{}",
        rest.split_once("[[subscriptions]]").unwrap().1
    )
}

fn reload(directory: &Path, router: &Router, config: &str, expected: &str) {
    let before = router.log().matches(expected).count();
    fs::write(directory.join("patchpanel.toml"), config).unwrap();
    router.signal(Signal::SIGHUP);
    wait_for(expected, || {
        (router.log().matches(expected).count() > before).then_some(())
    });
}

fn messages(router: &Router, file: &str) -> Vec<String> {
    router.settled();
    let lines = router.lines(file);
    lines
        .iter()
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_subscription_is_created_outlives_the_router_and_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    router.publish(&json!({"type": "a", "message": "before"}));
    let definition = json!({
        "name": "new", "channel": "other", "filter": {"type": ["a"]}, "start": "earliest",
        "transforms": ["redact"], "retry": {"attempts": 3},
    });
    let (status, created) = router.post_to("/v1/subscriptions", &definition);
    assert_eq!(
        (status, &created["origin"], &created["retry"]["attempts"]),
        (201, &json!("api"), &json!(3)),
        "{created}"
    );
    router.publish(&json!([{"type": "a", "message": "to ada@example.com"}, {"type": "b", "message": "not this"}]));
    wait_for("the past and the present", || {
        let found = messages(&router, "other.ndjson");
        (found.len() == 2).then(|| assert!(!found.concat().contains("ada@"), "{found:?}"))
    });
    let (_, list) = router.get("/v1/subscriptions");
    let names: Vec<_> = list["subscriptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (&item["name"], &item["origin"]))
        .collect();
    assert_eq!(
        names,
        [
            (&json!("fixed"), &json!("configuration")),
            (&json!("new"), &json!("api"))
        ]
    );
    // Taken names, the file's own, and nobody.
    assert_eq!(router.post_to("/v1/subscriptions", &definition).0, 400);
    let (status, problem) = router.delete("/v1/subscriptions/fixed");
    assert!(
        status == 409 && problem["detail"].as_str().unwrap().contains("SIGHUP"),
        "{problem}"
    );
    assert_eq!(router.delete("/v1/subscriptions/nobody").0, 404);
    assert_eq!(router.get("/v1/subscriptions/nobody").0, 404);
    assert!(router.stop().success());

    let router = Router::start(directory.path(), CONFIG);
    router.publish(&json!({"type": "a", "message": "after"}));
    let found = messages(&router, "other.ndjson");
    assert_eq!((found.len(), found[2].as_str()), (3, "after"), "{found:?}");
    // The kept one goes on over a reload, and is gone when it is removed.
    reload(directory.path(), &router, CONFIG, "configuration taken over");
    assert_eq!(router.get("/v1/subscriptions/new").1["origin"], "api");
    assert_eq!(router.delete("/v1/subscriptions/new").0, 204);
    assert_eq!(router.get("/v1/subscriptions/new").0, 404);
    router.publish(&json!({"type": "a", "message": "too late"}));
    assert_eq!(messages(&router, "other.ndjson").len(), 3);
    assert!(router.stop().success());
    let router = Router::start(directory.path(), CONFIG);
    assert_eq!(router.get("/v1/subscriptions/new").0, 404);
}

#[test]
fn mistakes_in_a_definition_come_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    let definition =
        json!({"name": "x", "chanel": "audit", "filter": {"type": [{"prefx": "a"}]}, "retry": {"base": "soon"}});
    let (status, problem) = router.post_to("/v1/subscriptions", &definition);
    let mut paths: Vec<_> = problem["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mistake| mistake["path"].as_str().unwrap())
        .collect();
    paths.sort_unstable();
    assert_eq!(
        (status, paths),
        (400, vec!["", "", "filter.type[0].prefx", "retry.base"]),
        "{problem}"
    );
    // What only the plugin knows.
    let definition = json!({"name": "x", "channel": "audit", "transforms": [{"transform": "redact", "config": {"classes": ["emial"]}}]});
    let (status, problem) = router.post_to("/v1/subscriptions", &definition);
    assert!(
        status == 400
            && problem["detail"]
                .as_str()
                .unwrap()
                .contains("classes.0: the value is not one of"),
        "{problem}"
    );
    assert_eq!(
        router.get("/v1/subscriptions").1["subscriptions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(router.post_to("/v1/subscriptions", &json!([])).0, 400);
}

#[test]
fn what_does_not_fit_stops_a_reload_but_no_start() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    let created = router.run(
        &["subscriptions", "create", "-"],
        r#"{"name": "new", "channel": "other"}"#,
    );
    assert_eq!(created.code, 0, "{}", created.stderr);
    reload(directory.path(), &router, &smaller(), "there is no channel `other`");
    router.publish(&json!({"type": "a", "message": "still"}));
    assert_eq!(messages(&router, "other.ndjson"), ["still"]);
    assert!(router.stop().success());

    let router = Router::start(directory.path(), &smaller());
    let (_, shown) = router.get("/v1/subscriptions/new");
    assert!(
        shown["invalid"]
            .as_str()
            .unwrap()
            .contains("there is no channel `other`"),
        "{shown}"
    );
    assert!(router.log().contains("out of service"));
    let list = router.run(&["subscriptions", "list"], "");
    assert!(
        list.code == 0 && list.stdout.contains("there is no channel"),
        "{}",
        list.stdout
    );
    // With its channel it comes back.
    reload(directory.path(), &router, CONFIG, "configuration taken over");
    wait_for("the subscription to be back", || {
        router.get("/v1/subscriptions/new").1["invalid"].is_null().then_some(())
    });
    router.publish(&json!({"type": "a", "message": "again"}));
    assert_eq!(messages(&router, "other.ndjson"), ["still", "again"]);
    let removed = router.run(&["subscriptions", "remove", "new"], "");
    assert_eq!((removed.code, removed.stderr.trim()), (0, "subscription new removed"));
    let json = router.run(&["subscriptions", "list", "--json"], "");
    let list = &json.lines()[0]["subscriptions"];
    assert_eq!(
        (list.as_array().unwrap().len(), &list[0]["name"]),
        (1, &json!("fixed")),
        "{list}"
    );
}
