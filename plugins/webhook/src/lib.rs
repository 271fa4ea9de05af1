//! The bundled webhook plugin: posts events to a URL, as their native JSON.
//!
//! | key | value |
//! | --- | --- |
//! | `url` | `http://` or `https://`; required. Its host must be granted under `allow.http` |
//! | `headers` | sent with every request: a text, or `{"secret": "name", "prefix": "Bearer "}` for one that stays secret |
//! | | (a text may also hold `{{secret:NAME}}`, here and in `url`: then not even the plugin sees it; see `allow.secrets_for_http`) |
//! | `timeout` | for one request, such as `"10s"` (default) or a number of milliseconds |
//!
//! Every request carries `webhook-id`, the same over all attempts, by which the receiver can tell repetitions. Those of a
//! replay carry `patchpanel-replay`, its number, too.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `Retry-After` says, but within a day |
//! | 410 | never again, and the channel stops: the endpoint is gone |
//! | any other, redirects too | never again |

// Natively nothing is sent, so nothing is answered.
#[cfg(any(target_family = "wasm", test))]
mod answer;
mod config;
mod request;
mod send;

pub use config::Config;

use config::Settings;
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};
use std::rc::Rc;

/// Posts events.
#[derive(Debug)]
pub struct Webhook {
    settings: Rc<Settings>,
}

impl Channel for Webhook {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Self {
            settings: Rc::new(config.check()?),
        })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        let requests = batch
            .iter()
            .map(|delivery| request::build(&self.settings, delivery))
            .collect();
        send::all(&self.settings, requests)
    }
}

export_channel! {
    Webhook,
    name: "webhook",
    description: "Posts events to a URL as JSON.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"]}"#,
    config_schema: include_str!("schema.json"),
}
