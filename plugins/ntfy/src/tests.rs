#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use patchpanel_plugin::testing::{configure_channel, grant_secret};
use plugin_message::testing;

fn ntfy(more: &str) -> Ntfy {
    configure_channel(&format!("{{\"topic\": \"alerts\"{more}}}")).unwrap()
}

fn sample(message: &str) -> Delivery {
    testing::sample(Level::Critical, message)
}

fn bodies(ntfy: &Ntfy, delivery: &Delivery) -> Vec<Value> {
    testing::bodies(&ntfy.requests(delivery).unwrap())
}

#[test]
fn a_message() {
    grant_secret("token", "tk_s3cret\n");
    let ntfy = ntfy(r#", "server": "https://push.example/", "token": {"secret": "token"}"#);
    let requests = ntfy.requests(&sample("90 %")).unwrap();
    assert_eq!(requests[0].uri().to_string(), "https://push.example/");
    assert_eq!(requests[0].headers().get("authorization").unwrap(), "Bearer tk_s3cret");
    assert!(!format!("{requests:?}").contains("s3cret"));
    assert_eq!(ntfy.health.to_string(), "https://push.example/v1/health");
    assert_eq!(
        bodies(&ntfy, &sample("90 %")),
        [
            json!({"topic": "alerts", "title": "CRITICAL: disk.full", "message": "90 %", "priority": 5, "tags": ["critical"]})
        ]
    );
}

#[test]
fn lengths_are_bytes() {
    let message = |text: &str| {
        bodies(&ntfy(""), &sample(text))[0]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(message(&"ü".repeat(2048)), "ü".repeat(2048));
    assert_eq!(message(&"ü".repeat(2049)), format!("{}…", "ü".repeat(2046)));
    let split = bodies(&ntfy(r#", "overflow": "split""#), &sample(&"x".repeat(4097)));
    assert_eq!(
        split
            .iter()
            .map(|part| part["message"].as_str().unwrap().len())
            .collect::<Vec<_>>(),
        [4096, 1]
    );
    assert!(matches!(
        ntfy(r#", "overflow": "reject""#).requests(&sample(&"x".repeat(4097))),
        Err(Problem::Reject(_))
    ));
}

#[test]
fn recipients_are_topics() {
    let mut delivery = sample("x");
    delivery.recipients = vec!["ada".to_owned(), "bob".to_owned()];
    let topics: Vec<_> = bodies(&ntfy(""), &delivery)
        .iter()
        .map(|part| part["topic"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(topics, ["ada", "bob"]);
    delivery.recipients = vec!["a/../b".to_owned()];
    assert!(matches!(ntfy("").requests(&delivery), Err(Problem::Reject(why)) if why.contains("a/../b")));
    let nowhere: Ntfy = configure_channel("{}").unwrap();
    assert!(matches!(nowhere.requests(&sample("x")), Err(Problem::Reject(_))));
}

#[test]
fn hostile_text_stays_in_its_field() {
    let body = &bodies(
        &ntfy(r#", "title": "{{ message }}""#),
        &sample("a\r\nPriority: 1\u{0}\u{1b}\u{202e}"),
    )[0];
    assert_eq!(
        (&body["title"], &body["message"]),
        (&json!("a  Priority: 1"), &json!("a\nPriority: 1"))
    );
}

#[test]
fn answers() {
    let answer = |status, body: &str| testing::answer(&SERVICE, status, body, &[]);
    assert_eq!(
        answer(200, r#"{"id": "hwQ2"}"#).unwrap().reference.as_deref(),
        Some("hwQ2")
    );
    let limited = answer(
        429,
        r#"{"code": 42901, "http": 429, "error": "limit reached: too many requests"}"#,
    );
    assert_eq!(
        limited,
        Err(Problem::Retry(
            "429 Too Many Requests: limit reached: too many requests".to_owned()
        ))
    );
    assert!(matches!(
        answer(403, r#"{"error": "forbidden"}"#),
        Err(Problem::Reject(_))
    ));
    assert!(matches!(answer(507, ""), Err(Problem::Retry(_))));
}

#[test]
fn mistakes_are_told_at_once() {
    let errors = configure_channel::<Ntfy>(r#"{"server": "ntfy.sh", "topic": "a b", "token": "\n", "title": "{{"}"#)
        .unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["topic", "token", "server", "title"]);
}
