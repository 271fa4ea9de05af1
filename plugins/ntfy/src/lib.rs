//! The bundled ntfy plugin: publishes to topics of ntfy.sh or of an own server.
//!
//! | key | value |
//! | --- | --- |
//! | `server` | default `https://ntfy.sh`; its host must be granted under `allow.http` |
//! | `topic` | where messages without recipients go, as a text or `{"secret": "name"}` (a topic of a public server is a password) |
//! | `token` | an access token, as a text or `{"secret": "name"}`; default none |
//!
//! and those of every message channel: `title`, `body`, `overflow`, `timeout`, `pace` (default none), `dry_run`. A body that is
//! split becomes several messages.
//!
//! Recipients are topics. The priority follows the level: 2 for debug, 3 info, 4 warning and error, 5 critical.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered; the receipt is the id of the message |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `Retry-After` says |
//! | 401, 403 | never again: the token is wrong, or may not publish there |
//! | 410 | never again, and the channel stops |
//! | any other | never again |

use http::{HeaderValue, Request, Uri, header};
use patchpanel_plugin::{Channel, ConfigError, Delivery, Level, Problem, Receipt, export_channel};
use plugin_message::{
    Common, Defaults, Limit, Outbox, Reply, Said, SecretText, Service, Settings, bytes, check_url, clean, json_post,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The configuration as written; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default = "default_server")]
    server: String,
    topic: Option<SecretText>,
    token: Option<SecretText>,
    #[serde(flatten)]
    common: Common,
}

fn default_server() -> String {
    "https://ntfy.sh".to_owned()
}

/// docs.ntfy.sh/publish, "Limitations": a message has at most 4,096 bytes, longer ones become attachments.
const MESSAGE: Limit = Limit::new(4096, bytes);
/// Release notes of 2.28.0: titles have at most 1 KB.
const TITLE: Limit = Limit::new(1000, bytes);

static SERVICE: Service = Service { rows: &[], read };

/// The message that was published, or `{"code", "http", "error"}`.
fn read(reply: &Reply) -> Said {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    Said {
        reference: text("id"),
        error: text("error").or_else(|| Said::plain(reply).error),
        wait: None,
    }
}

/// Publishes messages.
#[derive(Debug)]
pub struct Ntfy {
    /// JSON is published to the root of the server.
    url: Uri,
    health: Uri,
    topic: Option<String>,
    authorization: Option<HeaderValue>,
    settings: Settings,
    outbox: Outbox,
}

impl Ntfy {
    fn requests(&self, delivery: &Delivery) -> Result<Vec<Request<String>>, Problem> {
        let topics: Vec<&str> = match (&self.topic, delivery.recipients.is_empty()) {
            (_, false) => delivery.recipients.iter().map(String::as_str).collect(),
            (Some(topic), true) => vec![topic],
            (None, true) => {
                return Err(Problem::Reject(
                    "no recipient is named, and there is no `topic`".to_owned(),
                ));
            }
        };
        if let Some(wrong) = topics.iter().find(|topic| !is_topic(topic)) {
            return Err(Problem::Reject(format!(
                "the recipient `{}` is no topic",
                clean::remote(wrong, &[])
            )));
        }
        let message = self.settings.message(delivery)?;
        let (title, level) = (TITLE.truncate(&message.title), delivery.event.level);
        let pieces = self.settings.overflow.apply("body", &message.body, MESSAGE)?;
        let publish = |topic: &str, piece: &str| {
            let message = json!({"topic": topic, "title": title, "message": piece, "priority": priority(level), "tags": [level.as_str()]});
            let mut request = json_post(&self.url, &message);
            if let Some(authorization) = &self.authorization {
                request
                    .headers_mut()
                    .insert(header::AUTHORIZATION, authorization.clone());
            }
            request
        };
        Ok(topics
            .iter()
            .flat_map(|topic| pieces.iter().map(|piece| publish(topic, piece)))
            .collect())
    }
}

const fn priority(level: Level) -> u8 {
    match level {
        Level::Debug => 2,
        Level::Info => 3,
        Level::Warning | Level::Error => 4,
        Level::Critical => 5,
    }
}

/// As the server checks them.
fn is_topic(topic: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&topic.len()) && topic.bytes().all(inside)
}

impl Channel for Ntfy {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut read = |path: &str, text: Option<&SecretText>| {
            let value = text.map(SecretText::read).transpose();
            value
                .map_err(|error| errors.push(ConfigError::new(path, error)))
                .ok()
                .flatten()
        };
        let (topic, token) = (
            read("topic", config.topic.as_ref()),
            read("token", config.token.as_ref()),
        );
        if topic.as_deref().is_some_and(|topic| !is_topic(topic)) {
            errors.push(ConfigError::new(
                "topic",
                "must have 1 to 64 letters, digits, `-` and `_`",
            ));
        }
        let authorization = token
            .as_deref()
            .map(|token| HeaderValue::try_from(format!("Bearer {token}")))
            .transpose();
        let authorization = authorization
            .map_err(|_| errors.push(ConfigError::new("token", "must have visible ASCII characters only")));
        let server = config.server.trim_end_matches('/');
        let urls = check_url(server).and_then(|_| {
            Ok((
                check_url(&format!("{server}/"))?,
                check_url(&format!("{server}/v1/health"))?,
            ))
        });
        let urls = urls.map_err(|error| errors.push(ConfigError::new("server", error)));
        let settings = config.common.check(Defaults::USUAL, &mut errors);
        let (Ok((url, health)), Ok(mut authorization), true) = (urls, authorization, errors.is_empty()) else {
            return Err(errors);
        };
        if let Some(authorization) = &mut authorization {
            authorization.set_sensitive(true);
        }
        let secret_topic = matches!(config.topic, Some(SecretText::Secret { .. }))
            .then(|| topic.clone())
            .flatten();
        let secrets = token.into_iter().chain(secret_topic).collect();
        let outbox = Outbox::new(&SERVICE, &settings, server, secrets);
        Ok(Self {
            url,
            health,
            topic,
            authorization,
            settings,
            outbox,
        })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        self.outbox.deliver(batch, |delivery| self.requests(delivery))
    }

    fn check_health(&mut self) -> Result<(), String> {
        self.outbox.probe(&self.health)
    }
}

export_channel! {
    Ntfy,
    name: "ntfy",
    description: "Publishes to topics of ntfy.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
