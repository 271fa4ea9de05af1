//! The bundled webhook plugin: posts events to a URL, signed as of Standard Webhooks.
//!
//! | key | value |
//! | --- | --- |
//! | `url` | `http://` or `https://`, as a text or `{"secret": "name"}`; required. Its host must be granted under `allow.http` |
//! | `headers` | sent with every request: a text, or `{"secret": "name", "prefix": "Bearer "}` for one that stays secret |
//! | | (a text may also hold `{{secret:NAME}}`, here and in `url`: then not even the plugin sees it; see `allow.secrets_for_http`) |
//! | `sign` | names of secrets: `whsec_...` signs with HMAC-SHA256 (`v1`), `whsk_...` with Ed25519 (`v1a`). Several while keys are changed |
//! | `body` | `"native"` (default), `"cloudevents"` (structured), `"cloudevents-binary"`, or `{"template": "...", "content_type": "text/plain"}` |
//! | `max_body` | a larger body is rejected; default `"1MiB"` |
//! | `timeout` | for one request, such as `"10s"` (default) or a number of milliseconds |
//! | `health` | a URL that a check gets (GET, without `headers`); without it, a check looks at the configuration only |
//! | `dry_run` | true: what would be sent is logged without headers, nothing is sent |
//!
//! Every request carries `webhook-id`, the same over all attempts, by which the receiver can tell repetitions, and
//! `webhook-timestamp`, when this attempt was made; where there are keys, `webhook-signature`. Those of a replay carry
//! `patchpanel-replay`, its number, too.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 2xx | delivered |
//! | 408, 425, 429, 5xx, none at all | tried again, not before what `Retry-After` says, but within a day |
//! | 410 | never again, and the channel stops: the endpoint is gone |
//! | any other, redirects too | never again |

mod body;
mod cloudevents;
mod config;
mod request;
mod sign;

pub use config::Config;

use config::Settings;
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};
use plugin_message::{Outbox, Said, Service};
use std::time::{Duration, SystemTime};

static SERVICE: Service = Service {
    rows: &[],
    read: Said::plain,
};

/// Posts events.
#[derive(Debug)]
pub struct Webhook {
    settings: Settings,
    outbox: Outbox,
}

impl Channel for Webhook {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let settings = config.check()?;
        let (timeout, dry_run, secrets) = (settings.timeout, settings.dry_run, settings.secrets.clone());
        // Receivers of events are made for many: there is no pace to keep.
        let outbox = Outbox::with(&SERVICE, timeout, Duration::ZERO, dry_run, "", secrets);
        Ok(Self { settings, outbox })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        let now = SystemTime::now();
        self.outbox.deliver(batch, |delivery| {
            Ok(vec![request::build(&self.settings, delivery, now)?])
        })
    }

    /// There is no request that every receiver would take for none, and methods besides POST need not be granted.
    fn check_health(&mut self) -> Result<(), String> {
        match &self.settings.health {
            Some(url) => self.outbox.probe(url),
            None => Ok(()),
        }
    }
}

export_channel! {
    Webhook,
    name: "webhook",
    description: "Posts events to a URL, signed as of Standard Webhooks.",
    capabilities: r#"{"http": ["*"], "secrets": ["*"]}"#,
    config_schema: include_str!("schema.json"),
}
