//! The bundled web hook plugin: POSTs events as JSON.
//!
//! | key | value |
//! | --- | --- |
//! | `url` | where to; `https` or `http`; its host must be granted under `allow.http`; required |
//! | `headers` | further request headers, such as `{ "X-Team" = "ops" }` |
//! | `timeout` | how long the other side may take to answer, such as `"10s"`, the default |
//!
//! Each request carries the delivery's id as `webhook-id`: it is the same when a delivery is tried again. What an answer
//! leads to is decided in [`answer`].

mod answer;
mod config;
#[cfg(target_family = "wasm")]
mod send;

pub use answer::{Answer, judge};
pub use config::Config;

use config::Target;
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};

/// Sends events to one URL.
#[derive(Debug)]
pub struct Webhook {
    target: Target,
}

impl Channel for Webhook {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Webhook {
            target: config.check()?,
        })
    }

    #[cfg(target_family = "wasm")]
    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        send::all(&self.target, batch)
    }

    #[cfg(not(target_family = "wasm"))]
    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        let outside = || {
            Err(Problem::Reject(format!(
                "nothing is sent to {} outside of the sandbox",
                self.target.uri
            )))
        };
        batch.iter().map(|_| outside()).collect()
    }
}

export_channel! {
    Webhook,
    name: "webhook",
    description: "POSTs events as JSON to a URL.",
    capabilities: r#"{"http": ["the host of `url`"]}"#,
    config_schema: include_str!("schema.json"),
}
