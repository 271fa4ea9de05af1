//! The bundled pagerduty plugin: triggers, acknowledges and resolves alerts with the Events API v2.
//!
//! | key | value |
//! | --- | --- |
//! | `routing_key` | of the integration, as a text or `{"secret": "name"}`; required |
//! | `url` | default `https://events.pagerduty.com/v2/enqueue`; its host must be granted under `allow.http` |
//! | `action` | a template of `trigger`, `acknowledge` or `resolve`; default: by the end of the type, `.resolved` or `.acknowledged`, else `trigger` |
//! | `dedup_key` | a template; alerts with the same one are one. Default: the correlation id, or else the event's id |
//!
//! and those of every message channel: `title` (the alert's summary), `body` (its details), `overflow` (`truncate` or
//! `reject`), `timeout`, `pace` (default none), `dry_run`. Payload and metadata of the event are among the details.
//!
//! An alert goes to whom the service in PagerDuty says: recipients are told in the details only.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered; the receipt is the dedup key |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `Retry-After` says |
//! | 400 | never again: PagerDuty tells what is wrong |
//! | any other | never again |

mod event;

use event::Action;
use http::Uri;
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};
use plugin_message::{
    Common, Defaults, Meaning, Outbox, Overflow, Reply, Said, SecretText, Service, Settings, Templates, check_url,
    clean, json_post,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The configuration as written; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    routing_key: SecretText,
    #[serde(default = "default_url")]
    url: String,
    #[serde(default = "default_action")]
    action: String,
    #[serde(default = "default_dedup_key")]
    dedup_key: String,
    #[serde(flatten)]
    common: Common,
}

fn default_url() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

fn default_action() -> String {
    "{% if type is endingwith('.resolved') %}resolve{% elif type is endingwith('.acknowledged') %}acknowledge{% else %}trigger{% endif %}".to_owned()
}

fn default_dedup_key() -> String {
    "{{ correlation_id or id }}".to_owned()
}

/// developer.pagerduty.com/docs/send-alert-event, "API Response Codes & Retry Logic": 202 is the good one.
static SERVICE: Service = Service { rows: &[], read };

/// What is no event is refused as such, by whoever takes events.
static PROBED: Service = Service {
    rows: &[(400..=400, Meaning::Delivered)],
    read,
};

/// `{"status", "message", "dedup_key", "errors": [..]}`.
fn read(reply: &Reply) -> Said {
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    let errors = body
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let error: Vec<&str> = text("message").into_iter().chain(errors).collect();
    Said {
        reference: text("dedup_key").map(str::to_owned),
        error: if error.is_empty() {
            Said::plain(reply).error
        } else {
            Some(error.join("; "))
        },
        wait: None,
    }
}

/// Sends alert events.
#[derive(Debug)]
pub struct PagerDuty {
    url: Uri,
    routing_key: String,
    templates: Templates,
    settings: Settings,
    outbox: Outbox,
}

impl PagerDuty {
    fn payload(&self, delivery: &Delivery) -> Result<Value, Problem> {
        let message = self.settings.message(delivery)?;
        let action = self.templates.render("action", delivery)?;
        let action = Action::parse(action.trim())?;
        let key = clean::line(&self.templates.render("dedup_key", delivery)?);
        event::payload(
            delivery,
            &message,
            action,
            &key,
            &self.routing_key,
            self.settings.overflow,
        )
    }
}

impl Channel for PagerDuty {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let routing_key = config
            .routing_key
            .read()
            .and_then(|key| event::check_routing_key(&key).map(|()| key));
        let routing_key = routing_key.map_err(|error| errors.push(ConfigError::new("routing_key", error)));
        let url = check_url(&config.url).map_err(|error| errors.push(ConfigError::new("url", error)));
        let mut templates = Templates::new();
        errors.extend(templates.add("action", &config.action).err());
        errors.extend(templates.add("dedup_key", &config.dedup_key).err());
        let settings = config.common.check(Defaults::USUAL, &mut errors);
        if settings.overflow == Overflow::Split {
            errors.push(ConfigError::new(
                "overflow",
                "an alert cannot be split: set `truncate` or `reject`",
            ));
        }
        let (Ok(routing_key), Ok(url), true) = (routing_key, url, errors.is_empty()) else {
            return Err(errors);
        };
        let outbox = Outbox::new(&SERVICE, &settings, &routing_key, vec![routing_key.clone()]);
        Ok(Self {
            url,
            routing_key,
            templates,
            settings,
            outbox,
        })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        self.outbox.deliver(batch, |delivery| {
            Ok(vec![json_post(&self.url, &self.payload(delivery)?)])
        })
    }

    fn check_health(&mut self) -> Result<(), String> {
        self.outbox.probe_with(json_post(&self.url, &json!({})), &PROBED)
    }
}

export_channel! {
    PagerDuty,
    name: "pagerduty",
    description: "Triggers, acknowledges and resolves alerts of PagerDuty.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
