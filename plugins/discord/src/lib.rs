//! The bundled discord plugin: posts embeds to a webhook of Discord.
//!
//! | key | value |
//! | --- | --- |
//! | `url` | of the webhook, as a text or `{"secret": "name"}`; required. Its host must be granted under `allow.http` |
//!
//! and those of every message channel: `title`, `body`, `overflow`, `timeout`, `pace` (default `"500ms"`), `dry_run`. A body
//! that is split becomes several messages.
//!
//! Recipients are mentioned: `123456789012345678` is a user, `&123456789012345678` a role; others are rejected. Nothing
//! that an event says calls anybody.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered; the receipt is the id of the message |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `retry_after` says |
//! | 401, 404, 410 | never again, and the channel stops: the webhook is gone |
//! | any other | never again |

mod embed;

use http::{Request, Uri};
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};
use plugin_message::{Common, Defaults, Meaning, Outbox, Reply, Said, SecretText, Service, Settings, hook, json_post};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// The configuration as written; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: SecretText,
    #[serde(flatten)]
    common: Common,
}

/// discord.com/developers/docs/topics/rate-limits: told in headers; webhooks are mostly given 5 requests in 2 seconds.
const PACE: Duration = Duration::from_millis(500);

/// discord.com/developers/docs/topics/opcodes-and-status-codes: 10015 `Unknown Webhook`, 50027 `Invalid Webhook Token`.
static SERVICE: Service = Service {
    rows: &[
        (401..=401, Meaning::Disable("make a new webhook")),
        (404..=404, Meaning::Disable("make a new webhook")),
    ],
    read,
};

/// The message that was made, or `{"message", "code", "retry_after"}`, the latter in seconds.
fn read(reply: &Reply) -> Said {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let seconds = body.get("retry_after").and_then(Value::as_f64);
    Said {
        reference: text("id"),
        error: text("message").or_else(|| Said::plain(reply).error),
        wait: seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
    }
}

/// Posts embeds.
#[derive(Debug)]
pub struct Discord {
    /// Where messages go: with `wait=true`, so that the answer tells what became of them.
    url: Uri,
    /// Where the webhook tells about itself.
    about: Uri,
    settings: Settings,
    outbox: Outbox,
}

impl Discord {
    fn requests(&self, delivery: &Delivery) -> Result<Vec<Request<String>>, Problem> {
        let message = self.settings.message(delivery)?;
        let payloads = embed::payloads(delivery, &message, self.settings.overflow)?;
        Ok(payloads.iter().map(|payload| json_post(&self.url, payload)).collect())
    }
}

impl Channel for Discord {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let hook = hook(&config.url).and_then(|(about, secrets)| Ok((waiting(&about)?, about, secrets)));
        let hook = hook.map_err(|error| errors.push(ConfigError::new("url", error)));
        let settings = config.common.check(Defaults::paced(PACE), &mut errors);
        let (Ok((url, about, secrets)), true) = (hook, errors.is_empty()) else {
            return Err(errors);
        };
        let outbox = Outbox::new(&SERVICE, &settings, about.path(), secrets);
        Ok(Self {
            url,
            about,
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

fn waiting(url: &Uri) -> Result<Uri, String> {
    let sign = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{sign}wait=true")
        .parse()
        .map_err(|_| "is not a URL".to_owned())
}

export_channel! {
    Discord,
    name: "discord",
    description: "Posts embeds to a webhook of Discord.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
