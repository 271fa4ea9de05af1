//! What the operator may say; the table is in the crate's documentation.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use patchpanel_plugin::{ConfigError, HumanDuration, secrets};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default = "default_timeout")]
    timeout: HumanDuration,
}

/// The value of a header.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or { secret = \"name\", prefix = \"...\" }")]
enum Value {
    Text(String),
    Secret {
        secret: String,
        #[serde(default)]
        prefix: String,
    },
}

/// Without the value, which may be secret although it was written as text.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
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
    #[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "natively nothing is sent"))]
    pub(crate) timeout: Duration,
}

/// The plugin's own, or the connection's: the router refuses requests that carry one of those.
const RESERVED: [&str; 13] = [
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
];

/// Beyond any use, and far below what the clock of `wasi:http` can count.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

impl Config {
    pub(crate) fn check(self) -> Result<Settings, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let url = check_url(&self.url)
            .map_err(|error| errors.push(ConfigError::new("url", error)))
            .ok();
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            match header(&name, value) {
                // Names differ by more than case, or one of the two would be lost.
                Ok((known, _)) if headers.contains_key(&known) => {
                    errors.push(ConfigError::new(format!("headers.{name}"), "is given twice"));
                }
                Ok((name, value)) => drop(headers.insert(name, value)),
                Err(error) => errors.push(ConfigError::new(format!("headers.{name}"), error)),
            }
        }
        if self.timeout.0.is_zero() {
            errors.push(ConfigError::new("timeout", "must be more than 0"));
        } else if self.timeout.0 > LONGEST_TIMEOUT {
            errors.push(ConfigError::new("timeout", "must be at most 1h"));
        }
        match url {
            Some(url) if errors.is_empty() => Ok(Settings {
                url,
                headers,
                timeout: self.timeout.0,
            }),
            _ => Err(errors),
        }
    }
}

fn check_url(text: &str) -> Result<Uri, &'static str> {
    let url: Uri = text.parse().map_err(|_| "is not a URL")?;
    if !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err("must begin with http:// or https://");
    }
    match url.authority() {
        Some(authority) if authority.as_str().contains('@') => {
            Err("must not have a password in it: use a header with a secret")
        }
        Some(authority) if !authority.host().is_empty() => Ok(url),
        _ => Err("has no host"),
    }
}

fn header(name: &str, value: Value) -> Result<(HeaderName, HeaderValue), String> {
    let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "is not the name of a header")?;
    if RESERVED.contains(&header.as_str()) {
        return Err("is set by the plugin".to_owned());
    }
    let text = match value {
        Value::Text(text) => text,
        Value::Secret { secret, prefix } => prefix + &secrets::get(&secret).map_err(|error| error.to_string())?,
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| "must have visible ASCII characters only")?;
    value.set_sensitive(true);
    Ok((header, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing::grant_secret;

    fn check(json: &str) -> Result<Settings, Vec<ConfigError>> {
        serde_json::from_str::<Config>(json).unwrap().check()
    }

    #[test]
    fn a_configuration() {
        grant_secret("token", "s3cret");
        let settings = check(r#"{"url": "https://h.example:8443/x?y=z", "timeout": 1500, "headers": {"X-A": "b", "Authorization": {"secret": "token", "prefix": "Bearer "}}}"#).unwrap();
        assert_eq!(settings.url.to_string(), "https://h.example:8443/x?y=z");
        assert_eq!(settings.timeout, Duration::from_millis(1500));
        assert_eq!(settings.headers.get("authorization").unwrap(), "Bearer s3cret");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let errors = check(r#"{"url": "ftp://h", "timeout": 0, "headers": {"a b": "", "Host": "x", "C": "\n", "D": {"secret": "none"}}}"#).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "url",
                "headers.C",
                "headers.D",
                "headers.Host",
                "headers.a b",
                "timeout"
            ]
        );
        let errors = check(r#"{"url": "http://h", "timeout": "999999d", "headers": {"X-A": "1", "x-a": "2", "Proxy-Authorization": "x"}}"#).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["headers.Proxy-Authorization", "headers.x-a", "timeout"]);
        for url in ["", "h.example", "/x", "https://", "https://u:p@h.example"] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
