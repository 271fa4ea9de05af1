#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use patchpanel_plugin::Level;
use patchpanel_plugin::testing::{configure_channel, delivery, grant_secret};
use proptest::prelude::*;
use serde_json::{Value, json};

const URL: &str = r#""url": "https://hooks.slack.com/services/T0/B0/abcdefgh""#;

fn slack(more: &str) -> Slack {
    configure_channel(&format!("{{{URL}{more}}}")).unwrap()
}

fn sample(message: &str) -> Delivery {
    let mut delivery = delivery("e/all", "build.failed");
    delivery.event.level = Level::Error;
    delivery.event.message = message.to_owned();
    delivery.event.source = "ci".to_owned();
    delivery
}

fn payload(slack: &Slack, delivery: &Delivery) -> Value {
    let requests = slack.requests(delivery).unwrap();
    assert_eq!(
        requests[0].uri().to_string(),
        "https://hooks.slack.com/services/T0/B0/abcdefgh"
    );
    serde_json::from_str(requests[0].body()).unwrap()
}

#[test]
fn a_message_in_blocks() {
    assert_eq!(
        payload(&slack(""), &sample("exit code 1 & <more>")),
        json!({"attachments": [{
            "color": "#e5484d",
            "fallback": "ERROR: build.failed",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "ERROR: build.failed", "emoji": false}},
                {"type": "section", "text": {"type": "mrkdwn", "text": "exit code 1 &amp; &lt;more&gt;", "verbatim": true}},
                {"type": "context", "elements": [{"type": "plain_text", "text": "ci · 1970-01-01T00:00:00Z", "emoji": false}]}
            ]
        }]})
    );
}

#[test]
fn a_message_for_mattermost() {
    assert_eq!(
        payload(&slack(r#", "format": "attachment""#), &sample("*no* @channel")),
        json!({"attachments": [{
            "color": "#e5484d",
            "fallback": "ERROR: build.failed",
            "title": "ERROR: build.failed",
            "text": "\\*no\\* @\u{200b}channel",
            "footer": "ci · 1970-01-01T00:00:00Z"
        }]})
    );
}

#[test]
fn lengths_are_those_of_slack() {
    let section = |slack: &Slack, message: &str| {
        payload(slack, &sample(message))["attachments"][0]["blocks"][1]["text"]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let usual = slack("");
    assert_eq!(section(&usual, &"x".repeat(3000)), "x".repeat(3000));
    assert_eq!(section(&usual, &"x".repeat(3001)), format!("{}…", "x".repeat(2999)));
    // Counted as escaped, and no escape is cut.
    assert_eq!(section(&usual, &"&".repeat(601)), format!("{}…", "&amp;".repeat(599)));
    let split = payload(&slack(r#", "overflow": "split""#), &sample(&"x".repeat(7000)));
    assert_eq!(split["attachments"][0]["blocks"].as_array().unwrap().len(), 5);
    let reject = slack(r#", "overflow": "reject""#);
    assert!(reject.requests(&sample(&"x".repeat(3000))).is_ok());
    assert!(matches!(
        reject.requests(&sample(&"x".repeat(3001))),
        Err(Problem::Reject(_))
    ));

    let title = slack(r#", "title": "{{ message }}""#);
    let header = |message: &str| {
        payload(&title, &sample(message))["attachments"][0]["blocks"][0]["text"]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(header(&"ü".repeat(150)), "ü".repeat(150));
    assert_eq!(header(&"ü".repeat(151)), format!("{}…", "ü".repeat(149)));
}

#[test]
fn hostile_text_calls_nobody_and_shows_as_itself() {
    let hostile = "<!channel> <@U012AB3CD> <https://e.vil|bank>\u{202e}\u{1b}[31m\r\n@here";
    let value = payload(&slack(r#", "title": "{{ message }}""#), &sample(hostile));
    let blocks = &value["attachments"][0]["blocks"];
    assert_eq!(
        blocks[1]["text"]["text"],
        "&lt;!channel&gt; &lt;@U012AB3CD&gt; &lt;https://e.vil|bank&gt;[31m\n@here"
    );
    // Plain text, in which nothing is read.
    assert_eq!(blocks[0]["text"]["type"], "plain_text");
    assert!(value.get("text").is_none());
}

#[test]
fn recipients_are_mentioned() {
    let mut delivery = sample("x");
    delivery.recipients = ["U012AB3CD", "S0GROUP", "here", "ops<team>"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        payload(&slack(""), &delivery)["text"],
        "<@U012AB3CD> <!subteam^S0GROUP> <!here> @ops&lt;team&gt;"
    );
    assert_eq!(
        payload(&slack(r#", "format": "attachment""#), &delivery)["text"],
        "@U012AB3CD @S0GROUP @here @ops\\<team\\>"
    );
}

#[test]
fn an_empty_body_makes_no_section() {
    let value = payload(&slack(""), &sample(""));
    assert_eq!(value["attachments"][0]["blocks"].as_array().unwrap().len(), 2);
}

#[test]
fn mistakes_are_told_at_once_and_hold_no_secret() {
    grant_secret("hook", "not a url hunter2");
    let errors = configure_channel::<Slack>(r#"{"url": {"secret": "hook"}, "title": "{{", "timeout": 0}"#).unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["url", "title", "timeout"]);
    assert!(!format!("{errors:?}").contains("hunter2"));
    let errors = configure_channel::<Slack>(&format!("{{{URL}, \"tittle\": 1}}")).unwrap_err();
    assert!(errors[0].message.contains("tittle"), "{errors:?}");
}

#[test]
fn a_dry_run_sends_nothing() {
    let mut slack = slack(r#", "dry_run": true"#);
    let receipt = slack.deliver(&sample("x")).unwrap();
    assert!(receipt.detail.unwrap().starts_with("dry run"));
}

proptest! {
    #[test]
    fn no_text_is_too_long_or_means_anything(text in "[a-z<>&!@#|\n \u{202e}💡ü]{0,4000}", split in any::<bool>()) {
        let overflow = if split { r#", "overflow": "split", "title": "{{ message }}""# } else { r#", "title": "{{ message }}""# };
        let value = payload(&slack(overflow), &sample(&text));
        for block in value["attachments"][0]["blocks"].as_array().unwrap() {
            let text = block["text"]["text"].as_str().unwrap_or_default();
            match block["type"].as_str().unwrap() {
                "header" => prop_assert!((1..=150).contains(&text.encode_utf16().count())),
                "section" => {
                    prop_assert!((1..=3000).contains(&text.encode_utf16().count()));
                    prop_assert!(!text.contains(['<', '>']));
                    let entities = ["&amp;", "&lt;", "&gt;"].iter().map(|entity| text.matches(entity).count()).sum::<usize>();
                    prop_assert_eq!(text.matches('&').count(), entities);
                }
                _ => {}
            }
        }
    }
}
