//! The bundled redactor at the door: numbers and names of objects where they are asked for, and counts in the metadata.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use patchpanel_tests::{Router, run};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[ingress]]
transform = "redact"
numbers = ["payload.card", "payload.cards.**"]
keys = ["payload.**"]
report = "redacted"

[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "all"
channel = "audit"
transforms = [{ transform = "redact", fields = ["subject"], report = "redacted" }]
"#;

const CARD: u64 = 4_111_111_111_111_111;

fn event() -> Value {
    json!({
        "id": "1",
        "type": "t",
        "subject": "by ada@example.org",
        "message": "from ada@example.org to bob@example.org",
        "metadata": {"trace": "7"},
        "payload": {
            "card": CARD,
            "cards": [{"number": CARD}, 12],
            "amount": CARD,
            "mails": {"ada@example.org": 1, "bob@example.org": 2, "eve": 3},
        },
    })
}

/// Of an event that went through both.
fn check(event: &Value, mails: u64) {
    let payload = &event["payload"];
    for number in [&payload["card"], &payload["cards"][0]["number"]] {
        let text = number.as_str().unwrap();
        assert!(!text.is_empty() && !text.contains("411111"), "{text}");
    }
    assert_eq!(payload["cards"][1], 12, "nothing to hide");
    assert_eq!(payload["amount"], CARD, "nobody asked for it");
    let members = payload["mails"].as_object().unwrap();
    let mut values: Vec<u64> = members.values().map(|value| value.as_u64().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3], "no member is lost: {members:?}");
    assert!(members.keys().all(|name| !name.contains('@')), "{members:?}");
    assert_eq!(members["eve"], 3);
    assert_eq!(event["metadata"]["trace"], "7");
    assert_eq!(event["metadata"]["redacted"]["email"], mails, "{event}");
    let counts = event["metadata"]["redacted"].as_object().unwrap();
    let sum: u64 = counts.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(sum, mails + 2, "and the cards: {counts:?}");
}

#[test]
fn numbers_and_names_are_redacted_and_counts_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let router = Router::start(directory.path(), CONFIG);
    router.publish(&event());
    router.settled();
    let (_, stored) = router.get("/v1/events/1");
    let stored = stored.get("event").unwrap_or(&stored);
    check(stored, 4);
    assert_eq!(stored["subject"], "by ada@example.org");
    let delivered = router.lines("audit.ndjson").remove(0);
    let delivered = delivered.get("event").unwrap_or(&delivered);
    check(delivered, 5);
    assert!(!delivered["subject"].as_str().unwrap().contains('@'));
}

#[test]
fn offline_it_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("patchpanel.toml"), CONFIG).unwrap();
    let output = run(directory.path(), &["route"], &format!("{}\n", event()));
    assert_eq!(output.code, 0, "{}", output.stderr);
    let routed = output.lines().remove(0);
    check(routed.get("event").unwrap_or(&routed), 5);
}

/// The plugin's own examples are tried with configurations of their own before it serves; nothing of those stays.
#[test]
fn what_is_configured_holds_for_every_call() {
    let directory = tempfile::tempdir().unwrap();
    let config = CONFIG.replace(
        "report = \"redacted\"\n\n[[channels]]",
        "config = { classes = [\"card\"], style = \"label\" }\n\n[[channels]]",
    );
    let config = config.replace("transforms = ", "# ");
    std::fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
    let event = json!({"type": "t", "message": "4111 1111 1111 1111 of ada@example.org"});
    let output = run(
        directory.path(),
        &["route", "--threads", "8"],
        &format!("{event}\n").repeat(2_000),
    );
    let lines = output.lines();
    assert_eq!(lines.len(), 2_000, "{}", output.stderr);
    for line in lines {
        assert_eq!(line["event"]["message"], "[card] of ada@example.org");
    }
}
