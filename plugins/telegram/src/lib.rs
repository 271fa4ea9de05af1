//! The bundled telegram plugin: sends messages as a bot.
//!
//! | key | value |
//! | --- | --- |
//! | `token` | of the bot, as a text or `{"secret": "name"}`; required |
//! | `chat` | where messages without recipients go: the number of a chat, or `@name` of a public one |
//! | `parse_mode` | `HTML` (default) or `MarkdownV2`: the title is bold; `none`: it is not |
//! | `server` | default `https://api.telegram.org`; its host must be granted under `allow.http` |
//!
//! and those of every message channel: `title`, `body`, `overflow`, `timeout`, `pace` (default `"1s"`), `dry_run`. A body that is
//! split becomes several messages.
//!
//! Recipients are chats, written as in `chat`. Messages of the levels debug and info make no sound.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered; the receipt is the number of the message |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `retry_after` says |
//! | 400, 403 | never again: there is no such chat, or the bot may not write there |
//! | 401, 404, 410 | never again, and the channel stops: the token is wrong |
//! | any other | never again |

mod text;

use http::{Request, Uri};
use patchpanel_plugin::{Channel, ConfigError, Delivery, Level, Problem, Receipt, export_channel};
use plugin_message::{
    Common, Defaults, Meaning, Outbox, Reply, Said, SecretText, Service, Settings, check_url, clean, json_post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use text::ParseMode;

/// The configuration as written; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    token: SecretText,
    chat: Option<Chat>,
    #[serde(default)]
    parse_mode: ParseMode,
    #[serde(default = "default_server")]
    server: String,
    #[serde(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the number of a chat or \"@name\"")]
enum Chat {
    Number(i64),
    Name(String),
}

fn default_server() -> String {
    "https://api.telegram.org".to_owned()
}

/// core.telegram.org/bots/faq, "My bot is hitting limits": in a single chat avoid more than one message per second.
const PACE: Duration = Duration::from_secs(1);

static SERVICE: Service = Service {
    rows: &[
        (401..=401, Meaning::Disable("the token is wrong or was revoked")),
        (
            404..=404,
            Meaning::Disable("the token is none, or `server` is another one"),
        ),
    ],
    read,
};

/// core.telegram.org/bots/api, "Making requests": `{"ok", "result"}` or `{"ok", "error_code", "description", "parameters"}`.
fn read(reply: &Reply) -> Said {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let number = |path: &str| body.pointer(path).and_then(Value::as_u64);
    Said {
        reference: number("/result/message_id").map(|id| id.to_string()),
        error: match body.get("description").and_then(Value::as_str) {
            Some(description) => Some(description.to_owned()),
            None => Said::plain(reply).error,
        },
        wait: number("/parameters/retry_after").map(Duration::from_secs),
    }
}

/// Sends messages.
#[derive(Debug)]
pub struct Telegram {
    send: Uri,
    about: Uri,
    chat: Option<String>,
    parse_mode: ParseMode,
    settings: Settings,
    outbox: Outbox,
}

impl Telegram {
    fn requests(&self, delivery: &Delivery) -> Result<Vec<Request<String>>, Problem> {
        let chats: Vec<&str> = match (&self.chat, delivery.recipients.is_empty()) {
            (_, false) => delivery.recipients.iter().map(String::as_str).collect(),
            (Some(chat), true) => vec![chat],
            (None, true) => {
                return Err(Problem::Reject(
                    "no recipient is named, and there is no `chat`".to_owned(),
                ));
            }
        };
        if let Some(wrong) = chats.iter().find(|chat| !is_chat(chat)) {
            return Err(Problem::Reject(format!(
                "the recipient `{}` is neither the number of a chat nor `@name`",
                clean::remote(wrong, &[])
            )));
        }
        let message = self.settings.message(delivery)?;
        let texts = text::texts(&message, self.parse_mode, self.settings.overflow)?;
        let silent = matches!(delivery.event.level, Level::Debug | Level::Info);
        let payload = |chat: &str, text: &str| {
            let mut payload = json!({
                "chat_id": chat,
                "text": text,
                "disable_notification": silent,
                "link_preview_options": {"is_disabled": true},
            });
            if let (Some(mode), Some(payload)) = (self.parse_mode.as_str(), payload.as_object_mut()) {
                payload.insert("parse_mode".to_owned(), mode.into());
            }
            json_post(&self.send, &payload)
        };
        Ok(chats
            .iter()
            .flat_map(|chat| texts.iter().map(|text| payload(chat, text)))
            .collect())
    }
}

fn is_chat(chat: &str) -> bool {
    match chat.strip_prefix('@') {
        Some(name) => {
            (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        }
        None => chat.parse::<i64>().is_ok(),
    }
}

/// A number, a colon, and letters, digits, `-` and `_`.
fn is_token(token: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    token.split_once(':').is_some_and(|(bot, key)| {
        !bot.is_empty() && bot.bytes().all(|byte| byte.is_ascii_digit()) && key.len() >= 16 && key.bytes().all(inside)
    })
}

impl Channel for Telegram {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let token = config.token.read().and_then(|token| match is_token(&token) {
            true => Ok(token),
            false => Err("is no token of a bot, such as 123456:ABC-DEF…".to_owned()),
        });
        let token = token.map_err(|error| errors.push(ConfigError::new("token", error)));
        let chat = config.chat.map(|chat| match chat {
            Chat::Number(number) => number.to_string(),
            Chat::Name(name) => name,
        });
        if chat.as_deref().is_some_and(|chat| !is_chat(chat)) {
            errors.push(ConfigError::new("chat", "must be the number of a chat or `@name`"));
        }
        let server = config.server.trim_end_matches('/');
        errors.extend(
            check_url(server)
                .map_err(|error| ConfigError::new("server", error))
                .err(),
        );
        let settings = config.common.check(Defaults::paced(PACE), &mut errors);
        let (Ok(token), true) = (token, errors.is_empty()) else {
            return Err(errors);
        };
        let method = |name: &str| {
            check_url(&format!("{server}/bot{token}/{name}")).map_err(|error| ConfigError::new("server", error))
        };
        let (send, about) = (method("sendMessage")?, method("getMe")?);
        let outbox = Outbox::new(&SERVICE, &settings, &token, vec![token.clone()]);
        Ok(Self {
            send,
            about,
            chat,
            parse_mode: config.parse_mode,
            settings,
            outbox,
        })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        self.outbox.deliver(batch, |delivery| self.requests(delivery))
    }

    fn check_health(&mut self) -> Result<(), String> {
        self.outbox.probe(&self.about)
    }
}

export_channel! {
    Telegram,
    name: "telegram",
    description: "Sends messages as a bot of Telegram.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
