//! Change detection, over crashes.

use patchpanel_tests::{Page, Router};
use serde_json::json;

use crate::{again, audit, filtered, ids, say, with};

#[test]
fn what_changes_passes_and_what_does_not_is_dropped_also_after_a_crash() {
    let page = Page::about("changed");
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), &page.config(&[]));
    let [before, after] = &page.events()[..] else {
        panic!("the page shows one event before and after")
    };
    say(&router, before);
    assert_eq!(audit(&router), std::slice::from_ref(after));
    // The same in another order, as text, because a map of this test would sort it.
    let (status, answer) = router.post(
        &[("content-type", "application/json")],
        r#"{"id":"same","type":"document.seen","subject":"doc-17","payload":{"rev":7,  "title":"Pl\u0061n"}}"#,
    );
    assert_eq!(status, 202, "{answer}");
    router.settled();
    assert_eq!(filtered(&router, "same", "documents"), "changed: unchanged");
    router.crash();

    let router = again(directory.path());
    say(&router, &with(before, &json!({"id": "later"})));
    assert_eq!(filtered(&router, "later", "documents"), "changed: unchanged");
    let newer = json!({"title": "Plan", "rev": 8});
    say(&router, &with(before, &json!({"id": "newer", "payload": newer})));
    say(&router, &with(before, &json!({"id": "other", "subject": "doc-18"})));
    let found = audit(&router);
    assert_eq!(ids(&found), ["d-1", "newer", "other"]);
    assert_eq!(found[1]["metadata"]["old_hash"], after["metadata"]["new_hash"]);
    assert_ne!(found[1]["metadata"]["new_hash"], after["metadata"]["new_hash"]);
    assert_eq!(found[2]["metadata"], after["metadata"], "the first of its subject");
    router.stop();

    let router = again(directory.path());
    say(&router, &with(before, &json!({"id": "back"})));
    let back = audit(&router).pop().unwrap();
    assert_eq!(back["metadata"]["old_hash"], found[1]["metadata"]["new_hash"], "{back}");
    assert_eq!(back["metadata"]["new_hash"], after["metadata"]["new_hash"], "{back}");
}
