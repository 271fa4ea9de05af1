//! The mail itself.

use crate::address::Address;
use crate::config::Settings;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address as Header;
use mail_builder::headers::raw::Raw;
use patchpanel_plugin::{Delivery, Problem};
use plugin_message::{Limit, bytes, chars, clean, escape, footer, hex_color};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Longer subjects are shown by nobody.
const SUBJECT: Limit = Limit::new(200, chars);
/// What mail programs show before they cut.
const BODY: Limit = Limit::new(100_000, bytes);

/// What is sent for a delivery.
#[derive(Debug)]
pub(crate) struct Mail {
    from: Address,
    pub(crate) to: Vec<Address>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
    /// Without angle brackets; the same for every attempt.
    pub(crate) id: String,
    /// That of a conversation, which no mail has itself.
    pub(crate) thread: Option<String>,
    /// Seconds since the epoch.
    date: i64,
}

impl Mail {
    /// # Errors
    /// Where it has nobody to go to, an address is none, or a template fails.
    pub(crate) fn of(settings: &Settings, delivery: &Delivery) -> Result<Self, Problem> {
        let to = match delivery.recipients.as_slice() {
            [] => settings.to.clone(),
            names => names.iter().map(|name| recipient(name)).collect::<Result<_, _>>()?,
        };
        if to.is_empty() {
            return Err(Problem::Reject(
                "no recipient is named, and there is no `to`".to_owned(),
            ));
        }
        let event = &delivery.event;
        let message = settings.common.message(delivery)?;
        let body = settings.common.overflow.apply("body", &message.body, BODY)?.concat();
        let footer = footer(event);
        let html = match settings.html.as_ref() {
            Some(templates) => templates.render("html", delivery)?,
            None => format!(
                "<h3 style=\"color: {}\">{}</h3>\n<p style=\"white-space: pre-wrap\">{}</p>\n<p style=\"color: #777\">{}</p>\n",
                hex_color(event.level),
                escape::html(&message.title),
                escape::html(&body),
                escape::html(&footer)
            ),
        };
        let domain = settings.from.domain();
        let correlation = event.correlation_id.as_deref().filter(|id| !id.is_empty());
        Ok(Self {
            from: settings.from.clone(),
            to,
            subject: SUBJECT.truncate(&clean::line(&format!("{}{}", settings.subject_prefix, message.title))),
            text: format!("{body}\n\n-- \n{footer}\n"),
            html,
            id: format!("{}@{domain}", hash(&delivery.id)),
            thread: correlation.map(|id| format!("thread-{}@{domain}", hash(id))),
            date: i64::try_from(event.time / 1_000_000_000).unwrap_or_default(),
        })
    }

    /// As of RFC 5322.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let header = |address: &Address| Header::new_address(address.name.clone(), address.email.clone());
        let mut message = MessageBuilder::new()
            .from(header(&self.from))
            .to(Header::new_list(self.to.iter().map(header).collect()))
            .subject(self.subject.as_str())
            .message_id(self.id.as_str())
            .date(self.date)
            // RFC 3834: no machine answers this.
            .header("Auto-Submitted", Raw::new("auto-generated"))
            .text_body(self.text.as_str())
            .html_body(self.html.as_str());
        if let Some(thread) = &self.thread {
            message = message.in_reply_to(thread.as_str()).references(thread.as_str());
        }
        let mut bytes = Vec::new();
        message.serialize(&mut bytes);
        bytes
    }
}

fn recipient(name: &str) -> Result<Address, Problem> {
    Address::parse(name).map_err(|why| Problem::Reject(format!("the recipient `{}` {why}", clean::remote(name, &[]))))
}

/// Ids of events hold what message ids must not.
fn hash(text: &str) -> String {
    let mut hex = String::with_capacity(32);
    for byte in Sha256::digest(text.as_bytes()).iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
