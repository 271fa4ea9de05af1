//! The message: one Adaptive Card of version 1.4, which is what Teams shows everywhere.
//!
//! Limit: learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using: a message has at most
//! 28 KB, of which the body gets [`BODY`], counted as bytes of its JSON with all escapes.

use patchpanel_plugin::{Delivery, Level, Problem};
use plugin_message::{Limit, Message, Overflow, clean, escape, footer};
use serde_json::{Value, json};

const TITLE: Limit = Limit::new(1024, cost);
const BODY: Limit = Limit::new(20 * 1024, cost);

/// Of people's names together.
const MOST_RECIPIENTS: usize = 20;

/// Bytes in JSON of a character with its escape for Markdown; a line end is two of them, which makes a paragraph.
const fn cost(c: char) -> usize {
    let escapes = escape::markdown_cost(c) - c.len_utf16();
    match c {
        '\n' => 4,
        '\t' | '"' => 2,
        '\\' => 4,
        _ => c.len_utf8() + 2 * escapes,
    }
}

const fn color(level: Level) -> &'static str {
    match level {
        Level::Debug => "default",
        Level::Info => "accent",
        Level::Warning => "warning",
        Level::Error | Level::Critical => "attention",
    }
}

/// One message for each piece of the body; people are mentioned in the first one.
pub(crate) fn payloads(delivery: &Delivery, message: &Message, overflow: Overflow) -> Result<Vec<Value>, Problem> {
    let event = &delivery.event;
    if delivery.recipients.len() > MOST_RECIPIENTS {
        return Err(Problem::Reject(format!(
            "more than {MOST_RECIPIENTS} recipients are a channel of their own"
        )));
    }
    for name in &delivery.recipients {
        if !is_principal(name) {
            return Err(Problem::Reject(format!(
                "the recipient `{}` is no user principal name, such as ada@example.com",
                clean::remote(name, &[])
            )));
        }
    }
    let title = escape::markdown(&TITLE.truncate(&message.title));
    let pieces = overflow.apply("body", &message.body, BODY)?;
    let payload = |(index, piece): (usize, &String)| {
        let mut body = vec![json!({
            "type": "TextBlock", "text": title, "size": "large", "weight": "bolder", "wrap": true, "color": color(event.level)
        })];
        if !piece.is_empty() {
            let text = escape::markdown(piece).replace('\n', "\n\n");
            body.push(json!({"type": "TextBlock", "text": text, "wrap": true}));
        }
        let called: &[String] = if index == 0 { &delivery.recipients } else { &[] };
        let mentions: Vec<String> = called.iter().map(|name| format!("<at>{name}</at>")).collect();
        if !mentions.is_empty() {
            body.push(json!({"type": "TextBlock", "text": mentions.join(" "), "wrap": true}));
        }
        body.push(json!({"type": "TextBlock", "text": escape::markdown(&footer(event)), "size": "small", "isSubtle": true, "wrap": true}));
        let entities: Vec<Value> = called
            .iter()
            .map(|name| json!({"type": "mention", "text": format!("<at>{name}</at>"), "mentioned": {"id": name, "name": name}}))
            .collect();
        json!({"type": "message", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "msteams": {"width": "Full", "entities": entities},
            },
        }]})
    };
    Ok(pieces.iter().enumerate().map(payload).collect())
}

/// So plain that it needs no escapes.
fn is_principal(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    name.len() <= 113 && name.contains('@') && name.bytes().all(inside)
}
