//! Secrets that a plugin sends without seeing them.
//!
//! The operator writes `{{secret:NAME}}` into the plugin's configuration. The plugin finds a token in its place, and where
//! it puts the token into a header or the URL of a request, the host puts the value. Tokens are random, so nothing that
//! an event says can be taken for one. The value is filled in after the request was held against the grants, and only
//! where the secret's own rules let it go.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::{HeaderValue, Uri, uri::PathAndQuery};
use serde_json::Value;
use uuid::Uuid;

use crate::grants::Given;
use crate::{ConfigMistake, LoadError};

const OPEN: &str = "{{secret:";
const CLOSE: &str = "}}";

/// The tokens of one configured plugin, by the names of their secrets.
#[derive(Default)]
pub(crate) struct Placeholders(BTreeMap<String, String>);

impl Placeholders {
    pub(crate) fn new<'n>(names: impl Iterator<Item = &'n String>) -> Self {
        let token = || format!("patchpanel-secret-{}", Uuid::now_v7().simple());
        Placeholders(names.map(|name| (name.clone(), token())).collect())
    }

    /// The configuration as the plugin gets it.
    ///
    /// # Errors
    /// Names of secrets that are not granted for this.
    pub(crate) fn configuration(&self, config: &Value) -> Result<String, LoadError> {
        let mut config = config.clone();
        let mut mistakes = Vec::new();
        self.insert(&mut config, "", &mut mistakes);
        if mistakes.is_empty() {
            Ok(config.to_string())
        } else {
            Err(LoadError::Configuration(mistakes))
        }
    }

    fn insert(&self, value: &mut Value, path: &str, mistakes: &mut Vec<ConfigMistake>) {
        let below = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        match value {
            Value::String(text) if text.contains(OPEN) => match self.tokens_in(text) {
                Ok(with_tokens) => *text = with_tokens,
                Err(message) => mistakes.push(ConfigMistake {
                    path: path.to_owned(),
                    message,
                }),
            },
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.insert(item, &below(&index.to_string()), mistakes);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    self.insert(member, &below(name), mistakes);
                }
            }
            _ => {}
        }
    }

    fn tokens_in(&self, text: &str) -> Result<String, String> {
        let mut with_tokens = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(OPEN) {
            let (name, after) = behind
                .split_once(CLOSE)
                .ok_or_else(|| format!("`{OPEN}` is not closed: write {OPEN}NAME{CLOSE}"))?;
            let token = self.0.get(name).ok_or(
                "names a secret that is not granted for requests, or not asked for: see `allow.secrets_for_http` of the plugin",
            )?;
            with_tokens.push_str(before);
            with_tokens.push_str(token);
            rest = after;
        }
        with_tokens.push_str(rest);
        Ok(with_tokens)
    }

    /// Whether all secrets can be read whose tokens stand in this configuration.
    ///
    /// # Errors
    /// The first that cannot; names it and its source, never its value.
    pub(crate) fn readable(&self, given: &Given, configuration: &str) -> Result<(), String> {
        let used = self
            .0
            .iter()
            .filter(|(_, token)| configuration.contains(token.as_str()));
        for (name, _) in used {
            if let Some(grant) = given.grants.secrets_for_http.get(name) {
                let value = grant.source.read();
                value.map_err(|reason| format!("the secret `{name}` cannot be read: {reason}"))?;
            }
        }
        Ok(())
    }

    /// Puts values in the place of tokens in headers and URL. Returns how many there were.
    ///
    /// # Errors
    /// Why the request must not be sent; names secrets, never values.
    pub(crate) fn fill<B>(&self, given: &Given, request: &mut http::Request<B>) -> Result<usize, String> {
        let mut filled = 0;
        let target = request.uri().clone();
        for (name, token) in &self.0 {
            let in_headers = request.headers().values().any(|value| holds(value.as_bytes(), token));
            let in_url = target
                .path_and_query()
                .is_some_and(|path| path.as_str().contains(token));
            if !in_headers && !in_url {
                continue;
            }
            let grant = given.grants.secrets_for_http.get(name);
            let grant = grant
                .filter(|grant| {
                    grant
                        .to
                        .iter()
                        .any(|rule| rule.allows(request.method().as_str(), &target))
                })
                .ok_or_else(|| format!("the secret `{name}` may not be sent there"))?;
            let secret = grant.source.read()?;
            given.masks.remember(&secret);
            for value in request
                .headers_mut()
                .values_mut()
                .filter(|value| holds(value.as_bytes(), token))
            {
                *value = in_header(value, token, &secret)
                    .ok_or_else(|| format!("the secret `{name}` cannot stand in a header"))?;
                filled += 1;
            }
            if in_url {
                *request.uri_mut() = in_path(request.uri(), token, &encoded(&secret))
                    .ok_or_else(|| format!("the secret `{name}` cannot stand in a URL"))?;
                filled += 1;
            }
        }
        // A value could lead out of the granted path, or out of the rules of another secret.
        if filled > 0 && given.check_request(request.method().as_str(), request.uri()).is_err() {
            return Err("with its secrets in place, the URL is not within the granted path".to_owned());
        }
        Ok(filled)
    }
}

