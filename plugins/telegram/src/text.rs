//! The text of a message: core.telegram.org/bots/api, `sendMessage`: 1 to 4,096 characters after entities parsing, counted
//! in UTF-16 code units; so escapes do not count.

use patchpanel_plugin::Problem;
use plugin_message::{Limit, Message, Overflow, escape, utf16};
use serde::Deserialize;

const TEXT: usize = 4096;
const TITLE: Limit = Limit::new(256, utf16);
/// Between title and body.
const GAP: &str = "\n\n";

/// What of the text is markup.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum ParseMode {
    #[default]
    #[serde(rename = "HTML")]
    Html,
    MarkdownV2,
    #[serde(rename = "none")]
    None,
}

impl ParseMode {
    /// As the API calls it.
    pub(crate) const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Html => Some("HTML"),
            Self::MarkdownV2 => Some("MarkdownV2"),
            Self::None => None,
        }
    }

    fn plain(self, text: &str) -> String {
        match self {
            Self::Html => escape::html(text),
            Self::MarkdownV2 => markdown(text),
            Self::None => text.to_owned(),
        }
    }

    fn bold(self, text: &str) -> String {
        let text = self.plain(text);
        match self {
            Self::Html => format!("<b>{text}</b>"),
            Self::MarkdownV2 => format!("*{text}*"),
            Self::None => text,
        }
    }
}

/// core.telegram.org/bots/api, "MarkdownV2 style": these must be escaped everywhere.
fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "_*[]()~`>#+-=|{}.!\\".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// One text for each piece of the body; the title is in the first one.
pub(crate) fn texts(message: &Message, mode: ParseMode, overflow: Overflow) -> Result<Vec<String>, Problem> {
    let title = TITLE.truncate(&message.title);
    if message.body.is_empty() {
        return Ok(vec![mode.bold(&title)]);
    }
    let body = Limit::new(TEXT - TITLE.size(&title) - GAP.len(), utf16);
    let pieces = overflow.apply("body", &message.body, body)?;
    let text = |(index, piece): (usize, &String)| match index {
        0 => format!("{}{GAP}{}", mode.bold(&title), mode.plain(piece)),
        _ => mode.plain(piece),
    };
    Ok(pieces.iter().enumerate().map(text).collect())
}
