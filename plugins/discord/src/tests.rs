#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use patchpanel_plugin::Level;
use patchpanel_plugin::testing::configure_channel;
use plugin_message::testing;
use serde_json::json;

const URL: &str = r#""url": "https://discord.com/api/webhooks/123/abcdefgh?thread_id=7""#;

fn discord(more: &str) -> Discord {
    configure_channel(&format!("{{{URL}{more}}}")).unwrap()
}

fn sample(message: &str) -> Delivery {
    testing::sample(Level::Warning, message)
}

fn payloads(discord: &Discord, delivery: &Delivery) -> Vec<Value> {
    testing::bodies(&discord.requests(delivery).unwrap())
}

#[test]
fn a_message() {
    let discord = discord("");
    let requests = discord.requests(&sample("90 %")).unwrap();
    assert_eq!(
        requests[0].uri().to_string(),
        "https://discord.com/api/webhooks/123/abcdefgh?thread_id=7&wait=true"
    );
    assert_eq!(
        payloads(&discord, &sample("90 %")),
        [json!({
            "embeds": [{
                "title": "WARNING: disk.full",
                "description": "90 %",
                "color": 0xf2_b7_05,
                "footer": {"text": "1970-01-01T00:00:00Z"},
                "timestamp": "1970-01-01T00:00:00Z"
            }],
            "allowed_mentions": {"parse": [], "users": [], "roles": []}
        })]
    );
}

#[test]
fn lengths_are_those_of_discord() {
    let description = |message: &str| {
        payloads(&discord(""), &sample(message))[0]["embeds"][0]["description"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(description(&"x".repeat(4096)), "x".repeat(4096));
    assert_eq!(description(&"x".repeat(4097)), format!("{}…", "x".repeat(4095)));
    assert_eq!(description(&"*".repeat(2049)).encode_utf16().count(), 4095);
    let titled = discord(r#", "title": "{{ message }}""#);
    let title = |message: &str| {
        payloads(&titled, &sample(message))[0]["embeds"][0]["title"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(title(&"💡".repeat(128)), "💡".repeat(128));
    assert_eq!(title(&"💡".repeat(129)), format!("{}…", "💡".repeat(127)));
    assert_eq!(
        payloads(&discord(r#", "overflow": "split""#), &sample(&"x".repeat(9000))).len(),
        3
    );
    assert!(matches!(
        discord(r#", "overflow": "reject""#).requests(&sample(&"x".repeat(4097))),
        Err(Problem::Reject(_))
    ));
}

#[test]
fn hostile_text_calls_nobody_and_shows_as_itself() {
    let value = &payloads(
        &discord(""),
        &sample("@everyone **x** [bank](https://e.vil)\u{202e}\u{0}"),
    )[0];
    assert_eq!(
        value["embeds"][0]["description"],
        "@everyone \\*\\*x\\*\\* \\[bank\\]\\(https://e.vil\\)"
    );
    assert_eq!(value["allowed_mentions"]["parse"], json!([]));
    assert!(value.get("content").is_none());
}

#[test]
fn recipients_are_mentioned_once() {
    let mut delivery = sample(&"x".repeat(5000));
    delivery.recipients = vec!["42".to_owned(), "&7".to_owned()];
    let all = payloads(&discord(r#", "overflow": "split""#), &delivery);
    assert_eq!(all[0]["content"], "<@42> <@&7>");
    assert_eq!(
        all[0]["allowed_mentions"],
        json!({"parse": [], "users": ["42"], "roles": ["7"]})
    );
    assert!(all[1].get("content").is_none());
    delivery.recipients = vec!["everyone".to_owned()];
    assert!(matches!(discord("").requests(&delivery), Err(Problem::Reject(_))));
}

#[test]
fn answers() {
    let answer = |status, body: &str| testing::answer(&SERVICE, status, body, &[]);
    assert_eq!(answer(200, r#"{"id": "99"}"#).unwrap().reference.as_deref(), Some("99"));
    let limited = answer(
        429,
        r#"{"message": "You are being rate limited.", "retry_after": 0.25, "global": false}"#,
    );
    assert_eq!(
        limited,
        Err(Problem::RetryAfter((
            250,
            "429 Too Many Requests: You are being rate limited.".to_owned()
        )))
    );
    assert!(
        matches!(answer(404, r#"{"message": "Unknown Webhook", "code": 10015}"#), Err(Problem::Disable(why)) if why.contains("Unknown Webhook"))
    );
    assert!(matches!(answer(400, "{}"), Err(Problem::Reject(_))));
    assert!(matches!(answer(502, "<html>"), Err(Problem::Retry(_))));
}

#[test]
fn mistakes_are_told_at_once() {
    let errors =
        configure_channel::<Discord>(r#"{"url": "discord.com", "body": "{{ x | y }}", "pace": "2h"}"#).unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["url", "body", "pace"]);
}
