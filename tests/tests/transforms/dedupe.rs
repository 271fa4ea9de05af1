//! Repetitions: kept away by several instances at once, over a crash, and not beyond the window.

use patchpanel_tests::{Page, Router, wait_for};
use serde_json::{Value, json};

use crate::{again, audit, filtered, ids, say, with};

#[test]
fn one_passes_in_a_window_that_outlives_a_crash() {
    let page = Page::about("dedupe");
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), &page.config(&[]));
    let [first, second] = &page.events()[..] else {
        panic!("the page shows one event that passes and one that does not")
    };
    say(&router, first);
    say(&router, second);
    assert_eq!(audit(&router), std::slice::from_ref(first));
    let reason = filtered(&router, "a-2", "alerts");
    assert_eq!(reason, "dedupe: a repetition within 5m of a-1");
    router.crash();

    let router = again(directory.path());
    say(&router, &with(second, &json!({"id": "a-3"})));
    assert_eq!(filtered(&router, "a-3", "alerts"), reason);
    say(
        &router,
        &with(second, &json!({"id": "a-4", "payload": {"host": "db-2"}})),
    );
    assert_eq!(ids(&audit(&router)), ["a-1", "a-4"]);
}

#[test]
fn a_window_ends() {
    let page = Page::about("dedupe");
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), &page.config(&[("\"5m\"", "\"2s\"")]));
    let event = &page.events()[0];
    let mut number = 0;
    wait_for("the second one to pass", || {
        number += 1;
        say(&router, &with(event, &json!({"id": number.to_string()})));
        (audit(&router).len() == 2).then_some(())
    });
    let passed = audit(&router);
    assert_eq!(passed[0]["id"], json!("1"));
    assert!(number > 2, "nothing was kept away before");
}

#[test]
fn many_at_once_are_one() {
    let page = Page::about("dedupe");
    let directory = tempfile::tempdir().unwrap();
    let smaller = "channel = \"audit\"\nbatch = 4\nconcurrency = 8\n";
    let router = Router::start(directory.path(), &page.config(&[("channel = \"audit\"\n", smaller)]));
    let event = &page.events()[0];
    // Ten alerts, each said forty times, in an order that spreads each over all batches.
    let events: Value = (0..400)
        .map(|number| {
            with(
                event,
                &json!({"id": number.to_string(), "payload": {"host": number % 10}}),
            )
        })
        .collect();
    say(&router, &events);
    let mut hosts: Vec<_> = audit(&router)
        .iter()
        .map(|event| event["payload"]["host"].as_u64().unwrap())
        .collect();
    hosts.sort_unstable();
    assert_eq!(hosts, (0..10).collect::<Vec<_>>());
}
