//! Servers that repeat what they were sent: the secrets in it are seen nowhere.

use std::fs;

use patchpanel_tests::{Router, wait_for};
use serde_json::{Value, json};

use crate::Running;
use crate::hook::{Answer, Hook};

const READ: &str = "r3ad-by-the-plugin/1";
const FILLED: &str = "f1lled in by the router/2";

/// A webhook that knows one secret and sends another without knowing it, and a channel whose URL has one in it.
fn running(hook: &Hook) -> Running {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("read"), format!("{READ}\n")).unwrap();
    fs::write(directory.path().join("filled"), format!("{FILLED}\n")).unwrap();
    let config = format!(
        r#"
[secrets]
read = "file:read"
filled = "file:filled"

[plugins.webhook.allow]
http = ["{url}"]
secrets = ["read"]
secrets_for_http = {{ filled = ["{url}"] }}

[plugins.discord.allow]
http = ["{url}"]
secrets_for_http = {{ filled = ["{url}"] }}

[[channels]]
name = "hook"
plugin = "webhook"

[channels.config]
url = "{url}/x"
headers = {{ authorization = "Bearer {{{{secret:filled}}}}", x-read = {{ secret = "read" }} }}

[[channels]]
name = "chat"
plugin = "discord"
config = {{ url = "{url}/api/{{{{secret:filled}}}}", pace = 0 }}

[[subscriptions]]
name = "hook"
filter = {{ type = ["hook"] }}
channel = "hook"
retry = {{ base = "1h", cap = "1h" }}

[[subscriptions]]
name = "chat"
filter = {{ type = ["chat"] }}
channel = "chat"
"#,
        url = hook.url
    );
    let router = Router::start(directory.path(), &config);
    Running { directory, router }
}

fn holds_no_secret(running: &Running, told: &[Value]) {
    let encoded = "f1lled%20in%20by%20the%20router%2F2";
    for text in told.iter().map(Value::to_string).chain([running.router.log()]) {
        for secret in [READ, FILLED, encoded] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn in_the_reasons_of_failures() {
    let hook = Hook::start(200, "");
    let running = running(&hook);
    hook.answer([
        Answer::Echo(400, "no {authorization}"),
        Answer::Echo(503, "later {authorization}"),
        Answer::Echo(410, "gone {authorization}"),
    ]);
    running.router.publish(&json!({"id": "dead", "type": "hook"}));
    let letter = wait_for("a dead letter", || {
        let (status, letter) = running.router.get("/v1/dead-letters/dead/hook");
        (status == 200).then_some(letter)
    });
    assert_eq!(letter["reason"], "400 Bad Request: no Bearer [redacted]", "{letter}");
    running.router.publish(&json!({"id": "later", "type": "hook"}));
    let delivery = wait_for("a retry", || {
        let delivery = running.router.get("/v1/deliveries/later/hook").1;
        (delivery["state"] == "retrying").then_some(delivery)
    });
    assert_eq!(
        delivery["failures"][0]["reason"],
        "503 Service Unavailable: later Bearer [redacted]"
    );
    running.router.publish(&json!({"id": "gone", "type": "hook"}));
    let disabled = wait_for("the channel to be disabled", || {
        let stats = running.router.get("/v1/stats").1;
        stats["channels"]["hook"]["disabled"].is_string().then_some(stats)
    });
    assert_eq!(
        disabled["channels"]["hook"]["disabled"],
        "410 Gone: gone Bearer [redacted]: the endpoint is gone"
    );
    let (_, check) = running.router.post_to("/v1/channels/hook/check", &json!({}));
    assert_eq!(hook.seen()[0].headers["authorization"], format!("Bearer {FILLED}"));
    holds_no_secret(
        &running,
        &[letter, delivery, disabled, check, running.router.get("/v1/channels").1],
    );
}

#[test]
fn in_receipts_and_checks() {
    let hook = Hook::start(200, "");
    let running = running(&hook);
    hook.answer([
        Answer::Echo(200, r#"{"id": "{path}"}"#),
        Answer::Echo(403, r#"{"message": "not {path}"}"#),
    ]);
    running
        .router
        .publish(&json!({"id": "e", "type": "chat", "message": "m"}));
    assert_eq!(running.count("chat", "delivered"), 1);
    let delivery = running.router.get("/v1/deliveries/e/chat").1;
    assert_eq!(
        delivery["receipt"]["reference"], "/api/[redacted]?wait=true",
        "{delivery}"
    );
    let (_, check) = running.router.post_to("/v1/channels/chat/check", &json!({}));
    assert_eq!(check["reason"], "403 Forbidden: not /api/[redacted]");
    holds_no_secret(&running, &[delivery, check]);
}

#[test]
fn a_secret_that_was_renewed_is_masked_as_well() {
    let hook = Hook::start(200, "");
    let running = running(&hook);
    let new = "renewed-f1lled/3";
    fs::write(running.directory.path().join("filled"), new).unwrap();
    hook.answer([Answer::Echo(400, "no {authorization}")]);
    running.router.publish(&json!({"id": "e", "type": "hook"}));
    assert_eq!(running.reason(), "400 Bad Request: no Bearer [redacted]");
    assert_eq!(hook.seen()[0].headers["authorization"], format!("Bearer {new}"));
}
