//! What the operator may say; the table is in the crate's documentation.

use crate::body::{Body, Named, Written};
use crate::sign::Key;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use patchpanel_plugin::{ByteSize, ConfigError, HumanDuration, secrets};
use plugin_message::{SecretText, check_timeout, check_url};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: SecretText,
    #[serde(default)]
    headers: BTreeMap<String, SecretText>,
    #[serde(default)]
    sign: Option<Vec<String>>,
    #[serde(default = "default_body")]
    body: Written,
    #[serde(default = "default_max_body")]
    max_body: ByteSize,
    #[serde(default = "default_timeout")]
    timeout: HumanDuration,
    health: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

const fn default_body() -> Written {
    Written::Named(Named::Native)
}

const fn default_max_body() -> ByteSize {
    ByteSize(1 << 20)
}

const fn default_timeout() -> HumanDuration {
    HumanDuration(Duration::from_secs(10))
}

/// The configuration as needed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) url: Uri,
    /// Marked sensitive, so that debug output leaves the values out.
    pub(crate) headers: HeaderMap,
    pub(crate) keys: Vec<Key>,
    pub(crate) body: Body,
    pub(crate) max_body: usize,
    pub(crate) timeout: Duration,
    /// What tells whether the receiver is well.
    pub(crate) health: Option<Uri>,
    pub(crate) dry_run: bool,
    /// What no message may repeat.
    pub(crate) secrets: Vec<String>,
}

/// The plugin's own, or the connection's: the router refuses requests that carry one of those.
const RESERVED: [&str; 15] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "http2-settings",
    "keep-alive",
    "patchpanel-replay",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

impl Config {
    pub(crate) fn check(self) -> Result<Settings, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let mut known_secrets = Vec::new();
        let url = self.url.read().and_then(|text| check_url(&text).map_err(str::to_owned));
        let url = url.map_err(|error| errors.push(ConfigError::new("url", error))).ok();
        if let (Some(url), SecretText::Secret { .. }) = (&url, &self.url) {
            known_secrets.extend(url.path_and_query().map(|path| path.as_str().to_owned()));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            match header(name, value) {
                // Names differ by more than case, or one of the two would be lost.
                Ok((known, _, _)) if headers.contains_key(&known) => {
                    errors.push(ConfigError::new(format!("headers.{name}"), "is given twice"));
                }
                Ok((name, value, secret)) => {
                    headers.insert(name, value);
                    known_secrets.extend(secret);
                }
                Err(error) => errors.push(ConfigError::new(format!("headers.{name}"), error)),
            }
        }
        let keys = keys(self.sign.as_deref(), &mut errors);
        let body = self.body.check(&mut errors);
        if self.max_body.0 == 0 {
            errors.push(ConfigError::new("max_body", "must be more than 0"));
        }
        errors.extend(check_timeout(self.timeout.0).err());
        let health = self.health.as_deref().map(check_url).transpose();
        let health = health.map_err(|error| errors.push(ConfigError::new("health", error)));
        match (url, health) {
            (Some(url), Ok(health)) if errors.is_empty() => Ok(Settings {
                url,
                headers,
                keys,
                body,
                max_body: usize::try_from(self.max_body.0).unwrap_or(usize::MAX),
                timeout: self.timeout.0,
                health,
                dry_run: self.dry_run,
                secrets: known_secrets,
            }),
            _ => Err(errors),
        }
    }
}

fn keys(names: Option<&[String]>, errors: &mut Vec<ConfigError>) -> Vec<Key> {
    if names.is_some_and(<[String]>::is_empty) {
        errors.push(ConfigError::new(
            "sign",
            "names no secret: leave it out to sign nothing",
        ));
    }
    let mut keys = Vec::new();
    for (index, name) in names.unwrap_or_default().iter().enumerate() {
        let key = secrets::get(name).map_err(|error| error.to_string());
        match key.and_then(|text| Key::parse(&text).map_err(str::to_owned)) {
            Ok(key) => keys.push(key),
            Err(error) => errors.push(ConfigError::new(format!("sign.{index}"), error)),
        }
    }
    keys
}

/// Name and value, and the value as text where it is secret.
fn header(name: &str, value: &SecretText) -> Result<(HeaderName, HeaderValue, Option<String>), String> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is not the name of a header")?;
    if RESERVED.contains(&header.as_str()) || header.as_str().starts_with("ce-") {
        return Err("is set by the plugin".to_owned());
    }
    let text = value.read()?;
    let secret = match value {
        SecretText::Text(_) => None,
        SecretText::Secret { prefix, .. } => text.strip_prefix(prefix.as_str()).map(str::to_owned),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| "must have visible ASCII characters only")?;
    value.set_sensitive(true);
    Ok((header, value, secret))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing::grant_secret;

    fn check(json: &str) -> Result<Settings, Vec<ConfigError>> {
        serde_json::from_str::<Config>(json).unwrap().check()
    }

    fn paths(errors: &[ConfigError]) -> Vec<&str> {
        errors.iter().map(|error| error.path.as_str()).collect()
    }

    #[test]
    fn a_configuration() {
        grant_secret("token", "s3cret");
        grant_secret("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let settings = check(
            r#"{"url": "https://h.example:8443/x?y=z", "timeout": 1500, "sign": ["key"], "body": "cloudevents", "max_body": "64KiB",
                "headers": {"X-A": "b", "Authorization": {"secret": "token", "prefix": "Bearer "}}}"#,
        )
        .unwrap();
        assert_eq!(settings.url.to_string(), "https://h.example:8443/x?y=z");
        assert_eq!(settings.timeout, Duration::from_millis(1500));
        assert_eq!(settings.headers.get("authorization").unwrap(), "Bearer s3cret");
        assert_eq!((settings.keys.len(), settings.max_body), (1, 64 << 10));
        assert_eq!(settings.secrets, ["s3cret"]);
        assert!(!format!("{:?}", settings.headers).contains("s3cret"));
    }

    #[test]
    fn a_whole_url_may_be_secret() {
        grant_secret("url", "https://h.example/hooks/s3cret\n");
        let settings = check(r#"{"url": {"secret": "url"}}"#).unwrap();
        assert_eq!(
            (settings.url.path(), settings.secrets),
            ("/hooks/s3cret", vec!["/hooks/s3cret".to_owned()])
        );
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        grant_secret("short", "whsec_aHVudGVyMg==");
        let errors = check(
            r#"{"url": "ftp://h", "timeout": 0, "headers": {"a b": "", "Host": "x", "C": "\n", "D": {"secret": "none"}, "ce-id": "1"},
                "sign": ["none", "short"], "body": {"template": "{{", "content_type": "a\nb"}, "max_body": 0, "health": "/up"}"#,
        )
        .unwrap_err();
        assert_eq!(
            paths(&errors),
            [
                "url",
                "headers.C",
                "headers.D",
                "headers.Host",
                "headers.a b",
                "headers.ce-id",
                "sign.0",
                "sign.1",
                "body.template",
                "body.content_type",
                "max_body",
                "timeout",
                "health"
            ]
        );
        let errors = check(r#"{"url": "http://h", "timeout": "999999d", "sign": [], "headers": {"X-A": "1", "x-a": "2", "Proxy-Authorization": "x"}}"#).unwrap_err();
        assert_eq!(
            paths(&errors),
            ["headers.Proxy-Authorization", "headers.x-a", "sign", "timeout"]
        );
    }
}
