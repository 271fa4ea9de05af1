//! Plugins that mean harm: each is contained, reported by name and reason, and everything else goes on. An event whose
//! redactor failed is neither delivered nor shown anywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod channels;
mod grants;
mod isolation;
mod limits;
mod messages;
mod redactors;
mod requests;
mod server;
mod transforms;

use std::fs;

use nix::sys::signal::Signal;
use patchpanel_tests::{Router, component, wait_for};
use serde_json::{Value, json};

/// What must never be seen outside: the hostile redactor fails for texts that hold it.
const SECRET: &str = "BOOM-7f3a9";

/// A directory in which the plugin `hostile` is this guest.
fn installed(guest: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("plugins.d")).unwrap();
    fs::write(directory.path().join("plugins.d/hostile.wasm"), component(guest)).unwrap();
    directory
}

/// A router whose door is watched by a redactor that misbehaves as `config` says.
fn redacting(config: &str) -> (tempfile::TempDir, Router) {
    redacting_with(config, "")
}

/// The same, with grants.
fn redacting_with(config: &str, allow: &str) -> (tempfile::TempDir, Router) {
    let limits = r#"memory = "16MiB", deadline = "2s", output = "1MiB", log_lines = 10"#;
    guarded(&format!("limits = {{ {limits} }}\nallow = {{ {allow} }}"), config)
}

/// The same, with these keys of the plugin's section.
fn guarded(section: &str, config: &str) -> (tempfile::TempDir, Router) {
    let directory = installed("hostile-redactor");
    let router = Router::start(directory.path(), &guarded_text(section, config));
    (directory, router)
}

fn guarded_text(section: &str, config: &str) -> String {
    format!(
        r#"
[secrets]
token = "env:PATH"

[plugins.hostile]
config = {config}
{section}

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
    )
}

/// A router with one hostile channel, whose calls may take a second, beside a good one.
fn delivering(config: &str, allow: &str) -> (tempfile::TempDir, Router) {
    delivering_within("1s", config, allow)
}

fn delivering_within(deadline: &str, config: &str, allow: &str) -> (tempfile::TempDir, Router) {
    let limits = format!(r#"memory = "16MiB", deadline = "{deadline}", log_lines = 10"#);
    carried(&format!("limits = {{ {limits} }}\nallow = {{ {allow} }}"), config, 1)
}

/// The same, with these keys of the plugin's section, and so many deliveries to a batch.
fn carried(section: &str, config: &str, batch: usize) -> (tempfile::TempDir, Router) {
    let directory = installed("hostile-channel");
    let text = format!(
        r#"
[secrets]
token = "env:PATH"

[plugins.hostile]
{section}

[[channels]]
name = "bad"
plugin = "hostile"
config = {config}
concurrency = 1

[[channels]]
name = "good"
plugin = "log"
config = {{ path = "audit.ndjson" }}

[[subscriptions]]
name = "to-bad"
channel = "bad"
batch = {batch}
concurrency = 1
retry = {{ attempts = 2, base = "1ms", cap = "1ms" }}

[[subscriptions]]
name = "to-good"
channel = "good"
"#
    );
    let router = Router::start(directory.path(), &text);
    (directory, router)
}

/// Publishes one event to such a router and returns why it was not delivered, or `delivered`.
fn outcome(router: &Router, id: &str) -> String {
    router.publish(&json!({"id": id, "type": "t", "message": id}));
    router.settled();
    let letters = router.get("/v1/dead-letters").1;
    let letters = letters["dead_letters"].as_array().unwrap();
    match letters.iter().find(|letter| letter["event_id"] == id) {
        Some(letter) => letter["reason"].as_str().unwrap().to_owned(),
        None => "delivered".to_owned(),
    }
}

/// How often the hostile plugin's only use has run into a limit.
fn hits(router: &Router, limit: &str) -> u64 {
    health(router)["limits_hit"][limit].as_u64().unwrap_or(0)
}

fn post(router: &Router, id: &str, message: &str) -> (u16, Value) {
    router.post(
        &[("content-type", "application/json")],
        json!({"id": id, "type": "t", "message": message}).to_string(),
    )
}

/// What the only use of the hostile plugin says of itself.
fn health(router: &Router) -> Value {
    router.plugin("hostile")["uses"][0].clone()
}

/// The only dead letter, when everything is settled.
fn dead_letter(router: &Router) -> Value {
    router.settled();
    let (status, answer) = router.get("/v1/dead-letters");
    assert_eq!(
        (status, answer["dead_letters"].as_array().unwrap().len()),
        (200, 1),
        "{answer}"
    );
    answer["dead_letters"][0].clone()
}

/// Ids of the events in a file, sorted: batches that are in flight at the same time may overtake each other.
fn ids(router: &Router, file: &str) -> Vec<String> {
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    let mut ids: Vec<_> = router.lines(file).iter().map(id).collect();
    ids.sort();
    ids
}

/// The log with everything in it that was written before: it comes through a pipe, so what is not there may only not have
/// arrived. Something harmless is logged, and when that is there, so is what came before.
fn whole_log(router: &Router) -> String {
    const MARK: &str = "configuration taken over";
    let before = router.log().matches(MARK).count();
    router.signal(Signal::SIGHUP);
    wait_for("the log", || {
        Some(router.log()).filter(|log| log.matches(MARK).count() > before)
    })
}

/// The secret is in no log and in no file of the router.
fn nowhere(directory: &tempfile::TempDir, router: &Router, mode: &str) {
    let log = whole_log(router);
    assert!(!log.contains(SECRET), "{mode}: {log}");
    for file in fs::read_dir(directory.path())
        .unwrap()
        .flatten()
        .filter(|file| file.file_name() != "patchpanel.toml" && file.path().is_file())
    {
        assert!(
            !String::from_utf8_lossy(&fs::read(file.path()).unwrap()).contains(SECRET),
            "{mode}: {}",
            file.path().display()
        );
    }
}
