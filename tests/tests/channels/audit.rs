//! What holds for every channel alike, whatever an event says: nothing is added to a request, nothing is too long, and the
//! keys of channels and subscriptions do what they say.

use serde_json::{Value, json};

use crate::every::{EVERY, channel, channel_with, config};
use crate::hook::{Hook, Seen};
use crate::{Running, json_of};

/// What ends a header, what a terminal acts on, what hides or turns text.
const CONTROL: [char; 9] = [
    '\r', '\n', '\0', '\u{7}', '\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}',
];

/// Adds a header, and a request, wherever text is put into one as it is.
fn injecting() -> String {
    let control: String = CONTROL.iter().collect();
    format!("a{control}\r\nx-evil: 1\r\n\r\nPOST /evil HTTP/1.1\r\n\r\n")
}

fn hostile() -> Value {
    let text = injecting();
    // Of these, the door takes no control characters.
    let name = text.replace(char::is_control, "");
    json!({
        "id": "hostile", "type": "t", "level": "error", "message": text, "source": name, "subject": name, "correlation_id": name,
        "metadata": {"tenant": text, (text.clone()): 1}, "payload": {"text": text, (text.clone()): [text]},
    })
}

/// What tells people something in a request; empty for a webhook, which tells programs.
fn text(plugin: &str, request: &Seen) -> String {
    let body = json_of(&request.body);
    let shown = match plugin {
        "webhook" => return String::new(),
        "slack" => {
            let blocks = body["attachments"][0]["blocks"].as_array().unwrap();
            let sections = blocks.iter().filter(|block| block["type"] == "section");
            return sections.map(|block| block["text"]["text"].as_str().unwrap()).collect();
        }
        "discord" => &body["embeds"][0]["description"],
        "teams" => &body["attachments"][0]["content"]["body"][1]["text"],
        "pagerduty" => &body["payload"]["custom_details"]["body"],
        "ntfy" => &body["message"],
        "telegram" => {
            let text = body["text"].as_str().unwrap();
            return text.rsplit_once("</b>\n\n").map_or(text, |(_, text)| text).to_owned();
        }
        other => panic!("{other} is not among them"),
    };
    shown.as_str().unwrap_or_else(|| panic!("{plugin}: {body}")).to_owned()
}

fn delivered(running: &Running, hook: &Hook, event: &Value) -> Vec<Seen> {
    let before = (running.count("all", "delivered"), hook.seen().len());
    running.router.publish(event);
    assert_eq!(running.count("all", "delivered"), before.0 + 1);
    hook.seen().split_off(before.1)
}

#[test]
fn no_event_adds_to_a_request() {
    let binary = ", body = \"cloudevents-binary\"";
    for (plugin, more) in EVERY
        .map(|plugin| (plugin, ""))
        .into_iter()
        .chain([("webhook", binary)])
    {
        let hook = Hook::start(200, "{}");
        let running = channel(plugin, &hook, &(config(plugin, &hook) + more));
        let plain = json!({
            "id": "plain", "type": "t", "level": "error", "message": "m", "source": "s", "subject": "s", "correlation_id": "c",
            "metadata": {"tenant": "t"},
        });
        let names = |seen: &Seen| seen.headers.keys().cloned().collect::<Vec<_>>();
        let [plain] = &delivered(&running, &hook, &plain)[..] else {
            panic!("{plugin}: more than one request")
        };
        let [hostile] = &delivered(&running, &hook, &hostile())[..] else {
            panic!("{plugin}: more than one request")
        };
        assert_eq!(names(hostile), names(plain), "{plugin}");
        assert_eq!(
            (&hostile.method, &hostile.path),
            (&plain.method, &plain.path),
            "{plugin}"
        );
        for (name, value) in &hostile.headers {
            assert!(!value.contains(CONTROL), "{plugin}: {name}: {}", value.escape_debug());
        }
    }
}

#[test]
fn people_are_shown_no_control_characters_and_programs_what_there_is() {
    for plugin in EVERY {
        let hook = Hook::start(200, "{}");
        let running = channel(plugin, &hook, &config(plugin, &hook));
        let seen = delivered(&running, &hook, &hostile());
        if plugin == "webhook" {
            assert_eq!(json_of(&seen[0].body)["message"], injecting());
            continue;
        }
        let text = text(plugin, &seen[0]);
        assert!(text.contains("evil"), "{plugin}: {text}");
        assert!(
            !text.replace('\n', "").contains(CONTROL),
            "{plugin}: {}",
            text.escape_debug()
        );
    }
}

/// What a body has at most, counted in letters that need no escape.
fn longest(plugin: &str) -> usize {
    match plugin {
        "slack" => 3000,
        "discord" | "ntfy" => 4096,
        "teams" => 20 * 1024,
        // Without the title and what stands between.
        "telegram" => 4096 - "INFO: t".len() - 2,
        // All of it together has 500,000 bytes.
        "pagerduty" => 499_000,
        other => panic!("{other} has no limit"),
    }
}

