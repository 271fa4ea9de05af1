#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use patchpanel_plugin::Level;
use patchpanel_plugin::testing::configure_channel;
use plugin_message::testing;
use serde_json::json;

const URL: &str =
    r#""url": "https://x.logic.azure.com:443/workflows/1/triggers/manual/paths/invoke?sig=0123456789abcdefghij""#;

fn teams(more: &str) -> Teams {
    configure_channel(&format!("{{{URL}{more}}}")).unwrap()
}

fn sample(message: &str) -> Delivery {
    testing::sample(Level::Info, message)
}

fn payloads(teams: &Teams, delivery: &Delivery) -> Vec<Value> {
    let requests = teams.requests(delivery).unwrap();
    // What Teams takes at most.
    assert!(requests.iter().all(|request| request.body().len() <= 28 * 1024));
    testing::bodies(&requests)
}

#[test]
fn a_card() {
    assert_eq!(
        payloads(&teams(""), &sample("90 %\nfull")),
        [json!({"type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {"type": "TextBlock", "text": "INFO: disk.full", "size": "large", "weight": "bolder", "wrap": true, "color": "accent"},
                    {"type": "TextBlock", "text": "90 %\n\nfull", "wrap": true},
                    {"type": "TextBlock", "text": "1970-01-01T00:00:00Z", "size": "small", "isSubtle": true, "wrap": true}
                ],
                "msteams": {"width": "Full", "entities": []}
            }
        }]})]
    );
}

#[test]
fn a_card_is_never_larger_than_teams_takes() {
    let text = |message: &str| {
        payloads(&teams(""), &sample(message))[0]["attachments"][0]["content"]["body"][1]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(text(&"x".repeat(20 * 1024)), "x".repeat(20 * 1024));
    assert_eq!(
        text(&"x".repeat(20 * 1024 + 1)),
        format!("{}…", "x".repeat(20 * 1024 - 3))
    );
    for worst in ["\\", "*", "\n.", "💡", "\"", "ü"] {
        text(&worst.repeat(20 * 1024));
    }
    assert!(payloads(&teams(r#", "overflow": "split""#), &sample(&"\\".repeat(12_000))).len() > 1);
    assert!(matches!(
        teams(r#", "overflow": "reject""#).requests(&sample(&"x".repeat(20 * 1024 + 1))),
        Err(Problem::Reject(_))
    ));
}

#[test]
fn hostile_text_shows_as_itself() {
    let value =
        &payloads(&teams(""), &sample("<at>Ada</at> [bank](https://e.vil)\u{202e}"))[0]["attachments"][0]["content"];
    assert_eq!(
        value["body"][1]["text"],
        "\\<at\\>Ada\\</at\\> \\[bank\\]\\(https://e.vil\\)"
    );
    assert_eq!(value["msteams"]["entities"], json!([]));
}

#[test]
fn recipients_are_mentioned() {
    let mut delivery = sample("x");
    delivery.recipients = vec!["ada@example.com".to_owned()];
    let value = &payloads(&teams(""), &delivery)[0]["attachments"][0]["content"];
    assert_eq!(value["body"][2]["text"], "<at>ada@example.com</at>");
    assert_eq!(value["msteams"]["entities"][0]["mentioned"]["id"], "ada@example.com");
    delivery.recipients = vec!["a@b</at>".to_owned()];
    assert!(matches!(teams("").requests(&delivery), Err(Problem::Reject(_))));
}

#[test]
fn answers_hold_no_signature() {
    let teams = teams("");
    let body = r#"{"error": {"code": "x", "message": "bad sig 0123456789abcdefghij"}}"#;
    let answer = testing::answer(&SERVICE, 401, body, &["0123456789abcdefghij"]);
    assert!(matches!(answer, Err(Problem::Reject(why)) if why.starts_with("401 Unauthorized: bad sig [redacted]")));
    assert_eq!(teams.url.host(), Some("x.logic.azure.com"));
}
