//! Groups: summed up on time, over crashes, for a subscription and for all events.

use std::path::Path;

use patchpanel_tests::{Page, Router, wait_for};
use serde_json::{Value, json};

use crate::{again, audit, filtered, say};

/// Besides what the page shows: another subscription, which wants everything.
const EVERYTHING: &str = r#"
[[channels]]
name = "everything"
plugin = "log"
config = { path = "everything.ndjson" }

[[subscriptions]]
name = "everything"
channel = "everything"
"#;

fn summaries(router: &Router) -> Vec<Value> {
    let of_groups = |event: &Value| event["type"] == json!("digest");
    audit(router).into_iter().filter(of_groups).collect()
}

/// Waits until summaries count so many events together.
fn counted(router: &Router, expected: u64) -> Vec<Value> {
    wait_for("all events to be summed up", || {
        let found = summaries(router);
        let count: u64 = found
            .iter()
            .map(|event| event["payload"]["count"].as_u64().unwrap())
            .sum();
        assert!(count <= expected, "something counts twice: {found:?}");
        (count == expected).then_some(found)
    })
}

/// What does not depend on when it was.
fn timeless(mut event: Value) -> Value {
    for name in ["id", "time"] {
        event.as_object_mut().unwrap().remove(name);
    }
    for name in ["from", "to"] {
        event["payload"].as_object_mut().unwrap().remove(name);
    }
    event
}

fn seconds(directory: &Path, every: &str) -> Router {
    let every = format!("\"{every}\"");
    let config = Page::about("digest").config(&[("\"5m\"", &every)]);
    Router::start(directory, &(config + EVERYTHING))
}

#[test]
fn a_group_becomes_what_the_page_shows() {
    let page = Page::about("digest");
    let directory = tempfile::tempdir().unwrap();
    let router = seconds(directory.path(), "2s");
    let [before, after] = &page.events()[..] else {
        panic!("the page shows events before and one after")
    };
    say(&router, before);
    let found = counted(&router, 2);
    // The message names the time that the group took.
    let mut expected = timeless(after.clone());
    expected["message"] = json!(after["message"].as_str().unwrap().replace("5m", "2s"));
    assert_eq!(timeless(found[0].clone()), expected);
    let id = found[0]["id"].as_str().unwrap();
    assert_eq!(
        filtered(&router, "f-1", "failed-builds"),
        format!("digest: in digest {id}")
    );
    // Nobody else gets it.
    router.settled();
    let everything = router.lines("everything.ndjson");
    let types: Vec<_> = everything.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, [&json!("build.failed"); 2]);
}

#[test]
fn a_group_outlives_the_router() {
    let page = Page::about("digest");
    let events = &page.events()[0];
    let directory = tempfile::tempdir().unwrap();
    let router = seconds(directory.path(), "3s");
    say(&router, events);
    let reason = filtered(&router, "f-1", "failed-builds");
    router.crash();
    let router = again(directory.path());
    say(&router, &json!({"id": "f-3", "type": "build.failed", "source": "ci"}));
    router.crash();

    let router = again(directory.path());
    let found = counted(&router, 3);
    let of_first = found
        .iter()
        .find(|event| event["payload"]["first"]["id"] == json!("f-1"))
        .unwrap();
    assert_eq!(
        reason,
        format!("digest: in digest {}", of_first["id"].as_str().unwrap())
    );
    // Given out and stored: it does not come again.
    router.settled();
    let given = |router: &Router| {
        let lines = router.lines("audit.ndjson");
        lines.iter().filter(|event| event["id"] == of_first["id"]).count()
    };
    let before = given(&router);
    router.stop();
    let router = again(directory.path());
    say(
        &router,
        &json!({"id": "f-4", "type": "build.failed", "source": "other"}),
    );
    counted(&router, 4);
    assert_eq!(given(&router), before);
}

#[test]
fn whenever_it_is_killed_every_event_is_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut published = 0;
    for _ in 0..5 {
        let router = seconds(directory.path(), "1s");
        for _ in 0..20 {
            let event = |number: u64| json!({"id": number.to_string(), "type": "build.failed", "source": format!("s{}", number % 3)});
            let events: Value = (published..published + 10).map(event).collect();
            // Not waited for: some are on their way when it is killed.
            router.publish(&events);
            published += 10;
        }
        router.crash();
    }
    let router = seconds(directory.path(), "1s");
    counted(&router, published);
}

#[test]
fn at_the_door_summaries_are_published_for_everybody() {
    let config = r#"
[[ingress]]
transform = "digest"
config = { by = ["type"], every = "1s", type = "sum" }

[[ingress]]
transform = "template"
config = { message = "{{ message }}!" }

[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "sums"
filter = { type = ["sum"], payload.count = [{ numeric = [">", 1] }] }
channel = "audit"
"#;
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), config);
    // Accepted is accepted: counted or passed on.
    router.publish(&json!([{"type": "a"}, {"type": "b"}, {"type": "a"}]));
    router.crash();
    let router = again(directory.path());
    let sum = wait_for("the sum", || audit(&router).pop());
    assert_eq!(sum["message"], json!("2 events of a in 1s!"));
    assert_eq!(sum["payload"]["count"], json!(2));
    assert_eq!(audit(&router).len(), 1);
}
