//! Transforms that mean harm, at the door: the event stays out with a reason, those beside it come in.

use patchpanel_tests::Router;
use serde_json::json;

use crate::{health, ids, installed, post};

/// What an event is called that the transform does not stand.
const MEANT: &str = "MEANT";

fn transforming(mode: &str) -> (tempfile::TempDir, Router) {
    let directory = installed("hostile-transform");
    let text = format!(
        r#"
[plugins.hostile]
config = {{ mode = "{mode}", when = "{MEANT}" }}
limits = {{ memory = "16MiB", deadline = "2s" }}

[[ingress]]
transform = "hostile"

[[channels]]
name = "audit"
plugin = "log"
config = {{ path = "audit.ndjson" }}

[[subscriptions]]
name = "all"
channel = "audit"
"#
    );
    let router = Router::start(directory.path(), &text);
    (directory, router)
}

#[test]
fn whatever_a_transform_does_costs_its_own_event_only() {
    for (mode, reason, is_failure) in [
        ("loop", "ran past its deadline of 2000 ms", true),
        ("memory", "exceeded its limit of memory (16777216 bytes)", true),
        ("panic", "panicked or aborted", true),
        ("too-few", "broke the contract: 0 answers to 1 events", true),
        ("too-many", "broke the contract: 2 answers to 1 events", true),
        ("bad-metadata", "`metadata` must be an object", false),
        ("bad-payload", "payload", false),
        ("bad-type", "`type`", false),
        ("nothing", "it split an event into nothing", false),
        ("thousands", "more than the 100 that are allowed", false),
    ] {
        let (_directory, router) = transforming(mode);
        let batch = json!([
            {"id": "before", "type": "t", "message": "fine"},
            {"id": "meant", "type": "t", "message": MEANT},
            {"id": "after", "type": "t", "message": "fine"},
        ]);
        // A batch comes in as a whole or not at all, so each is published by itself as well.
        let (status, answer) = router.post(&[("content-type", "application/json")], batch.to_string());
        assert_eq!(status, 503, "{mode}: {answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(
            detail.contains("plugin `hostile` failed") && detail.contains(reason),
            "{mode}: {detail}"
        );
        assert_eq!(post(&router, "before", "fine").0, 202, "{mode}");
        assert_eq!(post(&router, "meant", MEANT).0, 503, "{mode}");
        assert_eq!(post(&router, "after", "fine").0, 202, "{mode}");
        router.settled();
        assert_eq!(ids(&router, "audit.ndjson"), ["after", "before"], "{mode}");
        assert_eq!(health(&router)["failures"].as_u64().unwrap() > 0, is_failure, "{mode}");
    }
}

#[test]
fn parts_of_one_id_get_ids_of_their_own() {
    let (_directory, router) = transforming("same-ids");
    assert_eq!(post(&router, "meant", MEANT).0, 202);
    router.settled();
    assert_eq!(ids(&router, "audit.ndjson"), ["meant/2", "same"]);
}
