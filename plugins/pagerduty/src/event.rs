//! The alert event: developer.pagerduty.com/docs/send-alert-event. Limits: summary 1,024 and dedup key 255 characters, all
//! of it 512 KB.

use patchpanel_plugin::{Delivery, Event, Level, Problem};
use plugin_message::{Limit, Message, Overflow, chars, clean};
use serde_json::{Value, json};
use std::hash::{DefaultHasher, Hash, Hasher};

const SUMMARY: Limit = Limit::new(1024, chars);
const DEDUP_KEY: usize = 255;
const SHORT: Limit = Limit::new(255, chars);

/// Bytes of the whole; less than 512,000 by what the rest takes.
const MOST: usize = 500_000;
/// Of the body alone, in JSON, where the rest does not fit.
const BODY: Limit = Limit::new(400_000, in_json);

const fn in_json(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\t' => 2,
        _ => c.len_utf8(),
    }
}

/// What is to become of the alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Trigger,
    Acknowledge,
    Resolve,
}

impl Action {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "trigger" => Ok(Self::Trigger),
            "acknowledge" => Ok(Self::Acknowledge),
            "resolve" => Ok(Self::Resolve),
            other => Err(Problem::Reject(format!(
                "the template `action` made `{}`: it must be trigger, acknowledge or resolve",
                clean::remote(other, &[])
            ))),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
        }
    }
}

/// Integration keys are 32 letters and digits.
///
/// # Errors
/// Where it is none; it is not repeated.
pub(crate) fn check_routing_key(key: &str) -> Result<(), String> {
    if key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err("is not the integration key of an Events API v2 integration: 32 letters and digits".to_owned())
    }
}

const fn severity(level: Level) -> &'static str {
    match level {
        Level::Debug | Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
        Level::Critical => "critical",
    }
}

pub(crate) fn payload(
    delivery: &Delivery,
    message: &Message,
    action: Action,
    key: &str,
    routing_key: &str,
    overflow: Overflow,
) -> Result<Value, Problem> {
    if key.is_empty() {
        return Err(Problem::Reject("the template `dedup_key` made nothing".to_owned()));
    }
    let head = json!({"routing_key": routing_key, "event_action": action.as_str(), "dedup_key": dedup_key(key)});
    if action != Action::Trigger {
        return Ok(head);
    }
    let event = &delivery.event;
    let full = json!({
        "event": event.id,
        "body": message.body,
        "payload": event.payload_json(),
        "metadata": event.metadata_json(),
        "recipients": delivery.recipients,
    });
    let whole = with_details(&head, event, message, &full);
    if whole.to_string().len() <= MOST {
        return Ok(whole);
    }
    if overflow == Overflow::Reject {
        return Err(Problem::Reject(format!("the alert is larger than {MOST} bytes")));
    }
    let cut = json!({"event": event.id, "body": BODY.truncate(&message.body), "left_out": "payload and metadata: they are too large"});
    Ok(with_details(&head, event, message, &cut))
}

fn with_details(head: &Value, event: &Event, message: &Message, details: &Value) -> Value {
    let or = |text: &str, other: &str| {
        if text.is_empty() {
            other.to_owned()
        } else {
            text.to_owned()
        }
    };
    let mut whole = head.clone();
    if let Some(whole) = whole.as_object_mut() {
        let alert = json!({
            "summary": SUMMARY.truncate(&message.title),
            "source": SHORT.truncate(&or(&clean::line(&event.source), "patchpanel")),
            "severity": severity(event.level),
            "timestamp": event.rfc3339(),
            "component": event.subject.as_deref().map(|subject| SHORT.truncate(&clean::line(subject))),
            "class": SHORT.truncate(&clean::line(&event.type_)),
            "custom_details": details,
        });
        whole.insert("payload".to_owned(), alert);
        whole.insert("client".to_owned(), "Patchpanel".into());
    }
    whole
}

/// One that is too long ends in a hash of all of it, so that two alerts do not become one.
fn dedup_key(key: &str) -> String {
    if key.chars().count() <= DEDUP_KEY {
        return key.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let head: String = key.chars().take(DEDUP_KEY - 17).collect();
    format!("{head}~{:016x}", hasher.finish())
}
