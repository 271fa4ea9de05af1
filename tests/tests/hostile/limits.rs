//! Each limit, obeyed and violated; a violation names the plugin, the limit and its value.

use patchpanel_tests::component;
use serde_json::json;

use crate::server::Server;
use crate::{carried, guarded, guarded_text, health, hits, installed, outcome, post};

/// What a redactor within these limits makes of a text: the status, and the words of the problem.
fn redacted(limits: &str, config: &str) -> (u16, String, tempfile::TempDir, patchpanel_tests::Router) {
    let (directory, router) = guarded(&format!("limits = {{ {limits} }}"), config);
    let (status, answer) = post(&router, "e", "text");
    let detail = answer["detail"].as_str().unwrap_or_default().to_owned();
    (status, detail, directory, router)
}

#[test]
fn stack() {
    let config = "{ mode = \"stack\", depth = 10000 }";
    let (status, detail, _directory, router) = redacted("stack = \"128KiB\", deadline = \"5s\"", config);
    assert_eq!(status, 503);
    assert!(
        detail.contains("plugin `hostile` failed: overflowed its stack of 131072 bytes"),
        "{detail}"
    );
    assert_eq!(hits(&router, "stack"), 1);
    // Where a guest may have most, the host's own stack still does not end first.
    let (_, detail, _directory, _router) = redacted("stack = \"1MiB\", deadline = \"5s\"", "{ mode = \"stack\" }");
    assert!(detail.contains("overflowed its stack of 1048576 bytes"), "{detail}");
    let (status, detail, _directory, router) = redacted("stack = \"1MiB\", deadline = \"5s\"", config);
    assert_eq!((status, hits(&router, "stack")), (202, 0), "{detail}");
}

#[test]
fn time_for_each_item() {
    let limits = "deadline = \"60s\", item_deadline = \"50ms\"";
    let (status, detail, _directory, router) = redacted(limits, "{ mode = \"loop\" }");
    assert_eq!(status, 503);
    assert!(detail.contains("ran past its deadline of 50 ms"), "{detail}");
    assert_eq!(hits(&router, "deadline"), 1);
    let (status, detail, _directory, _router) = redacted(limits, "{ mode = \"none\" }");
    assert_eq!(status, 202, "{detail}");
}

#[test]
fn output() {
    for (bytes, expected) in [(1000, 202), (10_000, 503)] {
        let config = format!("{{ mode = \"huge-output\", bytes = {bytes} }}");
        let (status, detail, _directory, router) = redacted("output = \"4KiB\"", &config);
        assert_eq!(status, expected, "{detail}");
        assert_eq!(hits(&router, "output"), u64::from(expected == 503));
        if expected == 503 {
            assert!(detail.contains("exceeded its limit of output (4096 bytes)"), "{detail}");
        }
    }
}

#[test]
fn parts_of_a_component() {
    for (limit, named) in [
        ("instances = 1", "exceeded its limit of instances (1)"),
        ("tables = 1", "exceeded its limit of tables (1)"),
        ("table_elements = 1", "exceeded its limit of table_elements (1)"),
        ("memory = \"64KiB\"", "exceeded its limit of memory (65536 bytes)"),
    ] {
        let directory = installed("hostile-redactor");
        let text = guarded_text(&format!("limits = {{ {limit} }}"), "{ mode = \"none\" }");
        std::fs::write(directory.path().join("patchpanel.toml"), text).unwrap();
        let output = patchpanel_tests::run(directory.path(), &["config", "check"], "");
        assert_eq!(output.code, 2, "{limit}: {}", output.stdout);
        assert!(
            output.stderr.contains("plugin `hostile`") && output.stderr.contains(named),
            "{limit}: {}",
            output.stderr
        );
    }
    let within = "instances = 20, tables = 10, memories = 1, table_elements = 10_000, memory = \"4MiB\"";
    let (status, detail, _directory, _router) = redacted(within, "{ mode = \"none\" }");
    assert_eq!(status, 202, "{detail}");
}

