//! Transforms that keep state and give events out by the clock: over reloads, restarts and crashes of the router.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use patchpanel_tests::{Router, component, run, wait_for};
use serde_json::{Value, json};

const EVENTS: usize = 300;

/// One of all events, and one of a subscription. Both count; what they have counted is given out where `give` says so.
fn config(give: bool, store: &str) -> String {
    format!(
        r#"
[store]
{store}

[plugins.counting-transform]
# Events of a call that was too late are given once more, and counted.
limits = {{ deadline = "1m" }}
allow = {{ kv = true }}

[[ingress]]
transform = "counting-transform"
config = {{ name = "door", give = {give} }}

[[channels]]
name = "all"
plugin = "log"
config = {{ path = "all.ndjson" }}

[[channels]]
name = "digest"
plugin = "log"
config = {{ path = "digest.ndjson" }}

[[subscriptions]]
name = "all"
channel = "all"

[[subscriptions]]
name = "digest"
channel = "digest"
filter = {{ type = ["even"] }}
transforms = [{{ transform = "counting-transform", config = {{ name = "digest", give = {give} }} }}]
"#
    )
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    std::fs::create_dir(&plugins).unwrap();
    std::fs::write(plugins.join("counting-transform.wasm"), component("counting-transform")).unwrap();
    directory
}

fn publish(router: &Router, from: usize) {
    let kind = |number: usize| if number.is_multiple_of(2) { "even" } else { "odd" };
    let events = (from..from + EVENTS).map(|number| json!({"id": number.to_string(), "type": kind(number)}));
    router.publish(&events.collect());
    router.settled();
}

/// The sums that came to a channel, by the use that gave them out: how many, and what they are together.
fn sums(router: &Router, file: &str, of: &str) -> (usize, usize) {
    let of = format!("{of}/");
    let lines = router.lines(file);
    let event = |line: &Value| line.get("event").cloned().unwrap_or_else(|| line.clone());
    let events: Vec<Value> = lines.iter().map(event).collect();
    let sums = events
        .iter()
        .filter(|event| event["type"] == "sum" && event["id"].as_str().unwrap().starts_with(&of));
    // A delivery that was under way when the router was killed is made once more.
    let counts: BTreeMap<&str, usize> = sums
        .map(|event| {
            (
                event["id"].as_str().unwrap(),
                event["message"].as_str().unwrap().parse().unwrap(),
            )
        })
        .collect();
    (counts.len(), counts.values().sum())
}

fn wait_for_sums(router: &Router, door: usize, digest: usize) {
    let all = || {
        (
            sums(router, "all.ndjson", "door").1,
            sums(router, "digest.ndjson", "digest").1,
        )
    };
    wait_for(&format!("{door} and {digest} to be summed up"), || {
        let (at_the_door, of_digest) = all();
        assert!(
            at_the_door <= door && of_digest <= digest,
            "{at_the_door} and {of_digest}"
        );
        ((at_the_door, of_digest) == (door, digest)).then_some(())
    });
}

#[test]
fn what_was_counted_outlives_a_crash_and_comes_out_when_it_is_time() {
    let directory = directory();
    let router = Router::start(directory.path(), &config(false, ""));
    publish(&router, 0);
    router.crash();
    let router = Router::start(directory.path(), &config(false, ""));
    publish(&router, EVENTS);
    router.stop();

    let router = Router::start(directory.path(), &config(true, ""));
    wait_for_sums(&router, 2 * EVENTS, EVENTS);
    assert_eq!(sums(&router, "all.ndjson", "door").0, 1, "counted on where it ended");
    assert_eq!(sums(&router, "digest.ndjson", "digest").0, 1);
    assert_eq!(sums(&router, "all.ndjson", "digest").0, 0, "the subscription's own");
    // It does not match the filter either.
    assert_eq!(sums(&router, "digest.ndjson", "door").0, 0);

    // Whatever was under way when it was killed: each sum is there, and none counts twice.
    router.crash();
    for round in 2..6 {
        let router = Router::start(directory.path(), &config(round % 2 == 0, ""));
        publish(&router, round * EVENTS);
        router.crash();
    }
    let router = Router::start(directory.path(), &config(true, ""));
    wait_for_sums(&router, 6 * EVENTS, 3 * EVENTS);
}

#[test]
fn what_is_counted_in_memory_is_forgotten_with_the_router_and_not_before() {
    let directory = directory();
    let memory = "kind = \"memory\"";
    let router = Router::start(directory.path(), &config(false, memory));
    publish(&router, 0);
    std::fs::write(directory.path().join("patchpanel.toml"), config(true, memory)).unwrap();
    router.signal(Signal::SIGHUP);
    wait_for_sums(&router, EVENTS, EVENTS / 2);
    router.stop();
    for file in ["all.ndjson", "digest.ndjson"] {
        std::fs::remove_file(directory.path().join(file)).unwrap();
    }
    let router = Router::start(directory.path(), &config(true, memory));
    publish(&router, EVENTS);
    wait_for_sums(&router, EVENTS, EVENTS / 2);
}

#[test]
fn a_plugin_that_gives_out_nonsense_harms_itself_alone() {
    for (misdeed, told) in [
        ("flood", "1001 events are due at once, more than the 1000 that may be"),
        ("nameless", "an event that is due has no id"),
        ("panic", "panicked or aborted"),
        ("loop", "ran past its deadline"),
    ] {
        let (_directory, router) = misdeeds(misdeed);
        wait_for(told, || {
            let failure = &router.plugin("counting-transform")["uses"][0]["last_failure"];
            failure.as_str()?.contains(told).then_some(())
        });
    }
    let (_directory, router) = misdeeds("broken");
    wait_for("the log to tell", || {
        router
            .log()
            .contains("event `broken` that is due is none")
            .then_some(())
    });
    router.publish(&json!({"id": "1", "type": "t"}));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["all"]["delivered"], 1, "and nothing else");
}

/// One of a subscription that nothing matches.
fn misdeeds(misdeed: &str) -> (tempfile::TempDir, Router) {
    let directory = directory();
    let config = format!(
        r#"
[plugins.counting-transform]
allow = {{ kv = true }}
limits = {{ deadline = "100ms" }}

[[channels]]
name = "all"
plugin = "log"
config = {{ path = "all.ndjson" }}

[[subscriptions]]
name = "all"
channel = "all"

[[subscriptions]]
name = "digest"
channel = "all"
filter = {{ type = ["none"] }}
transforms = [{{ transform = "counting-transform", config = {{ name = "x", give = true, misdeed = "{misdeed}" }} }}]
"#
    );
    let router = Router::start(directory.path(), &config);
    (directory, router)
}

#[test]
fn inspect_and_check_tell_that_it_has_a_clock() {
    let directory = directory();
    let file = "plugins.d/counting-transform.wasm";
    for command in ["inspect", "check"] {
        let output = run(directory.path(), &["plugin", command, file], "");
        assert!(
            output.stdout.contains("gives events out by the clock"),
            "{}",
            output.stdout
        );
    }
    let other = run(directory.path(), &["plugin", "inspect", "redact"], "");
    assert!(!other.stdout.contains("by the clock"), "{}", other.stdout);
}
