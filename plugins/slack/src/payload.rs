//! The two forms of a message.
//!
//! Limits: docs.slack.dev/reference/block-kit/blocks, header (150) and section (3,000); a message has at most 50 blocks, and
//! a split body at most ten. Characters are counted as UTF-16 code units, which is never less than what Slack counts.

use patchpanel_plugin::{Delivery, Problem};
use plugin_message::{Limit, Message, Overflow, escape, footer, hex_color, utf16};
use serde_json::{Value, json};

const HEADER: Limit = Limit::new(150, utf16);
const SECTION: Limit = Limit::new(3000, mrkdwn_cost);

/// docs.mattermost.com, `model.PostMessageMaxRunesV2`: 16,383 for a post. An attachment stays well below.
const ATTACHMENT: Limit = Limit::new(7500, escape::markdown_cost);
const TITLE: Limit = Limit::new(250, escape::markdown_cost);

/// docs.slack.dev/messaging/formatting-message-text, "Escaping text": these three, and nothing else.
const fn mrkdwn_cost(c: char) -> usize {
    match c {
        '&' => 5,
        '<' | '>' => 4,
        _ => c.len_utf16(),
    }
}

fn mrkdwn(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// For Slack. The colour is only to be had by an attachment, in which blocks may stand.
pub(crate) fn blocks(delivery: &Delivery, message: &Message, overflow: Overflow) -> Result<Value, Problem> {
    let event = &delivery.event;
    let title = HEADER.truncate(&message.title);
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
    let mut blocks = vec![json!({"type": "header", "text": plain(&title)})];
    if !message.body.is_empty() {
        for piece in overflow.apply("body", &message.body, SECTION)? {
            // Verbatim: names in the text, such as @channel, mean nothing.
            blocks
                .push(json!({"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn(&piece), "verbatim": true}}));
        }
    }
    blocks.push(json!({"type": "context", "elements": [plain(&footer(event))]}));
    let mut payload = json!({"attachments": [{"color": hex_color(event.level), "fallback": title, "blocks": blocks}]});
    let mentions: Vec<String> = delivery.recipients.iter().map(|name| mention(name)).collect();
    insert_text(&mut payload, &mentions);
    Ok(payload)
}

fn mention(name: &str) -> String {
    let is_id = |first: &[u8]| {
        name.len() > 2
            && name.as_bytes().first().is_some_and(|byte| first.contains(byte))
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    match name {
        "here" | "channel" => format!("<!{name}>"),
        _ if is_id(b"UW") => format!("<@{name}>"),
        _ if is_id(b"S") => format!("<!subteam^{name}>"),
        _ => mrkdwn(&format!("@{name}")),
    }
}

/// For Mattermost: developers.mattermost.com/integrate/reference/message-attachments.
pub(crate) fn attachment(delivery: &Delivery, message: &Message, overflow: Overflow) -> Result<Value, Problem> {
    let event = &delivery.event;
    let color = hex_color(event.level);
    let title = escape::markdown(&TITLE.truncate(&message.title));
    let mut pieces = match message.body.as_str() {
        "" => vec![String::new()],
        body => overflow.apply("body", body, ATTACHMENT)?,
    };
    let last = pieces.pop();
    let mut attachments: Vec<Value> = pieces
        .iter()
        .map(|piece| json!({"color": color, "text": silent(piece)}))
        .collect();
    attachments.push(json!({"color": color, "text": silent(&last.unwrap_or_default()), "footer": footer(event)}));
    if let Some(first) = attachments.first_mut().and_then(Value::as_object_mut) {
        first.insert("title".to_owned(), title.as_str().into());
        first.insert("fallback".to_owned(), title.into());
    }
    let mut payload = json!({"attachments": attachments});
    let mentions: Vec<String> = delivery
        .recipients
        .iter()
        .map(|name| format!("@{}", escape::markdown(name)))
        .collect();
    insert_text(&mut payload, &mentions);
    Ok(payload)
}

/// Mattermost would take `@all` in an event for a mention; an invisible character behind the sign keeps it text.
fn silent(text: &str) -> String {
    escape::markdown(text).replace('@', "@\u{200b}")
}

/// Only what stands in the message itself calls people.
fn insert_text(payload: &mut Value, mentions: &[String]) {
    if let (false, Some(payload)) = (mentions.is_empty(), payload.as_object_mut()) {
        payload.insert("text".to_owned(), mentions.join(" ").into());
    }
}
