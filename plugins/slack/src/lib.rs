//! The bundled slack plugin: posts messages to an incoming webhook of Slack, or of Mattermost.
//!
//! | key | value |
//! | --- | --- |
//! | `url` | of the incoming webhook, as a text or `{"secret": "name"}`; required. Its host must be granted under `allow.http` |
//! | `format` | `blocks` (default) for Slack; `attachment` for Mattermost, which does not know blocks |
//!
//! and those of every message channel: `title`, `body`, `overflow`, `timeout`, `pace` (default `"1s"`, as Slack asks for),
//! `dry_run`. A body that is split becomes several sections of one message.
//!
//! Recipients are mentioned: ids of members (`U…`, `W…`) and of groups (`S…`), `here` and `channel`; whatever else is shown
//! as `@name`, which only Mattermost takes for a mention.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `Retry-After` says |
//! | 403 | never again: the hook may not post there, see the text |
//! | 404, 410 | never again, and the channel stops: the hook or its channel is gone |
//! | any other | never again |

mod config;
mod payload;

pub use config::Config;

use config::Format;
use http::{Request, Uri};
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};
use plugin_message::{Meaning, Outbox, Said, Service, Settings, json_post};
use serde_json::json;

/// docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, "Handling errors": 404 is `no_service`,
/// `channel_not_found`, `no_team`; 410 is `channel_is_archived`.
static SERVICE: Service = Service {
    rows: &[
        (404..=404, Meaning::Disable("make a new webhook")),
        (410..=410, Meaning::Disable("the channel is archived")),
    ],
    read: Said::plain,
};

/// The same place: messages without text are refused as `no_text` by a webhook that would post others. Mattermost refuses
/// them whether it knows the webhook or not.
static PROBED: Service = Service {
    rows: &[
        (400..=400, Meaning::Delivered),
        (404..=404, Meaning::Disable("make a new webhook")),
        (410..=410, Meaning::Disable("the channel is archived")),
    ],
    read: Said::plain,
};

/// Posts messages.
#[derive(Debug)]
pub struct Slack {
    url: Uri,
    format: Format,
    settings: Settings,
    outbox: Outbox,
}

impl Slack {
    fn requests(&self, delivery: &Delivery) -> Result<Vec<Request<String>>, Problem> {
        let message = self.settings.message(delivery)?;
        let payload = match self.format {
            Format::Blocks => payload::blocks(delivery, &message, self.settings.overflow)?,
            Format::Attachment => payload::attachment(delivery, &message, self.settings.overflow)?,
        };
        Ok(vec![json_post(&self.url, &payload)])
    }
}

impl Channel for Slack {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let (url, secrets, format, settings) = config.check()?;
        let outbox = Outbox::new(&SERVICE, &settings, &url.to_string(), secrets);
        Ok(Self {
            url,
            format,
            settings,
            outbox,
        })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        self.outbox.deliver(batch, |delivery| self.requests(delivery))
    }

    fn check_health(&mut self) -> Result<(), String> {
        self.outbox
            .probe_with(json_post(&self.url, &json!({"text": ""})), &PROBED)
    }
}

export_channel! {
    Slack,
    name: "slack",
    description: "Posts messages to an incoming webhook of Slack or Mattermost.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
