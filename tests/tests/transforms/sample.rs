//! Shares: of about the size that was asked for, whole where events belong together, and always the same.

use std::collections::BTreeMap;

use patchpanel_tests::{Page, Router};
use serde_json::{Value, json};

use crate::{audit, filtered, ids, say, with};

const REQUESTS: usize = 500;

/// Four events for each request, with ids that begin with `prefix`.
fn events(event: &Value, prefix: &str) -> Value {
    let event = |number: usize| {
        let request = format!("request {}", number / 4);
        with(
            event,
            &json!({"id": format!("{prefix}{number}"), "level": "info", "correlation_id": request}),
        )
    };
    (0..REQUESTS * 4).map(event).collect()
}

#[test]
fn a_share_passes_and_it_is_the_same_share_in_another_router() {
    let page = Page::about("sample");
    let shown = page.events();
    let mut samples = Vec::new();
    for prefix in ["one-", "other-"] {
        let directory = tempfile::tempdir().unwrap();
        let router = Router::start(directory.path(), &page.config(&[]));
        say(&router, &shown[0]);
        assert_eq!(audit(&router), shown, "errors pass as they are");
        say(&router, &events(&shown[0], prefix));
        let passed = audit(&router);
        let mut requests = BTreeMap::<String, usize>::new();
        for event in &passed[1..] {
            *requests.entry(event["correlation_id"].to_string()).or_default() += 1;
        }
        assert!(requests.values().all(|count| *count == 4), "{requests:?}");
        assert!(
            (REQUESTS / 20..REQUESTS / 5).contains(&requests.len()),
            "{}",
            requests.len()
        );
        let dropped = (0..).map(|number| format!("{prefix}{number}"));
        let dropped = dropped
            .into_iter()
            .find(|id| !ids(&passed).contains(&id.as_str()))
            .unwrap();
        assert_eq!(
            filtered(&router, &dropped, "requests"),
            "sample: not in the sample of 10%"
        );
        samples.push(requests);
    }
    assert_eq!(samples[0], samples[1]);
}
