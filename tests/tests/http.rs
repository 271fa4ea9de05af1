//! Every form in which events may come over HTTP, and how the router says no.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use nix::sys::signal::Signal;
use patchpanel_tests::{PATIENCE, Receiver, Router, wait_for};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[ingress]]
transform = "redact"

[[channels]]
name = "audit"
plugin = "log"
aliases = ["file"]
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "all"
channel = "audit"
"#;

fn router() -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    (directory, router)
}

fn delivered(router: &Router) -> Vec<Value> {
    router.settled();
    router.lines("audit.ndjson")
}

#[test]
fn native_events_come_as_object_array_and_lines() {
    let (_directory, router) = router();
    let json = [("content-type", "application/json")];
    let (status, answer) = router.post(&json, r#"{"id":"one","type":"t","message":"to ada@example.com"}"#);
    assert_eq!(
        (status, &answer["events"][0]["id"], &answer["accepted"]),
        (202, &json!("one"), &json!(1))
    );
    let (status, answer) = router.post(&json, r#" [{"id":"two","type":"t"},{"type":"t","id":"three"}]"#);
    assert_eq!((status, &answer["accepted"]), (202, &json!(2)));
    let (status, _) = router.post(
        &[("content-type", "application/x-ndjson")],
        "{\"id\":\"four\",\"type\":\"t\"}\n\n{\"id\":\"five\",\"type\":\"t\"}",
    );
    assert_eq!(status, 202);
    let (status, answer) = router.post(&[], r#"{"type":"t"}"#);
    assert_eq!((status, answer["events"][0]["id"].as_str().unwrap().len()), (202, 36));
    let events = delivered(&router);
    assert_eq!(events.len(), 6);
    let first = events.iter().find(|event| event["id"] == "one").unwrap();
    assert!(
        !first["message"].as_str().unwrap().contains("ada@example.com"),
        "{first}"
    );
    assert!(first["message"].as_str().unwrap().starts_with("to "), "{first}");
    // The same id again is told so and delivered once.
    let (status, answer) = router.post(&json, r#"{"id":"one","type":"t"}"#);
    assert_eq!(
        (status, &answer["accepted"], &answer["duplicates"]),
        (202, &json!(0), &json!(1))
    );
    assert_eq!(delivered(&router).len(), 6);
}

#[test]
fn cloudevents_come_structured_batched_and_binary() {
    let (_directory, router) = router();
    let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/s", "type": "t", "level": "error", "tenant": "acme", "data": {"n": 1}});
    assert_eq!(
        router
            .post(
                &[("content-type", "application/cloudevents+json; charset=utf-8")],
                event("structured").to_string()
            )
            .0,
        202
    );
    let batch = json!([event("batch-1"), event("batch-2")]).to_string();
    assert_eq!(
        router
            .post(&[("content-type", "application/cloudevents-batch+json")], batch)
            .0,
        202
    );
    let headers = [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", "binary"),
        ("ce-source", "/s"),
        ("ce-type", "t"),
        ("ce-tenant", "acme"),
        ("ce-level", "error"),
    ];
    assert_eq!(router.post(&headers, r#"{"n":1}"#).0, 202);
    let events = delivered(&router);
    assert_eq!(events.len(), 4);
    for event in events {
        assert_eq!(
            (&event["payload"], &event["metadata"]["tenant"], &event["level"]),
            (&json!({"n": 1}), &json!("acme"), &json!("error")),
            "{event}"
        );
    }
}

#[test]
fn refusals_name_the_place_and_accept_nothing() {
    let (_directory, router) = router();
    let json = "application/json";
    let ndjson = "application/x-ndjson";
    let cases: [(&str, &str, u16, Value); 10] = [
        (
            json,
            "{",
            400,
            json!({"detail": "not valid JSON: EOF while parsing an object at line 1, column 1"}),
        ),
        (json, "[]", 400, json!({"detail": "the array holds no event"})),
        (json, r#"{"type":"t","levle":"x"}"#, 400, json!({"field": "levle"})),
        (json, r#"{"level":"info"}"#, 400, json!({"field": "type"})),
        (
            json,
            r#"[{"type":"t"},{"type":"t","level":"loud"}]"#,
            400,
            json!({"field": "level", "index": 1}),
        ),
        (
            ndjson,
            "{\"type\":\"t\"}\n\n{\"type\":1}\n",
            400,
            json!({"field": "type", "line": 3}),
        ),
        (ndjson, "\n", 400, json!({"detail": "the body holds no event"})),
        (
            "application/cloudevents+json",
            r#"{"specversion":"1.0","id":"1","type":"t"}"#,
            400,
            json!({"field": "source"}),
        ),
        (
            "text/html",
            "<p>",
            415,
            json!({"type": "urn:patchpanel:problem:media-type"}),
        ),
        (
            json,
            &format!(r#"{{"type":"t","message":"{}"}}"#, "x".repeat(1 << 20)),
            413,
            json!({"type": "urn:patchpanel:problem:too-large"}),
        ),
    ];
    for (content_type, body, status, expected) in cases {
        let (got, problem) = router.post(&[("content-type", content_type)], body);
        assert_eq!(got, status, "{problem}");
        assert_eq!(problem["status"], status);
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&problem[key], value, "{problem}");
        }
    }
    assert_eq!(router.get("/v1/nowhere").0, 404);
    assert_eq!(router.delete("/v1/events").0, 405);
    assert_eq!(router.settled()["accepted"], 0);
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    // So small that the router can read what it refuses: otherwise it hangs up, and its answer may get lost.
    let router = Router::start(directory.path(), &format!("{CONFIG}[server]\nmax_body = \"1KiB\"\n"));
    let (status, problem) = router.post(&[("content-type", "application/json")], vec![b' '; 1025]);
    assert_eq!(status, 413, "{problem}");
    assert!(
        problem["detail"].as_str().unwrap().contains("`server.max_body`"),
        "{problem}"
    );
    assert_eq!(
        router.post_to("/v1/events/query", &json!({"type": "x".repeat(1025)})).0,
        413
    );
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let (_directory, router) = router();
    let mut stream = TcpStream::connect(router.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        u64::from(u32::MAX)
    )
    .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 413 "), "{line}");
}

#[test]
fn tells_how_it_is() {
    let (_directory, router) = router();
    assert_eq!(router.get("/healthz"), (200, json!({"status": "ok"})));
    let (status, ready) = router.get("/readyz");
    assert_eq!((status, &ready["status"]), (200, &json!("ready")));
    let redact = router.plugin("redact");
    assert_eq!(
        (&redact["state"], &redact["kind"], &redact["origin"]),
        (&json!("ready"), &json!("redactor"), &json!("bundled")),
        "{redact}"
    );
    router.publish(&json!({"type": "t"}));
    let stats = router.settled();
    assert_eq!(
        (&stats["accepted"], &stats["subscriptions"]["all"]["delivered"]),
        (&json!(1), &json!(1)),
        "{stats}"
    );
}

#[test]
fn events_that_name_channels_go_there_by_key_alias_and_plugin() {
    let directory = tempfile::tempdir().unwrap();
    let config = "[[channels]]\nname = \"audit\"\nplugin = \"log\"\naliases = [\"file\"]\nmin_level = \"info\"\nconfig = { path = \"audit.ndjson\" }\n";
    let router = Router::start(directory.path(), config);
    for name in ["audit", "file", "log", "nobody"] {
        router.publish(&json!({"id": name, "type": "t", "channels": [name]}));
    }
    router.publish(&json!({"id": "quiet", "type": "t", "level": "debug", "channels": ["audit"]}));
    let mut ids: Vec<_> = delivered(&router)
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    assert_eq!(ids, ["audit", "file", "log"]);
}

#[test]
fn a_web_hook_is_retried_until_it_takes_the_event() {
    let receiver = Receiver::start();
    receiver.answer(&[(503, None), (429, Some(0)), (500, None)]);
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
[plugins.webhook]
allow = {{ http = ["{url}"] }}

[[channels]]
name = "hook"
plugin = "webhook"
config = {{ url = "{url}/" }}

[[subscriptions]]
name = "all"
channel = "hook"
retry = {{ attempts = 10, base = "5ms", cap = "20ms" }}
"#,
        url = receiver.url
    );
    let router = Router::start(directory.path(), &config);
    router.publish(&json!({"id": "e", "type": "t", "payload": {"n": 1}}));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["all"]["delivered"], 1, "{stats}");
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert!(
        received
            .iter()
            .all(|request| request.delivery == "e/all" && request.event["payload"]["n"] == 1),
        "{received:?}"
    );
    // An answer that will not change is not asked for again.
    receiver.answer(&[(400, None)]);
    router.publish(&json!({"type": "t"}));
    let stats = router.settled();
    assert_eq!(
        (&stats["subscriptions"]["all"]["dead"], receiver.received().len()),
        (&json!(1), 5),
        "{stats}"
    );
}

#[test]
fn a_drain_of_memory_delivers_what_was_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), &format!("{CONFIG}[store]\nkind = \"memory\"\n"));
    let events: Vec<Value> = (0..500)
        .map(|number| json!({"id": number.to_string(), "type": "t"}))
        .collect();
    router.publish(&json!(events));
    assert!(router.stop().success());
    let text = std::fs::read_to_string(directory.path().join("audit.ndjson")).unwrap();
    assert_eq!(text.lines().count(), 500);
}

#[test]
fn a_second_signal_ends_at_once() {
    let receiver = Receiver::start();
    receiver.answer(&vec![(503, None); 1000]);
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "[plugins.webhook]\nallow = {{ http = [\"{url}\"] }}\n[[channels]]\nname = \"hook\"\nplugin = \"webhook\"\nconfig = {{ url = \"{url}/\" }}\n[[subscriptions]]\nname = \"all\"\nchannel = \"hook\"\n[server]\ndrain = \"1h\"\n[store]\nkind = \"memory\"\n",
        url = receiver.url
    );
    let router = Router::start(directory.path(), &config);
    router.publish(&json!({"type": "t"}));
    wait_for("a first attempt", || (!receiver.received().is_empty()).then_some(()));
    router.signal(Signal::SIGTERM);
    wait_for("the drain", || router.log().contains("draining").then_some(()));
    let status = router.stop();
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_configuration_is_taken_over_whole_or_not_at_all() {
    let (directory, router) = router();
    let file = directory.path().join("patchpanel.toml");
    std::fs::write(&file, CONFIG.replace("channel = \"audit\"", "chanel = \"audit\"")).unwrap();
    router.signal(Signal::SIGHUP);
    wait_for("the refusal", || {
        router.log().contains("did you mean `channel`").then_some(())
    });
    router.publish(&json!({"id": "before", "type": "t"}));
    std::fs::write(&file, CONFIG.replace("name = \"all\"", "name = \"renamed\"")).unwrap();
    router.signal(Signal::SIGHUP);
    wait_for("the new configuration", || {
        router.log().contains("configuration taken over").then_some(())
    });
    wait_for("the new subscription", || {
        router.publish(&json!({"type": "t"}));
        router.settled()["subscriptions"]["renamed"]["delivered"]
            .as_u64()
            .filter(|count| *count > 0)
    });
    assert_eq!(router.settled()["subscriptions"]["all"]["accepted"].as_u64(), Some(1));
}