/// A component with so many more core modules in it that have a memory of their own, as other languages' tools make them.
fn with_more_memories(component: &[u8], count: u8) -> Vec<u8> {
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\x05\x03\x01\x00\x01";
    let mut bytes = component.to_vec();
    for module in (core_modules(component)..).take(count.into()) {
        bytes.extend([1, u8::try_from(MODULE.len()).unwrap()]);
        bytes.extend(MODULE);
        // One core instance, of this module, with no arguments.
        bytes.extend([2, 4, 1, 0, module, 0]);
    }
    bytes
}

/// How many core modules a component consists of.
fn core_modules(component: &[u8]) -> u8 {
    let (mut at, mut count) = (8, 0);
    while at < component.len() {
        let section = component[at];
        at += 1;
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = component[at];
            at += 1;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        count += u8::from(section == 1);
        at += length;
    }
    count
}

#[test]
fn memories() {
    let bytes = with_more_memories(&component("hostile-redactor"), 3);
    for (limit, fits) in [(3, false), (4, true)] {
        let directory = installed("hostile-redactor");
        std::fs::write(directory.path().join("plugins.d/hostile.wasm"), &bytes).unwrap();
        let text = guarded_text(&format!("limits = {{ memories = {limit} }}"), "{ mode = \"none\" }");
        std::fs::write(directory.path().join("patchpanel.toml"), text).unwrap();
        let output = patchpanel_tests::run(directory.path(), &["config", "check"], "");
        assert_eq!(output.code, if fits { 0 } else { 2 }, "{limit}: {}", output.stderr);
        let named = "exceeded its limit of memories (3)";
        assert_eq!(output.stderr.contains(named), !fits, "{limit}: {}", output.stderr);
    }
}

#[test]
fn bytes_of_the_log() {
    let flood = |limits: &str| {
        let section = format!("limits = {{ {limits}, log_lines = 1_000_000 }}\nallow = {{ log = true }}");
        let (directory, router) = guarded(&section, "{ mode = \"log-flood\" }");
        assert_eq!(post(&router, "e", "text").0, 202);
        (directory, router)
    };
    let (_directory, router) = flood("deadline = \"5s\", log_bytes = \"2KiB\"");
    assert!(hits(&router, "log_bytes") > 1000);
    let suppressed = health(&router)["suppressed_log_lines"].as_u64().unwrap();
    assert_eq!(suppressed, hits(&router, "log_bytes"));
    let (_directory, router) = flood("deadline = \"5s\", log_bytes = \"100MiB\"");
    assert_eq!((hits(&router, "log_bytes"), hits(&router, "log_lines")), (0, 0));
}

/// What a channel within these limits reports.
fn sent(limits: &str, config: &str, allow: &str) -> (String, serde_json::Value) {
    let section = format!("limits = {{ {limits} }}\nallow = {{ {allow} }}");
    let (_directory, router) = carried(&section, config, 1);
    let reason = outcome(&router, "e");
    (reason, health(&router))
}

#[test]
fn requests_a_minute_and_at_once() {
    let server = Server::start();
    let allow = format!("http = [\"{}\"]", server.url);
    for (mode, limit) in [("http", "http_requests"), ("http-at-once", "http_concurrency")] {
        let config = format!("{{ mode = \"{mode}\", url = \"{}\", times = 3 }}", server.url);
        let (reason, health) = sent(&format!("{limit} = 2"), &config, &allow);
        assert!(reason.starts_with("refused after 2"), "{mode}: {reason}");
        assert_eq!(
            (&health["used"], &health["limits_hit"]),
            (&json!({"http": 2}), &json!({limit: 1})),
            "{mode}"
        );
        let said = &health["refused"]["http"]["last_reason"];
        assert_eq!(said, &json!(format!("the limit `{limit}` (2) is reached")));
        // It was refused, and did not fail.
        assert_eq!(health["failures"], 0, "{mode}");
        let (reason, health) = sent(&format!("{limit} = 3"), &config, &allow);
        assert_eq!(
            (reason.as_str(), &health["limits_hit"]),
            ("delivered", &json!({})),
            "{mode}"
        );
    }
}

