//! Messages, read and validated by Slack's own SDK; and what Mattermost's reference demands.

use serde_json::{Value, json};

use crate::hook::Hook;
use crate::page::example;
use crate::script::Script;
use crate::{json_of, start};

const PATH: &str = "/services/T000/B000/s3cret-of-slack";

/// Long, and full of what Slack would act on.
fn hostile() -> Value {
    json!({
        "id": "e", "type": "disk.full", "level": "error", "subject": "db-1",
        "message": "<!channel> & <@U012AB3CD> ".repeat(400),
        "payload": {"reason": "\u{202e}\u{1b}[31m"},
    })
}

#[test]
fn the_example_passes_the_validation_of_slacks_sdk() {
    let Some(script) = Script::python("slack.py", "slack_sdk", &[]) else {
        return;
    };
    for overflow in ["truncate", "split"] {
        let config = example("slack", "https://hooks.slack.com", &script.url)
            .replace("title = ", &format!("overflow = \"{overflow}\"\ntitle = "));
        let running = start(&config, &[("SLACK_WEBHOOK_URL", &format!("{}{PATH}", script.url))]);
        running
            .router
            .publish(&json!([hostile(), {"type": "t", "level": "warning"}, {"type": "below", "level": "info"}]));
        assert_eq!(running.count("alerts", "delivered"), 2, "{overflow}");
        let seen = script.wait(2);
        assert!(
            seen.iter()
                .all(|seen| seen["problem"].is_null() && seen["path"] == PATH),
            "{seen:?}"
        );
        assert!(seen.iter().all(|seen| seen["message"]["text"] == "<!here>"), "{seen:?}");
        // Only the recipient is called.
        let blocks: String = seen
            .iter()
            .map(|seen| seen["message"]["attachments"].to_string())
            .collect();
        assert!(
            !blocks.contains("<!channel>") && !blocks.contains("<@U012AB3CD>"),
            "{blocks}"
        );
        assert!(!running.router.log().contains("s3cret-of-slack"));
    }
}

#[test]
fn mattermost_is_sent_attachments() {
    let hook = Hook::start(200, "ok");
    let config =
        example("slack", "https://hooks.slack.com", &hook.url).replace("title = ", "format = \"attachment\"\ntitle = ");
    let running = start(&config, &[("SLACK_WEBHOOK_URL", &format!("{}/services/x", hook.url))]);
    running.router.publish(&hostile());
    assert_eq!(running.count("alerts", "delivered"), 1);
    let message = json_of(&hook.seen()[0].body);
    // developers.mattermost.com: at least one of `text` and `attachments`; 16,383 characters in all.
    assert_eq!(message["text"], "@here");
    let attachment = &message["attachments"][0];
    for key in ["color", "fallback", "title", "text", "footer"] {
        assert!(attachment[key].is_string(), "{attachment}");
    }
    assert!(attachment["text"].as_str().unwrap().chars().count() < 16_383);
}