fn holds(bytes: &[u8], token: &str) -> bool {
    bytes.windows(token.len()).any(|window| window == token.as_bytes())
}

fn in_header(value: &HeaderValue, token: &str, secret: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&value.to_str().ok()?.replace(token, secret)).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn in_path(uri: &Uri, token: &str, secret: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    let path = parts.path_and_query.as_ref()?.as_str().replace(token, secret);
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// Percent-encoded, but for what means nothing in any part of a URL (RFC 3986, section 2.3).
pub(crate) fn encoded(secret: &str) -> String {
    let mut encoded = String::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::{FillGrant, Grants, HttpRule, SecretSource};
    use serde_json::json;

    fn given(directory: &tempfile::TempDir, value: &str) -> Given {
        let file = directory.path().join("secret");
        std::fs::write(&file, value).unwrap();
        let grant = FillGrant {
            source: SecretSource::File(file),
            to: vec![HttpRule::parse("https://a.example").unwrap()],
        };
        let http = ["https://a.example/v1", "https://b.example"];
        Grants {
            http: http.iter().map(|rule| HttpRule::parse(rule).unwrap()).collect(),
            secrets_for_http: [("token".to_owned(), grant)].into(),
            ..Grants::default()
        }
        .given(&serde_json::from_str(r#"{"http": ["*"], "secrets": ["*"]}"#).unwrap())
    }

    fn request(url: &str, header: &str) -> http::Request<()> {
        http::Request::get(url)
            .header("authorization", header)
            .body(())
            .unwrap()
    }

    #[test]
    fn the_value_stands_only_where_the_host_sends_it() {
        let directory = tempfile::tempdir().unwrap();
        let given = given(&directory, "s3 cret/ä");
        let placeholders = Placeholders::new(given.grants.secrets_for_http.keys());
        let config = placeholders
            .configuration(&json!({"headers": {"a": "Bearer {{secret:token}}!"}}))
            .unwrap();
        let config: Value = serde_json::from_str(&config).unwrap();
        let written = config["headers"]["a"].as_str().unwrap();
        let token = written
            .strip_prefix("Bearer ")
            .and_then(|rest| rest.strip_suffix('!'))
            .unwrap();
        assert!(token.starts_with("patchpanel-secret-"));

        let mut sent = request(&format!("https://a.example/v1?key={token}"), "none");
        assert_eq!(placeholders.fill(&given, &mut sent), Ok(1));
        assert_eq!(sent.uri(), "https://a.example/v1?key=s3%20cret%2F%C3%A4");
        let mut sent = request("https://a.example/v1", "Bearer {{secret:token}}");
        assert_eq!(
            placeholders.fill(&given, &mut sent),
            Ok(0),
            "what an event can say means nothing"
        );
        assert_eq!(sent.headers()["authorization"], "Bearer {{secret:token}}");

        for (url, header, reason) in [
            ("https://b.example/".to_owned(), token, "may not be sent there"),
            (
                format!("https://a.example/v1/{token}"),
                "none",
                "not within the granted path",
            ),
        ] {
            let error = placeholders.fill(&given, &mut request(&url, header)).unwrap_err();
            assert!(error.contains(reason) && !error.contains("cret/"), "{error}");
        }
        let secret = |value: &str| std::fs::write(directory.path().join("secret"), value).unwrap();
        secret("two\nlines");
        let error = placeholders.fill(&given, &mut request("https://a.example/v1", token));
        assert_eq!(error, Err("the secret `token` cannot stand in a header".to_owned()));
        secret("plain");
        let mut sent = request("https://a.example/v1", &format!("Bearer {token}"));
        assert_eq!(placeholders.fill(&given, &mut sent), Ok(1));
        assert_eq!(sent.headers()["authorization"], "Bearer plain");
        assert!(!format!("{sent:?}").contains("plain"));
    }

    #[test]
    fn a_configuration_names_only_what_is_granted() {
        let mistakes = Placeholders::default().configuration(&json!({"a": ["{{secret:x}}", "{{secret:"], "b": "{{}}"}));
        let error = mistakes.unwrap_err().to_string();
        assert!(error.contains("a.0: names a secret that is not granted"), "{error}");
        assert!(error.contains("a.1: `{{secret:` is not closed"), "{error}");
        assert!(!error.contains("b:"), "{error}");
    }
}