#[test]
fn bodies_of_requests_and_responses() {
    let server = Server::start();
    let allow = format!("http = [\"{}\"]", server.url);
    let limits = "http_request_body = \"1KiB\", http_response_body = \"2KiB\"";
    for (path, bytes, hit) in [
        ("", 1024, None),
        ("", 1025, Some("http_request_body")),
        ("/bytes/2048", 10, None),
        ("/bytes/2049", 10, Some("http_response_body")),
    ] {
        let config = format!("{{ mode = \"http\", url = \"{}{path}\", bytes = {bytes} }}", server.url);
        let (reason, health) = sent(limits, &config, &allow);
        match hit {
            None => assert_eq!((reason.as_str(), &health["limits_hit"]), ("delivered", &json!({}))),
            Some(limit) => {
                assert!(reason.starts_with("refused after 0"), "{reason}");
                assert_eq!(
                    (&health["limits_hit"], &health["failures"]),
                    (&json!({limit: 1}), &json!(0))
                );
            }
        }
    }
}

#[test]
fn requests_in_one_call() {
    let server = Server::start();
    let allow = format!("http = [\"{}\"]", server.url);
    let config =
        |path: &str, more: &str| format!("{{ mode = \"http-together\", url = \"{}{path}\"{more} }}", server.url);
    // More than may be in flight wait for each other.
    let (reason, health) = sent("http_concurrency = 2", &config("", ", times = 9"), &allow);
    assert_eq!((reason.as_str(), &health["limits_hit"]), ("delivered", &json!({})));
    let (reason, health) = sent("http_requests = 2", &config("", ", times = 3"), &allow);
    assert_eq!(reason, "refused after 2: the limit `http_requests` (2) is reached");
    assert_eq!(
        (&health["used"], &health["limits_hit"], &health["failures"]),
        (&json!({"http": 2}), &json!({"http_requests": 1}), &json!(0))
    );
    let limits = "http_request_body = \"1KiB\", http_response_body = \"2KiB\"";
    let (reason, health) = sent(limits, &config("", ", bytes = 1025"), &allow);
    assert!(
        reason.starts_with("refused after 0") && reason.contains("limits.http_request_body"),
        "{reason}"
    );
    assert_eq!(health["limits_hit"], json!({"http_request_body": 1}));
    // What is too long is left out, of one response as of many that are held at the same time.
    for (path, times, told) in [
        ("/bytes/5000", 1, "1 answers, 2048 bytes"),
        ("/bytes/900", 2, "2 answers, 1800 bytes"),
        ("/bytes/900", 30, "30 answers, 2048 bytes"),
    ] {
        let (_directory, router) = carried(
            &format!("limits = {{ {limits} }}\nallow = {{ {allow} }}"),
            &config(path, &format!(", times = {times}")),
            1,
        );
        assert_eq!(outcome(&router, "e"), "delivered");
        let (_, delivery) = router.get("/v1/deliveries/e/to-bad");
        assert!(delivery.to_string().contains(told), "{delivery}");
    }
}

#[test]
fn keys_and_bytes_of_state() {
    // A key of one byte and a value of 99.
    let config = "{ mode = \"kv\", times = 3, bytes = 99 }";
    for (limit, value) in [("kv_keys", 2), ("kv_bytes", 200)] {
        let (reason, health) = sent(&format!("{limit} = {value}"), config, "kv = true");
        assert!(reason.starts_with("refused after 2"), "{limit}: {reason}");
        assert_eq!(
            (&health["limits_hit"], &health["failures"]),
            (&json!({limit: 1}), &json!(0))
        );
    }
    let (reason, health) = sent("kv_keys = 3, kv_bytes = 300", config, "kv = true");
    assert_eq!((reason.as_str(), &health["limits_hit"]), ("delivered", &json!({})));
}
