//! What the operator may say; the table is in the crate's documentation.

use http::Uri;
use patchpanel_plugin::ConfigError;
use plugin_message::{Common, Defaults, SecretText, Settings, hook};
use serde::Deserialize;
use std::time::Duration;

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: SecretText,
    #[serde(default)]
    format: Format,
    #[serde(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    #[default]
    Blocks,
    Attachment,
}

/// docs.slack.dev/apis/web-api/rate-limits: "1 per second. Short bursts may be allowed" for incoming webhooks.
const PACE: Duration = Duration::from_secs(1);

impl Config {
    pub(crate) fn check(self) -> Result<(Uri, Vec<String>, Format, Settings), Vec<ConfigError>> {
        let mut errors = Vec::new();
        let hook = hook(&self.url).map_err(|error| errors.push(ConfigError::new("url", error)));
        let settings = self.common.check(Defaults::paced(PACE), &mut errors);
        match hook {
            Ok((url, secrets)) if errors.is_empty() => Ok((url, secrets, self.format, settings)),
            _ => Err(errors),
        }
    }
}
