//! The bundled teams plugin: posts Adaptive Cards to a webhook of Microsoft Teams, made by the app Workflows ("When a Teams
//! webhook request is received").
//!
//! | key | value |
//! | --- | --- |
//! | `url` | of the webhook, as a text or `{"secret": "name"}`; required. Its host must be granted under `allow.http` |
//!
//! and those of every message channel: `title`, `body`, `overflow`, `timeout`, `pace` (default `"250ms"`), `dry_run`. A body
//! that is split becomes several messages.
//!
//! Recipients are mentioned: user principal names such as `ada@example.com`; others are rejected.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered to the workflow |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `Retry-After` says |
//! | 401, 403 | never again: the signature in the URL is wrong |
//! | 404, 410 | never again, and the channel stops: the workflow is gone or turned off |
//! | any other | never again |

mod card;

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

/// learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, "Rate limiting": more than
/// four requests in a second are throttled.
const PACE: Duration = Duration::from_millis(250);

static SERVICE: Service = Service {
    rows: &[
        (
            401..=401,
            Meaning::Reject("copy the whole URL of the workflow, with its signature"),
        ),
        (
            403..=403,
            Meaning::Reject("copy the whole URL of the workflow, with its signature"),
        ),
        (404..=404, Meaning::Disable("the workflow is gone or turned off")),
    ],
    read,
};

/// Errors of Power Automate are `{"error": {"code", "message"}}`.
fn read(reply: &Reply) -> Said {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let message = body.pointer("/error/message").and_then(Value::as_str);
    match message {
        Some(message) => Said {
            error: Some(message.to_owned()),
            ..Said::default()
        },
        None => Said::plain(reply),
    }
}

/// Posts cards.
#[derive(Debug)]
pub struct Teams {
    url: Uri,
    settings: Settings,
    outbox: Outbox,
}

impl Teams {
    fn requests(&self, delivery: &Delivery) -> Result<Vec<Request<String>>, Problem> {
        let message = self.settings.message(delivery)?;
        let cards = card::payloads(delivery, &message, self.settings.overflow)?;
        Ok(cards.iter().map(|card| json_post(&self.url, card)).collect())
    }
}

impl Channel for Teams {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let hook = hook(&config.url).map_err(|error| errors.push(ConfigError::new("url", error)));
        let settings = config.common.check(Defaults::paced(PACE), &mut errors);
        let (Ok((url, mut secrets)), true) = (hook, errors.is_empty()) else {
            return Err(errors);
        };
        // What protects it is the signature in the query.
        secrets.extend(
            url.query()
                .into_iter()
                .flat_map(|query| query.split(['&', '=']))
                .filter(|part| part.len() > 16)
                .map(str::to_owned),
        );
        let outbox = Outbox::new(&SERVICE, &settings, &url.to_string(), secrets);
        Ok(Self { url, settings, outbox })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        self.outbox.deliver(batch, |delivery| self.requests(delivery))
    }
}

export_channel! {
    Teams,
    name: "teams",
    description: "Posts Adaptive Cards to a webhook of Microsoft Teams.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
