//! What each answer leads to: the table of `docs/channels/README.md`.

use std::time::Duration;

use patchpanel_tests::wait_for;
use serde_json::json;

use crate::every::{EVERY, channel, channel_with, config};
use crate::hook::{Answer, Hook};
use crate::json_of;

fn say(status: u16, retry_after: Option<&'static str>) -> Answer {
    Answer::Say(status, retry_after, String::new())
}

#[test]
fn what_may_work_later_is_tried_again() {
    for plugin in EVERY {
        let hook = Hook::start(200, "ok");
        let config = config(plugin, &hook);
        hook.answer([
            say(429, Some("0")),
            say(503, Some("Sun, 06 Nov 1994 08:49:37 GMT")),
            say(500, None),
            say(408, None),
        ]);
        let running = channel(plugin, &hook, &config);
        running.router.publish(&json!({"type": "t", "message": "m"}));
        assert_eq!(running.count("all", "delivered"), 1, "{plugin}");
        assert_eq!(hook.seen().len(), 5, "{plugin}");
    }
}

#[test]
fn what_never_works_is_a_dead_letter_that_holds_no_secret() {
    for plugin in EVERY {
        let hook = Hook::start(200, "ok");
        let config = config(plugin, &hook);
        let words =
            "bad request: 123456:s3cret-of-this-test 0123456789abcdef0123456789abcdef\n\u{1b}[31mend ".repeat(50);
        hook.answer([Answer::Say(400, None, words)]);
        let running = channel(plugin, &hook, &config);
        running.router.publish(&json!({"type": "t", "message": "m"}));
        let reason = running.reason();
        assert!(
            reason.starts_with("400 Bad Request: bad request:"),
            "{plugin}: {reason}"
        );
        assert!(
            reason.chars().count() < 400 && !reason.contains(['\n', '\u{1b}']),
            "{plugin}: {reason}"
        );
        let secret = if plugin == "pagerduty" {
            "0123456789abcdef0123456789abcdef"
        } else {
            "s3cret-of-this-test"
        };
        assert!(!reason.contains(secret), "{plugin}: {reason}");
        assert!(!running.router.log().contains(secret), "{plugin}");
        assert_eq!(hook.seen().len(), 1, "{plugin}");
    }
}

#[test]
fn an_endpoint_that_is_gone_disables_the_channel_and_says_why() {
    for plugin in EVERY {
        let hook = Hook::start(410, "");
        let config = config(plugin, &hook);
        let running = channel(plugin, &hook, &config);
        running.router.publish(&json!({"type": "t", "message": "m"}));
        let reason = wait_for("the channel to be disabled", || {
            running.router.get("/v1/stats").1["channels"]["hook"]["disabled"]
                .as_str()
                .map(str::to_owned)
        });
        assert!(reason.starts_with("410 Gone"), "{plugin}: {reason}");
        // What is pending stays, and nothing more is sent.
        running.router.publish(&json!({"type": "t"}));
        let stats = running.router.get("/v1/stats").1;
        assert_eq!(stats["subscriptions"]["all"]["pending"], 2, "{plugin}: {stats}");
        assert_eq!(hook.seen().len(), 1, "{plugin}");
    }
}

#[test]
fn hooks_that_tell_otherwise_that_they_are_gone_are_believed() {
    for (plugin, status) in [
        ("slack", 404),
        ("discord", 404),
        ("discord", 401),
        ("teams", 404),
        ("telegram", 401),
    ] {
        let hook = Hook::start(status, "");
        let running = channel(plugin, &hook, &config(plugin, &hook));
        running.router.publish(&json!({"type": "t", "message": "m"}));
        wait_for("the channel to be disabled", || {
            let stats = running.router.get("/v1/stats").1;
            stats["channels"]["hook"]["disabled"].is_string().then_some(())
        });
    }
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for() {
    let hook = Hook::start(200, "ok");
    hook.answer([Answer::Never]);
    let running = channel(
        "webhook",
        &hook,
        &format!("url = \"{}/\", timeout = \"200ms\"", hook.url),
    );
    running.router.publish(&json!({"type": "t"}));
    assert_eq!(running.count("all", "delivered"), 1);
    assert_eq!(hook.seen().len(), 2);
}

#[test]
fn a_redirect_is_not_followed() {
    let hook = Hook::start(302, "");
    let running = channel("webhook", &hook, &format!("url = \"{}/\"", hook.url));
    running.router.publish(&json!({"type": "t"}));
    let reason = running.reason();
    assert!(reason.contains("redirects are not followed"), "{reason}");
}

#[test]
fn parts_that_were_taken_are_not_sent_again() {
    let hook = Hook::start(200, "{}");
    hook.answer([say(200, None), say(500, None)]);
    let config = format!("server = \"{}\", topic = \"t\", overflow = \"split\"", hook.url);
    let running = channel("ntfy", &hook, &config);
    running
        .router
        .publish(&json!({"type": "t", "message": "a".repeat(4096) + &"b".repeat(4096)}));
    assert_eq!(running.count("all", "delivered"), 1);
    let parts: Vec<String> = hook
        .seen()
        .iter()
        .map(|request| json_of(&request.body)["message"].as_str().unwrap()[..1].to_owned())
        .collect();
    assert_eq!(parts, ["a", "b", "b"]);
}

#[test]
fn a_pace_is_kept_by_calls_side_by_side() {
    let hook = Hook::start(200, "ok");
    let config = format!("url = \"{}/\", pace = \"100ms\"", hook.url);
    // One delivery to a call, so that each of four instances has its turn.
    let running = channel_with("slack", &hook, &config, "concurrency = 4", "batch = 1\nconcurrency = 4");
    let started = std::time::Instant::now();
    let events: Vec<_> = (0..10).map(|id| json!({"id": id.to_string(), "type": "t"})).collect();
    running.router.publish(&json!(events));
    assert_eq!(running.count("all", "delivered"), 10);
    // Never faster, however slow the machine is.
    assert!(started.elapsed() >= Duration::from_millis(900));
    assert_eq!(hook.seen().len(), 10);
}

#[test]
fn a_dry_run_sends_nothing_and_shows_no_secret() {
    for plugin in EVERY {
        let hook = Hook::start(200, "ok");
        let config = config(plugin, &hook);
        let running = channel(plugin, &hook, &format!("{config}, dry_run = true"));
        running
            .router
            .publish(&json!({"type": "t", "message": "what would be said"}));
        assert_eq!(running.count("all", "delivered"), 1, "{plugin}");
        let log = wait_for("the log", || {
            Some(running.router.log()).filter(|log| log.contains("dry run: this would be sent"))
        });
        assert!(log.contains("what would be said"), "{plugin}: {log}");
        for secret in ["s3cret-of-this-test", "0123456789abcdef0123456789abcdef"] {
            assert!(!log.contains(secret), "{plugin}: {log}");
        }
        assert_eq!(hook.seen().len(), 0, "{plugin}");
    }
}
