//! What is sent to Discord, Teams, PagerDuty, ntfy and Telegram, held against their references by hand: there are no
//! libraries of theirs that validate it.

use serde_json::{Value, json};

use crate::hook::{Answer, Hook, Seen};
use crate::page::example;
use crate::{json_of, start};

/// Long, and full of markup and control characters.
fn hostile(kind: &str, level: &str) -> Value {
    json!({
        "id": kind, "type": kind, "level": level, "subject": "db-1", "correlation_id": "outage-7",
        "message": "@everyone **b** <b>& [x](https://e.vil) \u{202e}\u{1b}[31m\r\n💡".repeat(400),
    })
}

/// Publishes to the example of a page and returns what came.
fn sent(page: &str, from: &str, hook: &Hook, environment: &[(&str, &str)], events: &Value) -> Vec<Seen> {
    let running = start(&example(page, from, &hook.url), environment);
    running.router.publish(events);
    let stats = running.router.settled();
    let count = events.as_array().map_or(1, Vec::len);
    let delivered: u64 = stats["subscriptions"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|one| one["delivered"].as_u64())
        .sum();
    assert_eq!(delivered, count as u64, "{stats}");
    for (_, secret) in environment {
        assert!(!running.router.log().contains(secret), "{page}");
    }
    hook.seen()
}

fn is_clean(text: &str) -> bool {
    !text.contains(['\u{202e}', '\u{1b}', '\r'])
}

#[test]
fn discord() {
    let hook = Hook::start(200, r#"{"id": "99"}"#);
    let url = format!("{}/api/webhooks/1/s3cret-of-discord", hook.url);
    let seen = sent(
        "discord",
        "https://discord.com",
        &hook,
        &[("DISCORD_WEBHOOK_URL", &url)],
        &hostile("disk.full", "error"),
    );
    // Split.
    assert!(seen.len() > 1);
    for (index, request) in seen.iter().enumerate() {
        assert_eq!(request.path, "/api/webhooks/1/s3cret-of-discord?wait=true");
        let message = json_of(&request.body);
        let embed = &message["embeds"][0];
        let length = |key: &str| embed[key].as_str().unwrap().encode_utf16().count();
        assert!(length("title") <= 256 && length("description") <= 4096, "{embed}");
        assert!(is_clean(embed["description"].as_str().unwrap()));
        assert_eq!(embed["color"], 0xe5_48_4d);
        assert_eq!(
            message["allowed_mentions"],
            json!({"parse": [], "users": [], "roles": ["123456789012345678"]})
        );
        assert_eq!(message["content"].is_string(), index == 0);
    }
}

#[test]
fn teams() {
    let hook = Hook::start(202, "");
    let url = format!(
        "{}/workflows/1/triggers/manual/paths/invoke?sig=s3cret-of-teams-0123",
        hook.url
    );
    let seen = sent(
        "teams",
        "https://*.logic.azure.com:443",
        &hook,
        &[("TEAMS_WORKFLOW_URL", &url)],
        &hostile("disk.full", "error"),
    );
    assert_eq!(seen.len(), 1);
    assert!(seen[0].body.len() <= 28 * 1024, "{}", seen[0].body.len());
    let message = json_of(&seen[0].body);
    let attachment = &message["attachments"][0];
    assert_eq!(
        (&message["type"], &attachment["contentType"]),
        (&json!("message"), &json!("application/vnd.microsoft.card.adaptive"))
    );
    let card = &attachment["content"];
    assert_eq!(
        (&card["type"], &card["version"]),
        (&json!("AdaptiveCard"), &json!("1.4"))
    );
    assert!(
        card["body"]
            .as_array()
            .unwrap()
            .iter()
            .all(|block| block["type"] == "TextBlock" && is_clean(block["text"].as_str().unwrap()))
    );
    assert_eq!(card["msteams"]["entities"][0]["mentioned"]["id"], "ada@example.com");
}

#[test]
fn pagerduty() {
    let hook = Hook::start(
        202,
        r#"{"status": "success", "message": "Event processed", "dedup_key": "outage-7"}"#,
    );
    let key = "0123456789abcdef0123456789abcdef";
    let events = json!([
        hostile("db.down", "critical"),
        hostile("db.acknowledged", "info"),
        hostile("db.resolved", "info")
    ]);
    let seen = sent(
        "pagerduty",
        "https://events.pagerduty.com",
        &hook,
        &[("PAGERDUTY_ROUTING_KEY", key)],
        &events,
    );
    let mut actions: Vec<String> = Vec::new();
    for request in &seen {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v2/enqueue")
        );
        let event = json_of(&request.body);
        assert_eq!(
            (&event["routing_key"], &event["dedup_key"]),
            (&json!(key), &json!("outage-7"))
        );
        let action = event["event_action"].as_str().unwrap().to_owned();
        if action == "trigger" {
            let payload = &event["payload"];
            assert!(payload["summary"].as_str().unwrap().chars().count() <= 1024);
            assert_eq!(payload["severity"], "critical");
            assert!(payload["source"].is_string());
        }
        actions.push(action);
    }
    actions.sort();
    assert_eq!(actions, ["acknowledge", "resolve", "trigger"]);
}

#[test]
fn ntfy() {
    let hook = Hook::start(200, r#"{"id": "hwQ2YpKdmg"}"#);
    let seen = sent(
        "ntfy",
        "https://ntfy.sh",
        &hook,
        &[("NTFY_TOKEN", "tk_s3cret-of-ntfy")],
        &hostile("disk.full", "critical"),
    );
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/"));
    assert_eq!(seen[0].headers["authorization"], "Bearer tk_s3cret-of-ntfy");
    let message = json_of(&seen[0].body);
    assert_eq!(
        (&message["topic"], &message["priority"]),
        (&json!("ops-alerts"), &json!(5))
    );
    let text = message["message"].as_str().unwrap();
    assert!(text.len() <= 4096 && text.ends_with('…') && is_clean(text));
}

#[test]
fn telegram() {
    let hook = Hook::start(200, r#"{"ok": true, "result": {"message_id": 7}}"#);
    let limited =
        r#"{"ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 0}}"#;
    hook.answer([Answer::Say(429, None, limited.to_owned())]);
    let token = "123456:ABC-DEF1234ghIkl_zyx57W2";
    let seen = sent(
        "telegram",
        "https://api.telegram.org",
        &hook,
        &[("TELEGRAM_BOT_TOKEN", token)],
        &hostile("disk.full", "error"),
    );
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request.path, format!("/bot{token}/sendMessage"));
        let message = json_of(&request.body);
        assert_eq!(
            (&message["chat_id"], &message["parse_mode"]),
            (&json!("-1001234567890"), &json!("HTML"))
        );
        let text = message["text"].as_str().unwrap();
        // No entity but the title's.
        assert!(
            text.starts_with("<b>ERROR: disk.full</b>\n\n") && text.matches('<').count() == 2,
            "{text}"
        );
        let shown = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
            .replace("<b>ERROR: disk.full</b>", "ERROR: disk.full");
        assert!(shown.encode_utf16().count() <= 4096 && is_clean(&shown));
    }
}