#[test]
fn a_body_that_is_too_long_is_cut_split_or_rejected() {
    for plugin in EVERY.into_iter().filter(|plugin| *plugin != "webhook") {
        let longest = longest(plugin);
        let event = |length: usize| json!({"type": "t", "message": "x".repeat(length)});
        let too_long = event(if plugin == "pagerduty" {
            longest + 2000
        } else {
            longest + 1
        });
        for overflow in ["truncate", "split", "reject"] {
            // An alert is not several.
            if (plugin, overflow) == ("pagerduty", "split") {
                continue;
            }
            let hook = Hook::start(200, "{}");
            let running = channel(
                plugin,
                &hook,
                &format!("{}, overflow = \"{overflow}\"", config(plugin, &hook)),
            );
            let whole = delivered(&running, &hook, &event(longest));
            assert_eq!(whole.len(), 1, "{plugin}, {overflow}");
            assert!(text(plugin, &whole[0]) == "x".repeat(longest), "{plugin}, {overflow}");
            if overflow == "reject" {
                running.router.publish(&too_long);
                let reason = running.reason();
                assert!(
                    reason.contains("larger than") || reason.contains("too long") || reason.contains("longer"),
                    "{plugin}: {reason}"
                );
                continue;
            }
            let seen = delivered(&running, &hook, &too_long);
            let text: String = seen.iter().map(|request| text(plugin, request)).collect();
            if overflow == "split" {
                assert!(text == "x".repeat(longest + 1), "{plugin}: {} characters", text.len());
            } else {
                assert!(
                    seen.len() == 1 && text.ends_with("x…") && text.len() <= longest + 2,
                    "{plugin}"
                );
            }
        }
    }
}

#[test]
fn a_webhook_sends_no_more_than_it_may() {
    let hook = Hook::start(200, "{}");
    let running = channel("webhook", &hook, &(config("webhook", &hook) + ", max_body = \"1KiB\""));
    delivered(&running, &hook, &json!({"type": "t", "message": "x".repeat(500)}));
    running
        .router
        .publish(&json!({"type": "t", "message": "x".repeat(1024)}));
    let reason = running.reason();
    assert!(reason.contains("more than `max_body` (1024)"), "{reason}");
}

/// A recipient, and where it stands in the message.
fn recipient(plugin: &str) -> (&'static str, &'static str, Value) {
    match plugin {
        "slack" => ("here", "/text", json!("<!here>")),
        "discord" => ("&123456789012345678", "/content", json!("<@&123456789012345678>")),
        "teams" => (
            "ada@example.com",
            "/attachments/0/content/msteams/entities/0/mentioned/id",
            json!("ada@example.com"),
        ),
        "pagerduty" => ("ops", "/payload/custom_details/recipients/0", json!("ops")),
        "ntfy" => ("night-shift", "/topic", json!("night-shift")),
        "telegram" => ("-42", "/chat_id", json!("-42")),
        // Programs are told by the template, if at all.
        "webhook" => ("ops", "/recipients", Value::Null),
        other => panic!("{other} is not among them"),
    }
}

#[test]
fn levels_aliases_throttles_and_recipients_hold_for_every_channel() {
    for plugin in EVERY {
        let hook = Hook::start(200, "{}");
        let (name, place, expected) = recipient(plugin);
        let running = channel_with(
            plugin,
            &hook,
            &config(plugin, &hook),
            "min_level = \"warning\"\naliases = [\"second-name\"]",
            &format!(
                "recipients = [\"{name}\"]\nthrottle = {{ rate = 1, per = \"1h\", burst = 1, when_exceeded = \"drop\" }}"
            ),
        );
        let event = |id: &str, level: &str| json!({"id": id, "type": "t", "level": level, "message": "m"});
        running.router.publish(&event("below", "info"));
        let seen = delivered(&running, &hook, &event("first", "warning"));
        let body = json_of(&seen[0].body);
        let found = body.pointer(place).cloned().unwrap_or_default();
        assert!(
            seen.len() == 1 && (found == expected || found == json!(-42)),
            "{plugin}: {body}"
        );
        // By its alias, which is nobody's affair but the event's: without recipients and without the throttle.
        let mut named = event("named", "critical");
        named["channels"] = json!(["second-name"]);
        running.router.publish(&named);
        let stats = running.router.settled();
        assert_eq!(
            (
                &stats["subscriptions"]["all"]["throttled"],
                &stats["subscriptions"]["channel:hook"]["delivered"]
            ),
            (&json!(1), &json!(1)),
            "{plugin}: {stats}"
        );
        assert_eq!(stats["unmatched"], 1, "{plugin}: {stats}");
        let seen = hook.seen();
        assert_eq!(seen.len(), 2, "{plugin}");
        if !expected.is_null() {
            assert_ne!(json_of(&seen[1].body).pointer(place), Some(&expected), "{plugin}");
        }
    }
}
