//! What the operator writes, checked.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use patchpanel_plugin::{ConfigError, HumanDuration};
use serde::Deserialize;

/// Set by the plugin or by HTTP itself.
const OWN_HEADERS: [&str; 6] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "content-type",
    "webhook-id",
];

/// See the crate's documentation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    timeout: Option<HumanDuration>,
}

/// Where requests go, and how.
#[derive(Debug, Clone)]
#[cfg_attr(not(target_family = "wasm"), allow(dead_code, reason = "nothing is sent natively"))]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) timeout: Duration,
}

impl Config {
    pub(crate) fn check(self) -> Result<Target, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let uri = self
            .url
            .parse::<Uri>()
            .ok()
            .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some());
        match &uri {
            None => errors.push(ConfigError::new(
                "url",
                "must be a URL such as \"https://example.com/hook\"",
            )),
            Some(uri)
                if uri
                    .authority()
                    .is_some_and(|authority| authority.as_str().contains('@')) =>
            {
                errors.push(ConfigError::new(
                    "url",
                    "must not hold a user or password; write an `authorization` header instead",
                ));
            }
            Some(_) => {}
        }
        let mut headers = Vec::new();
        for (name, value) in &self.headers {
            let path = format!("headers.{name}");
            match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                (Ok(name), _) if OWN_HEADERS.contains(&name.as_str()) => {
                    errors.push(ConfigError::new(path, "is set by the plugin itself; leave it out"));
                }
                (Ok(name), Ok(value)) => headers.push((name, value)),
                (Err(_), _) => errors.push(ConfigError::new(path, "is not a header name: letters, digits and `-`")),
                (_, Err(_)) => errors.push(ConfigError::new(path, "must not hold control characters")),
            }
        }
        let timeout = self.timeout.map_or(Duration::from_secs(10), |timeout| timeout.0);
        if timeout.is_zero() {
            errors.push(ConfigError::new("timeout", "must be more than 0"));
        }
        match uri {
            Some(uri) if errors.is_empty() => Ok(Target { uri, headers, timeout }),
            _ => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(url: &str, headers: &[(&str, &str)]) -> Vec<String> {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let checked = Config {
            url: url.to_owned(),
            headers,
            timeout: None,
        }
        .check();
        checked.err().into_iter().flatten().map(|error| error.path).collect()
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        assert_eq!(mistakes("https://example.com/a?b=c", &[("X-Team", "ops")]), [""; 0]);
        for url in [
            "",
            "example.com",
            "ftp://example.com",
            "/path",
            "https://user:password@example.com",
        ] {
            assert_eq!(mistakes(url, &[]), ["url"], "{url}");
        }
        let headers = [("Host", "x"), ("a b", "x"), ("x-lines", "a\r\nb: c")];
        assert_eq!(
            mistakes("nowhere", &headers),
            ["url", "headers.Host", "headers.a b", "headers.x-lines"]
        );
    }
}
