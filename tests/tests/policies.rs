//! How fast deliveries go, in which order, and when a channel is left alone: that the keys do what they say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use patchpanel_tests::{Receiver, Router, wait_for};
use serde_json::{Value, json};

/// A router that posts to a receiver, with more keys for the channel and the subscription.
fn posting(receiver: &Receiver, channel: &str, subscription: &str) -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
[plugins.webhook]
allow = {{ http = ["{url}"] }}

[[channels]]
name = "hook"
plugin = "webhook"
config = {{ url = "{url}/" }}
{channel}

[[subscriptions]]
name = "all"
channel = "hook"
{subscription}
"#,
        url = receiver.url
    );
    let router = Router::start(directory.path(), &config);
    (directory, router)
}

fn events(count: u32) -> Value {
    (0..count)
        .map(|number| json!({"id": number.to_string(), "type": "t", "subject": format!("s{}", number % 2)}))
        .collect()
}

#[test]
fn what_is_above_a_throttle_is_dropped_or_a_dead_letter() {
    for (way, sum) in [("drop", "throttled"), ("dead-letter", "dead")] {
        let receiver = Receiver::start();
        let throttle = format!("throttle = {{ rate = 1, per = \"1h\", burst = 2, when_exceeded = \"{way}\" }}");
        let (_directory, router) = posting(&receiver, "", &throttle);
        router.publish(&events(5));
        let account = &router.settled()["subscriptions"]["all"];
        assert_eq!(
            (&account["delivered"], &account[sum]),
            (&json!(2), &json!(3)),
            "{way}: {account}"
        );
        assert_eq!(receiver.received().len(), 2, "{way}");
    }
}

#[test]
fn a_channel_that_keeps_failing_is_left_alone() {
    let receiver = Receiver::start();
    receiver.answer(&vec![(500, None); 1000]);
    let breaker = "breaker = { failures = 2, base = \"1h\", cap = \"1h\" }";
    let retry = "retry = { base = \"1ms\", cap = \"1ms\" }\nbatch = 1\nconcurrency = 1";
    let (_directory, router) = posting(&receiver, breaker, retry);
    router.publish(&events(1));
    let channel = wait_for("the breaker to open", || {
        let (_, stats) = router.get("/v1/stats");
        Some(stats["channels"]["hook"].clone()).filter(|channel| channel["breaker"] == "open")
    });
    assert!(channel["retry_at"].is_string(), "{channel}");
    router.publish(&json!({"id": "later", "type": "t"}));
    assert_eq!(receiver.received().len(), 2);
    let (_, delivery) = router.get("/v1/deliveries/later/all");
    assert_eq!(
        (&delivery["status"], &delivery["attempts"]),
        (&json!("pending"), &json!(0)),
        "{delivery}"
    );
}

#[test]
fn deliveries_with_the_same_key_keep_their_order() {
    let receiver = Receiver::start();
    receiver.answer(&[(503, None), (503, None), (503, None)]);
    let ordering = "ordering = { key = \"subject\" }\nretry = { base = \"1ms\", cap = \"5ms\" }\nbatch = 1";
    let (_directory, router) = posting(&receiver, "", ordering);
    router.publish(&events(40));
    let stats = router.settled();
    assert_eq!(stats["subscriptions"]["all"]["delivered"], 40, "{stats}");
    for subject in ["s0", "s1"] {
        let received = receiver.received();
        let of_subject = received.iter().filter(|request| request.event["subject"] == subject);
        let mut numbers: Vec<u32> = of_subject
            .map(|request| request.event["id"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(numbers.is_sorted(), "{subject}: {numbers:?}");
        numbers.dedup();
        assert_eq!(numbers.len(), 20, "{subject}: {numbers:?}");
    }
}

#[test]
fn what_is_too_old_expires() {
    let receiver = Receiver::start();
    receiver.answer(&vec![(503, None); 1000]);
    let keys = "expires_after = \"100ms\"\nretry = { base = \"20ms\", cap = \"20ms\", attempts = 1000 }";
    let (_directory, router) = posting(&receiver, "", keys);
    router.publish(&events(1));
    let account = &router.settled()["subscriptions"]["all"];
    assert_eq!(account["expired"], 1, "{account}");
    let (_, delivery) = router.get("/v1/deliveries/0/all");
    assert_eq!(
        (&delivery["status"], &delivery["state"]),
        (&json!("failed"), &json!("expired")),
        "{delivery}"
    );
}
