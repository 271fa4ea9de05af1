//! What a plugin asks for. Asking gives nothing: the plugin gets what it asks for and the operator grants.

use serde::{Deserialize, Serialize};

use crate::HttpRule;

/// Stands in a list for whatever the operator grants.
const ANY: &str = "*";

/// The `capabilities` of a declaration; unknown keys are refused. `wit/worlds.wit` documents each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// Outgoing requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpAsk>,
    /// Names of secrets, to be read or to be filled into requests; `*` is any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Files.
    #[serde(skip_serializing_if = "is_false")]
    pub directories: bool,
    /// Environment variables; `*` is any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// State of its own.
    #[serde(skip_serializing_if = "is_false")]
    pub kv: bool,
    /// The router's standard output.
    #[serde(skip_serializing_if = "is_false")]
    pub stdout: bool,
    /// Sending mail.
    #[serde(skip_serializing_if = "is_false")]
    pub mail: bool,
    /// Notifying the system's log.
    #[serde(skip_serializing_if = "is_false")]
    pub notify: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Requests that a plugin asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HttpAsk {
    /// `*`: where it sends is a matter of its configuration.
    Any,
    /// Those of a rule.
    Rule(HttpRule),
}

impl TryFrom<String> for HttpAsk {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == ANY {
            return Ok(HttpAsk::Any);
        }
        HttpRule::parse(&text)
            .map(HttpAsk::Rule)
            .map_err(|help| format!("{text:?} is not a rule for requests: {help}, or \"*\""))
    }
}

impl From<HttpAsk> for String {
    fn from(ask: HttpAsk) -> String {
        match ask {
            HttpAsk::Any => ANY.to_owned(),
            HttpAsk::Rule(rule) => rule.to_string(),
        }
    }
}

impl Capabilities {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Capabilities::default()
    }

    /// Whether such a request is asked for.
    pub fn asks_for_request(&self, method: &str, uri: &http::Uri) -> bool {
        self.http.iter().any(|ask| match ask {
            HttpAsk::Any => true,
            HttpAsk::Rule(rule) => rule.allows(method, uri),
        })
    }

    /// Whether any request under this rule is asked for.
    pub fn asks_within(&self, granted: &HttpRule) -> bool {
        self.http.iter().any(|ask| match ask {
            HttpAsk::Any => true,
            HttpAsk::Rule(rule) => rule.meets(granted),
        })
    }

    /// Whether a secret of this name is asked for.
    pub fn asks_for_secret(&self, name: &str) -> bool {
        names(&self.secrets, name)
    }

    /// Whether an environment variable of this name is asked for.
    pub fn asks_for_variable(&self, name: &str) -> bool {
        names(&self.env, name)
    }
}

fn names(list: &[String], name: &str) -> bool {
    list.iter().any(|known| known == name || known == ANY)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        let text = r#"{"http":["*","POST https://a.example:443/v1"],"secrets":["token"],"directories":true,"env":["*"],"kv":true,"stdout":true,"mail":true,"notify":true}"#;
        let asks: Capabilities = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&asks).unwrap(), text);
        assert!(asks.asks_for_secret("token") && !asks.asks_for_secret("other") && asks.asks_for_variable("HOME"));
        assert!(serde_json::from_str::<Capabilities>("{}").unwrap().is_empty());
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (text, reason) in [
            (r#"{"sockets": true}"#, "unknown field `sockets`"),
            (
                r#"{"http": ["example.com"]}"#,
                "\"example.com\" is not a rule for requests",
            ),
            (r#"{"kv": "yes"}"#, "expected a boolean"),
            (r#"{"secrets": true}"#, "expected a sequence"),
        ] {
            let error = serde_json::from_str::<Capabilities>(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
