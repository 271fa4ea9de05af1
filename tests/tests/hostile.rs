//! Plugins that mean harm: each is contained, reported by name and reason, and everything else goes on. An event whose
//! redactor failed is neither delivered nor shown anywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::fs;

use patchpanel_tests::{Receiver, Router, component, wait_for};
use serde_json::{Value, json};

/// What must never be seen outside: the hostile redactor fails for texts that hold it.
const SECRET: &str = "BOOM-7f3a9";

/// A router whose door is watched by a redactor that misbehaves as `config` says.
fn redacting(config: &str) -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("plugins.d")).unwrap();
    fs::write(
        directory.path().join("plugins.d/hostile.wasm"),
        component("hostile-redactor"),
    )
    .unwrap();
    let text = format!(
        r#"
[plugins.hostile]
config = {config}
limits = {{ memory = "16MiB", deadline = "2s", output = "1MiB", log_lines = 10 }}

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

fn post(router: &Router, id: &str, message: &str) -> (u16, Value) {
    router.post(
        &[("content-type", "application/json")],
        json!({"id": id, "type": "t", "message": message}).to_string(),
    )
}

/// Sends a poisonous event between two good ones and checks all that must hold, whatever the misdeed.
fn contained(mode: &str, reason: &str) {
    let (directory, router) = redacting(&format!("{{ mode = \"{mode}\", when = \"{SECRET}\" }}"));
    assert_eq!(post(&router, "before", "harmless").0, 202, "{mode}");
    let (status, problem) = post(&router, "poison", &format!("my {SECRET} text"));
    assert_eq!(status, 503, "{mode}: {problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("plugin `hostile` failed") && detail.contains(reason),
        "{mode}: {detail}"
    );
    assert_eq!(post(&router, "after", "harmless").0, 202, "{mode}");
    router.settled();
    let plugin = router.plugin("hostile");
    assert_eq!(
        (&plugin["state"], &plugin["uses"][0]["failures"]),
        (&json!("ready"), &json!(1)),
        "{mode}: {plugin}"
    );
    assert!(
        plugin["uses"][0]["last_failure"].as_str().unwrap().contains(reason),
        "{mode}: {plugin}"
    );
    let ids: Vec<_> = router
        .lines("audit.ndjson")
        .iter()
        .map(|event| event["id"].clone())
        .collect();
    assert_eq!(ids, ["before", "after"], "{mode}");
    for seen in [
        problem.to_string(),
        plugin.to_string(),
        router.get("/v1/stats").1.to_string(),
    ] {
        assert!(!seen.contains(SECRET), "{mode}: {seen}");
    }
    nowhere(&directory, &router, mode);
}

/// The secret is in no log and in no file of the router.
fn nowhere(directory: &tempfile::TempDir, router: &Router, mode: &str) {
    assert!(!router.log().contains(SECRET), "{mode}: {}", router.log());
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

#[test]
fn endless_loops_end_at_the_deadline() {
    contained("loop", "ran past its deadline of 2000 ms");
}

#[test]
fn memory_and_stack_are_bounded() {
    contained("memory", "exceeded its limit of memory (16777216 bytes)");
    contained("stack", "overflowed its stack");
}

#[test]
fn panics_traps_and_exits_stay_inside() {
    contained("panic", "panicked or aborted");
    contained("trap", "panicked or aborted");
    contained("exit", "trapped");
}

#[test]
fn answers_that_break_the_contract_are_refused_whole() {
    contained("huge-output", "exceeded its limit of output (1048576 bytes)");
    contained(
        "bad-edits",
        "broke the contract: edit 0 refers to a text, label or byte that is not there",
    );
    contained("bad-utf8", "broke the contract: the replacements are not valid UTF-8");
}

#[test]
fn a_redactor_that_says_no_keeps_the_event_in_and_its_words_to_itself() {
    contained("error", "answered with an error");
}

#[test]
fn a_poisonous_event_does_not_spoil_its_batch_offline() {
    let (directory, router) = redacting(&format!("{{ mode = \"panic\", when = \"{SECRET}\" }}"));
    drop(router);
    let lines: Vec<String> = (0..100)
        .map(|id| {
            json!({"id": id.to_string(), "type": "t", "message": if id == 50 { SECRET } else { "fine" }}).to_string()
        })
        .collect();
    let output = patchpanel_tests::run(directory.path(), &["route"], &lines.join("\n"));
    assert_eq!(output.code, 2);
    assert_eq!(output.lines().len(), 99);
    assert!(
        output
            .stderr
            .contains("line 51: withheld: plugin `hostile` failed: panicked or aborted"),
        "{}",
        output.stderr
    );
    assert!(!output.stdout.contains(SECRET) && !output.stderr.contains(SECRET));
}

#[test]
fn a_redactor_that_always_fails_is_quarantined_and_lets_nothing_pass() {
    let (directory, router) = redacting("{ mode = \"trap\" }");
    for _ in 0..5 {
        assert_eq!(post(&router, "x", SECRET).0, 503);
    }
    let (status, problem) = post(&router, "x", SECRET);
    assert_eq!(status, 503);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("is quarantined after repeated failures"),
        "{problem}"
    );
    assert_eq!(router.plugin("hostile")["state"], "quarantined");
    assert_eq!(router.get("/readyz").1["quarantined_plugins"], json!(["hostile"]));
    // A replacement is in service at once.
    router.drop_plugin("hostile", &component("marker-redactor"));
    wait_for("the replacement", || {
        (post(&router, "y", "STAMP").0 == 202).then_some(())
    });
    router.settled();
    assert_eq!(router.lines("audit.ndjson").len(), 1);
    nowhere(&directory, &router, "trap");
}

#[test]
fn a_trap_at_every_third_call_costs_that_call_only() {
    let (_directory, router) = redacting("{ mode = \"trap-nth\", nth = 3 }");
    let statuses: Vec<u16> = (0..9).map(|id| post(&router, &id.to_string(), "x").0).collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 503).count(),
        3,
        "{statuses:?}"
    );
    router.settled();
    assert_eq!(router.lines("audit.ndjson").len(), 6);
}

