//! The message.
//!
//! Limits: discord.com/developers/docs/resources/message, "Embed Limits": title 256, description 4,096, footer 2,048, all
//! together 6,000. Characters are counted as UTF-16 code units, with their escapes.

use patchpanel_plugin::{Delivery, Problem};
use plugin_message::{Limit, Message, Overflow, color, escape, footer};
use serde_json::{Value, json};

const TITLE: Limit = Limit::new(256, escape::markdown_cost);
const DESCRIPTION: Limit = Limit::new(4096, escape::markdown_cost);

/// One message for each piece of the body; people are mentioned in the first one.
pub(crate) fn payloads(delivery: &Delivery, message: &Message, overflow: Overflow) -> Result<Vec<Value>, Problem> {
    let event = &delivery.event;
    let (mut users, mut roles) = (Vec::new(), Vec::new());
    for name in &delivery.recipients {
        let (list, id) = match name.strip_prefix('&') {
            Some(id) => (&mut roles, id),
            None => (&mut users, name.as_str()),
        };
        if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Problem::Reject(format!(
                "the recipient `{}` is neither the id of a user nor `&` and the id of a role",
                plugin_message::clean::remote(name, &[])
            )));
        }
        list.push(id);
    }
    let mentions: Vec<String> = users
        .iter()
        .map(|id| format!("<@{id}>"))
        .chain(roles.iter().map(|id| format!("<@&{id}>")))
        .collect();
    let title = escape::markdown(&TITLE.truncate(&message.title));
    let pieces = overflow.apply("body", &message.body, DESCRIPTION)?;
    let payload = |(index, piece): (usize, &String)| {
        let embed = json!({
            "title": title,
            "description": escape::markdown(piece),
            "color": color(event.level),
            "footer": {"text": footer(event)},
            "timestamp": event.rfc3339(),
        });
        // Nobody else is called, whatever the text says.
        let mut payload = json!({"embeds": [embed], "allowed_mentions": {"parse": [], "users": users, "roles": roles}});
        if let (0, false, Some(payload)) = (index, mentions.is_empty(), payload.as_object_mut()) {
            payload.insert("content".to_owned(), mentions.join(" ").into());
        }
        payload
    };
    Ok(pieces.iter().enumerate().map(payload).collect())
}

/// Digits of a 64-bit number.
const LONGEST_ID: usize = 20;
