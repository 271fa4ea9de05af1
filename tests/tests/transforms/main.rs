//! The bundled transforms in the real router, with the configurations and events of their pages in `docs/transforms`, over
//! restarts and crashes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod attempts;
mod changed;
mod dedupe;
mod digest;
mod enrich;
mod sample;
mod template;

use std::path::Path;

use patchpanel_tests::Router;
use serde_json::{Value, json};

/// Starts again what was started before.
fn again(directory: &Path) -> Router {
    Router::spawn(directory, &["run", "--listen", "127.0.0.1:0"])
}

/// Publishes, and waits until all of it is settled.
fn say(router: &Router, events: &Value) {
    router.publish(events);
    router.settled();
}

/// What has come to the channel of the page. A delivery that was under way when the router was killed is made once more,
/// and counts once.
fn audit(router: &Router) -> Vec<Value> {
    let mut lines: Vec<Value> = Vec::new();
    for line in router.lines("audit.ndjson") {
        if !lines.iter().any(|known| known["id"] == line["id"]) {
            lines.push(line);
        }
    }
    lines
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

/// The same event, but for some fields.
fn with(event: &Value, changes: &Value) -> Value {
    let mut event = event.clone();
    let fields = event.as_object_mut().unwrap();
    fields.extend(changes.as_object().unwrap().clone());
    event
}

/// Why a delivery ended without being delivered.
fn filtered(router: &Router, id: &str, subscription: &str) -> String {
    let (_, delivery) = router.get(&format!("/v1/deliveries/{id}/{subscription}"));
    assert_eq!(delivery["state"], json!("filtered"), "{delivery}");
    delivery["reason"].as_str().unwrap().to_owned()
}