#[test]
fn there_are_no_files_and_no_environment() {
    let directory = tempfile::tempdir().unwrap();
    let prey = directory.path().join("prey");
    let (_directory, router) = redacting(&format!("{{ mode = \"file\", path = \"{}\" }}", prey.display()));
    assert_eq!(post(&router, "f", "x").0, 202);
    router.settled();
    let message = router.lines("audit.ndjson")[0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("DENIED") && !prey.exists(), "{message}");
    let (_directory, router) = redacting("{ mode = \"env\" }");
    assert_eq!(post(&router, "e", "x").0, 202);
    router.settled();
    assert_eq!(router.lines("audit.ndjson")[0]["message"], "SEEN 0 []");
}

#[test]
fn a_redactor_is_mute_and_labels_carry_no_text() {
    let (directory, router) = redacting("{ mode = \"log-flood\" }");
    assert_eq!(post(&router, "x", SECRET).0, 202);
    let plugin = router.plugin("hostile");
    assert!(
        plugin["uses"][0]["suppressed_log_lines"].as_u64().unwrap() >= 6000,
        "{plugin}"
    );
    assert!(
        !router.log().contains("flood") && !router.log().contains(SECRET),
        "{}",
        router.log()
    );
    drop((directory, router));
    let (_directory, router) = redacting("{ mode = \"label\" }");
    assert_eq!(post(&router, "x", SECRET).0, 202);
    assert_eq!(router.settled()["redactions"], json!({"other": 1}));
}

#[test]
fn what_misbehaves_when_configured_never_starts() {
    for (mode, reason) in [
        ("configure-loop", "ran past its deadline"),
        ("configure-panic", "panicked or aborted"),
        ("configure-refuse", "mode: nothing is good enough"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("plugins.d")).unwrap();
        fs::write(
            directory.path().join("plugins.d/hostile.wasm"),
            component("hostile-redactor"),
        )
        .unwrap();
        let config = format!(
            "[[ingress]]\ntransform = \"hostile\"\nconfig = {{ mode = \"{mode}\" }}\n[plugins.hostile]\nlimits = {{ deadline = \"100ms\" }}\n"
        );
        fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
        let output = patchpanel_tests::run(directory.path(), &["config", "check"], "");
        assert_eq!(output.code, 2);
        assert!(
            output.stderr.contains("plugin `hostile`") && output.stderr.contains(reason),
            "{mode}: {}",
            output.stderr
        );
    }
}

