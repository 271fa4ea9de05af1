#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
use super::*;
use patchpanel_plugin::Level;
use patchpanel_plugin::testing::{configure_channel, delivery};
use plugin_message::testing;
use serde_json::json;

const KEY: &str = r#""routing_key": "0123456789abcdef0123456789abcdef""#;

fn pagerduty(more: &str) -> PagerDuty {
    configure_channel(&format!("{{{KEY}{more}}}")).unwrap()
}

fn sample(kind: &str) -> Delivery {
    let mut delivery = delivery("e/all", kind);
    delivery.event.level = Level::Critical;
    delivery.event.message = "gone".to_owned();
    delivery.event.subject = Some("db-1".to_owned());
    delivery.event.correlation_id = Some("outage-7".to_owned());
    delivery.event.payload = r#"{"n": 1}"#.to_owned();
    delivery
}

#[test]
fn an_alert() {
    assert_eq!(
        pagerduty("").payload(&sample("db.down")).unwrap(),
        json!({
            "routing_key": "0123456789abcdef0123456789abcdef",
            "event_action": "trigger",
            "dedup_key": "outage-7",
            "client": "Patchpanel",
            "payload": {
                "summary": "CRITICAL: db.down",
                "source": "patchpanel",
                "severity": "critical",
                "timestamp": "1970-01-01T00:00:00Z",
                "component": "db-1",
                "class": "db.down",
                "custom_details": {"event": "e/all", "body": "gone", "payload": {"n": 1}, "metadata": {}, "recipients": []}
            }
        })
    );
}

#[test]
fn what_comes_later_is_about_the_same_alert() {
    for (kind, action) in [("db.acknowledged", "acknowledge"), ("db.resolved", "resolve")] {
        assert_eq!(
            pagerduty("").payload(&sample(kind)).unwrap(),
            json!({"routing_key": "0123456789abcdef0123456789abcdef", "event_action": action, "dedup_key": "outage-7"})
        );
    }
    let by_level =
        pagerduty(r#", "action": "{{ 'resolve' if level == 'info' else 'trigger' }}", "dedup_key": "{{ subject }}""#);
    let mut delivery = sample("db.up");
    delivery.event.level = Level::Info;
    let value = by_level.payload(&delivery).unwrap();
    assert_eq!(
        (&value["event_action"], &value["dedup_key"]),
        (&json!("resolve"), &json!("db-1"))
    );
    let wrong = pagerduty(r#", "action": "{{ level }}""#).payload(&delivery);
    assert!(matches!(wrong, Err(Problem::Reject(why)) if why.contains("`info`")));
}

#[test]
fn lengths_are_those_of_pagerduty() {
    let titled = pagerduty(r#", "title": "{{ message }}""#);
    let mut delivery = sample("t");
    let mut summary = |length| {
        delivery.event.message = "ü".repeat(length);
        titled.payload(&delivery).unwrap()["payload"]["summary"]
            .as_str()
            .unwrap()
            .chars()
            .count()
    };
    assert_eq!((summary(1024), summary(1025)), (1024, 1024));
    let key = |length| {
        let mut delivery = sample("t");
        delivery.event.correlation_id = Some("k".repeat(length));
        pagerduty("").payload(&delivery).unwrap()["dedup_key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(key(255), "k".repeat(255));
    assert_eq!(key(256).len(), 255);
    assert_ne!(key(256), key(257));
    let mut large = sample("t");
    large.event.message = "\n".repeat(10) + &"x".repeat(600_000);
    let body = pagerduty("").payload(&large).unwrap();
    assert!(body.to_string().len() <= 512_000);
    assert!(body["payload"]["custom_details"]["left_out"].is_string());
    assert!(matches!(
        pagerduty(r#", "overflow": "reject""#).payload(&large),
        Err(Problem::Reject(_))
    ));
}

#[test]
fn hostile_text_stays_text() {
    let mut delivery = sample("t");
    delivery.event.source = "a\r\nb\u{0}\u{202e}".to_owned();
    delivery.event.message = "\",\"routing_key\":\"x".to_owned();
    let value = pagerduty("").payload(&delivery).unwrap();
    assert_eq!(value["payload"]["source"], "a  b");
    assert_eq!(value["routing_key"], "0123456789abcdef0123456789abcdef");
}

#[test]
fn answers() {
    let answer = |status, body: &str| testing::answer(&SERVICE, status, body, &["0123456789abcdef0123456789abcdef"]);
    let taken = answer(
        202,
        r#"{"status": "success", "message": "Event processed", "dedup_key": "outage-7"}"#,
    )
    .unwrap();
    assert_eq!(taken.reference.as_deref(), Some("outage-7"));
    let invalid = r#"{"status": "invalid event", "message": "Event object is invalid", "errors": ["key 0123456789abcdef0123456789abcdef is unknown"]}"#;
    assert_eq!(
        answer(400, invalid),
        Err(Problem::Reject(
            "400 Bad Request: Event object is invalid; key [redacted] is unknown".to_owned()
        ))
    );
    assert!(matches!(answer(429, ""), Err(Problem::Retry(_))));
    assert!(matches!(answer(500, ""), Err(Problem::Retry(_))));
}

#[test]
fn mistakes_are_told_at_once() {
    let errors = configure_channel::<PagerDuty>(
        r#"{"routing_key": "hunter2", "url": "x", "action": "{{", "dedup_key": "{{ a | b }}", "overflow": "split"}"#,
    )
    .unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["routing_key", "url", "action", "dedup_key", "overflow"]);
    assert!(!format!("{errors:?}").contains("hunter2"));
}
