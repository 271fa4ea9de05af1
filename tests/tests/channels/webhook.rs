//! Signatures, held against the official libraries of Standard Webhooks.

use serde_json::json;

use crate::page::example;
use crate::script::Script;
use crate::{json_of, start};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER_KEY: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Test 1 of RFC 8032, section 7.1, with and without the prefixes of Standard Webhooks.
const PRIVATE: &str = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn events() -> serde_json::Value {
    json!([
        {"id": "plain", "type": "order.paid", "payload": {"n": 1.50, "text": "ü \" \\ \u{2028}"}},
        {"id": "second", "type": "order.paid", "message": "line\r\nwebhook-signature: v1,x", "metadata": {"tenant": "acme"}},
    ])
}

/// The example of the page, verified by a script.
fn verified(script: &Script) {
    let config = example("webhook", "https://partner.example.com", &script.url);
    let running = start(
        &config,
        &[("PARTNER_KEY", KEY), ("PARTNER_TOKEN", "pa55word-of-partner")],
    );
    running.router.publish(&events());
    assert_eq!(running.count("orders", "delivered"), 2);
    for seen in script.wait(2) {
        assert_eq!(seen["verified"], true, "{seen}");
        let headers = &seen["headers"];
        assert_eq!(headers["authorization"], "Bearer pa55word-of-partner");
        assert!(
            headers["content-type"]
                .as_str()
                .unwrap()
                .starts_with("application/cloudevents+json"),
            "{headers}"
        );
        let event = json_of(seen["body"].as_str().unwrap());
        assert_eq!(
            (&event["specversion"], &event["type"]),
            (&json!("1.0"), &json!("order.paid"))
        );
    }
    assert!(!running.router.log().contains("pa55word-of-partner"));
}

#[test]
fn the_example_is_verified_by_the_official_library_for_python() {
    if let Some(script) = Script::python("webhook.py", "standardwebhooks", &[KEY]) {
        verified(&script);
    }
}

#[test]
fn the_example_is_verified_by_the_official_library_for_javascript() {
    if let Some(script) = Script::node("webhook.mjs", "standardwebhooks", &[KEY]) {
        verified(&script);
    }
}

#[test]
fn a_receiver_that_knows_one_of_several_keys_verifies_any_form_of_body() {
    let Some(script) = Script::python("webhook.py", "standardwebhooks, cryptography", &[KEY, PUBLIC]) else {
        return;
    };
    for (index, body) in [
        "\"native\"",
        "\"cloudevents-binary\"",
        r#"{ template = '{"text": {{ message | json }}}' }"#,
    ]
    .iter()
    .enumerate()
    {
        let config = format!(
            r#"
[secrets]
new = "env:NEW"
old = "env:OLD"
private = "env:PRIVATE"

[plugins.webhook.allow]
http = ["{url}"]
secrets = ["new", "old", "private"]

[[channels]]
name = "hook"
plugin = "webhook"
config = {{ url = "{url}/x", sign = ["new", "old", "private"], body = {body} }}

[[subscriptions]]
name = "all"
channel = "hook"
"#,
            url = script.url
        );
        let running = start(&config, &[("NEW", OTHER_KEY), ("OLD", KEY), ("PRIVATE", PRIVATE)]);
        running.router.publish(&events());
        assert_eq!(running.count("all", "delivered"), 2, "{body}");
        for seen in script.wait(2 * (index + 1)).split_off(2 * index) {
            assert_eq!(
                (&seen["verified"], &seen["asymmetric"]),
                (&json!(true), &json!(1)),
                "{seen}"
            );
        }
    }
}