/// A router with one hostile channel beside a good one.
fn channels(config: &str, allow: &str) -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("plugins.d")).unwrap();
    fs::write(
        directory.path().join("plugins.d/hostile.wasm"),
        component("hostile-channel"),
    )
    .unwrap();
    let text = format!(
        r#"
[plugins.hostile]
limits = {{ memory = "16MiB", deadline = "1s", log_lines = 10 }}
allow = {{ {allow} }}

[[channels]]
name = "bad"
plugin = "hostile"
config = {config}

[[channels]]
name = "good"
plugin = "log"
config = {{ path = "audit.ndjson" }}

[[subscriptions]]
name = "to-bad"
channel = "bad"
retry = {{ attempts = 2, base = "1ms", cap = "1ms" }}

[[subscriptions]]
name = "to-good"
channel = "good"
"#
    );
    let router = Router::start(directory.path(), &text);
    (directory, router)
}

#[test]
fn a_channel_that_fails_ends_in_dead_letters_and_harms_no_other() {
    for (mode, reason) in [
        ("loop", "ran past its deadline of 1000 ms"),
        ("hang", "ran past its deadline of 1000 ms"),
        ("panic", "panicked or aborted"),
        ("memory", "exceeded its limit of memory"),
        ("exit", "trapped"),
        ("wrong-count", "0 answers to 1 deliveries"),
    ] {
        let (_directory, router) = channels(&format!("{{ mode = \"{mode}\" }}"), "");
        router.publish(&json!({"id": "e", "type": "t"}));
        let stats = router.settled();
        assert_eq!(
            (
                &stats["subscriptions"]["to-good"]["delivered"],
                &stats["subscriptions"]["to-bad"]["dead"]
            ),
            (&json!(1), &json!(1)),
            "{mode}: {stats}"
        );
        let letter = &stats["dead_letters"][0];
        assert!(letter["reason"].as_str().unwrap().contains(reason), "{mode}: {letter}");
        assert_eq!(letter["attempts"], 2);
        assert_eq!(router.plugin("hostile")["uses"][0]["failures"], 2, "{mode}");
        assert_eq!(router.lines("audit.ndjson").len(), 1, "{mode}");
    }
}

#[test]
fn requests_go_only_where_they_are_granted() {
    let receiver = Receiver::start();
    let config = format!("{{ mode = \"http\", url = \"{}/\" }}", receiver.url);
    let (_directory, router) = channels(&config, "");
    router.publish(&json!({"id": "denied", "type": "t"}));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["to-bad"]["dead"], 1, "{stats}");
    assert_eq!(router.plugin("hostile")["uses"][0]["refused_requests"], 1);
    assert!(router.log().contains("is not granted"), "{}", router.log());
    assert!(receiver.received().is_empty());
    let (_directory, router) = channels(&config, &format!("http = [\"POST {}\"]", receiver.url));
    router.publish(&json!({"id": "granted", "type": "t"}));
    assert_eq!(router.settled()["subscriptions"]["to-bad"]["delivered"], 1);
    assert_eq!(receiver.received().len(), 1);
    let (_directory, router) = channels(&config, &format!("http = [\"GET {}\"]", receiver.url));
    router.publish(&json!({"id": "other-method", "type": "t"}));
    assert_eq!(router.settled()["subscriptions"]["to-bad"]["dead"], 1);
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn channels_have_no_files_or_environment_and_a_log_of_bounded_size() {
    let prey = tempfile::tempdir().unwrap();
    for config in [
        format!("{{ mode = \"file\", path = \"{}/x\" }}", prey.path().display()),
        "{ mode = \"env\" }".to_owned(),
    ] {
        let (_directory, router) = channels(&config, "");
        router.publish(&json!({"id": "e", "type": "t"}));
        let stats = router.settled();
        assert!(
            stats["dead_letters"][0]["reason"]
                .as_str()
                .unwrap()
                .starts_with("refused"),
            "{stats}"
        );
    }
    let (_directory, router) = channels("{ mode = \"log-flood\" }", "");
    router.publish(&json!({"id": "e", "type": "t", "message": "words"}));
    router.settled();
    let lines = router.log().lines().filter(|line| line.contains("flood ")).count();
    // Ten a second, and the flood may last into a second and third one.
    assert!(lines <= 30, "{lines}");
    assert!(
        !router.log().lines().any(|line| line.starts_with("forged")),
        "a plugin cannot begin a line of the log"
    );
    assert!(
        router.plugin("hostile")["uses"][0]["suppressed_log_lines"]
            .as_u64()
            .unwrap()
            > 5000
    );
}

#[test]
fn kv_outlives_instances_and_attempts_count_up() {
    let (_directory, router) = channels("{ mode = \"fail-first\", times = 1, kind = \"retry-after\" }", "");
    router.publish(&json!({"id": "e", "type": "t"}));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["to-bad"]["delivered"], 1, "{stats}");
}
