//! What the operator allows a plugin, and what is left of that when the plugin asks for less. Nothing else is given.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::address::is_public;
use crate::mail::MailGrant;
use crate::masks::Masks;
use crate::secrets::SecretSource;
use crate::{Capabilities, HttpRule, NotifyTarget};

/// What the operator allows one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Where HTTP requests may go.
    pub http: Vec<HttpRule>,
    /// Whether names in `http` may lead to addresses of this machine or a private network.
    pub private_addresses: bool,
    /// Secrets that the plugin may read, by the names under which it asks for them.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Secrets that the host fills into requests, and that the plugin never sees for that.
    pub secrets_for_http: BTreeMap<String, FillGrant>,
    /// Directories that the plugin sees.
    pub directories: Vec<DirectoryGrant>,
    /// Environment variables that the plugin sees.
    pub env: Vec<String>,
    /// Whether it may keep state.
    pub kv: bool,
    /// Whether it writes to the router's own standard output instead of its log.
    pub stdout: bool,
    /// Mail that it may send.
    pub mail: Option<MailGrant>,
    /// Where its notifications go, if it may send any.
    pub notify: Option<NotifyTarget>,
    /// For redactors: whether what they write to their log or say in errors is shown. They see what must not be logged.
    pub log: bool,
}

/// A secret that is filled into requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillGrant {
    /// Where its value comes from.
    pub source: SecretSource,
    /// The requests that it may be part of. They must be granted, besides.
    pub to: Vec<HttpRule>,
}

/// A directory that a plugin sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryGrant {
    /// On this machine.
    pub path: PathBuf,
    /// Whether it may change what is in it.
    pub writable: bool,
    /// Where the plugin sees it; begins with `/`.
    pub shown_as: String,
}

impl fmt::Display for DirectoryGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.writable { "write" } else { "read" };
        write!(f, "{} ({mode}) as {}", self.path.display(), self.shown_as)
    }
}

/// What a plugin is given: what it asks for *and* the operator grants.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// Cut down to what is asked for, but for `http`, where each request is held against both.
    pub(crate) grants: Grants,
    asks: Capabilities,
    /// The secrets among it that were read.
    pub(crate) masks: Arc<Masks>,
}

impl Grants {
    /// What is left of the grants where a plugin asks for these.
    pub(crate) fn given(&self, asks: &Capabilities) -> Given {
        let mut grants = self.clone();
        grants.http.retain(|rule| asks.asks_within(rule));
        grants.secrets.retain(|name, _| asks.asks_for_secret(name));
        grants.secrets_for_http.retain(|name, _| asks.asks_for_secret(name));
        grants.env.retain(|name| asks.asks_for_variable(name));
        if !asks.directories {
            grants.directories.clear();
        }
        grants.mail = grants.mail.filter(|_| asks.mail);
        grants.notify = grants.notify.filter(|_| asks.notify);
        grants.kv &= asks.kv;
        grants.stdout &= asks.stdout;
        Given {
            grants,
            asks: asks.clone(),
            masks: Arc::default(),
        }
    }

    /// What is granted but not asked for, and so not given: each as a line such as `secrets: token`.
    pub(crate) fn unasked(&self, asks: &Capabilities) -> Vec<String> {
        let given = self.given(asks).grants;
        let mut unasked = Vec::new();
        let mut note = |capability: &str, lost: Vec<String>| {
            if !lost.is_empty() {
                unasked.push(format!("{capability}: {}", lost.join(", ")));
            }
        };
        let lost = |rule: &&HttpRule| !given.http.contains(rule);
        note("http", self.http.iter().filter(lost).map(ToString::to_string).collect());
        note("secrets", missing(&self.secrets, &given.secrets));
        note(
            "secrets_for_http",
            missing(&self.secrets_for_http, &given.secrets_for_http),
        );
        let lost = self
            .directories
            .iter()
            .filter(|grant| !given.directories.contains(grant));
        note("directories", lost.map(|grant| grant.shown_as.clone()).collect());
        let lost = self.env.iter().filter(|name| !given.env.contains(name));
        note("env", lost.cloned().collect());
        for (capability, granted, given) in [
            ("kv", self.kv, given.kv),
            ("stdout", self.stdout, given.stdout),
            ("mail", self.mail.is_some(), given.mail.is_some()),
            ("notify", self.notify.is_some(), given.notify.is_some()),
        ] {
            if granted && !given {
                note(capability, vec!["true".to_owned()]);
            }
        }
        unasked
    }
}

fn missing<T>(granted: &BTreeMap<String, T>, given: &BTreeMap<String, T>) -> Vec<String> {
    granted
        .keys()
        .filter(|name| !given.contains_key(*name))
        .cloned()
        .collect()
}

impl Given {
    /// Whether a request may be made; what the resolved address may be is a second question.
    ///
    /// # Errors
    /// What is missing, without the request's path: that is the plugin's text.
    pub(crate) fn check_request(&self, method: &str, uri: &http::Uri) -> Result<(), String> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let what = format!("{method} {scheme}://{host}{port}");
        if !self.grants.http.iter().any(|rule| rule.allows(method, uri)) {
            return Err(format!(
                "{what} is not granted, or not with this path; rules for requests stand in `allow.http` of the plugin"
            ));
        }
        if !self.asks.asks_for_request(method, uri) {
            return Err(format!(
                "{what} is granted, but the plugin's own declaration does not ask for it"
            ));
        }
        Ok(())
    }

    /// Whether the address that `host` was resolved to may be connected to.
    pub(crate) fn allows_address(&self, host: &str, address: IpAddr) -> bool {
        let host = host.to_ascii_lowercase();
        self.grants.private_addresses
            || is_public(address)
            || self.grants.http.iter().any(|rule| rule.names_address(&host))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn asks(text: &str) -> Capabilities {
        serde_json::from_str(text).unwrap()
    }

    fn rules(texts: &[&str]) -> Vec<HttpRule> {
        texts.iter().map(|text| HttpRule::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_plugin_is_given_what_it_asks_for_and_is_granted() {
        let secret = || SecretSource::Env("X".to_owned());
        let directory = DirectoryGrant {
            path: "/tmp".into(),
            writable: false,
            shown_as: "/in".to_owned(),
        };
        let granted = Grants {
            http: rules(&["https://a.example", "https://b.example"]),
            secrets: [("one".to_owned(), secret()), ("two".to_owned(), secret())].into(),
            directories: vec![directory],
            env: vec!["HOME".to_owned()],
            kv: true,
            stdout: true,
            ..Grants::default()
        };
        let some = asks(r#"{"http": ["GET https://a.example/v1"], "secrets": ["two", "three"], "kv": true}"#);
        let given = granted.given(&some);
        assert_eq!(given.grants.secrets.keys().collect::<Vec<_>>(), ["two"]);
        assert!(given.grants.kv && !given.grants.stdout && given.grants.directories.is_empty());
        for (method, url, expected) in [
            ("GET", "https://a.example/v1/x", true),
            ("GET", "https://a.example/v2", false),
            ("POST", "https://a.example/v1", false),
            ("GET", "https://b.example/v1", false),
        ] {
            let answer = given.check_request(method, &url.parse().unwrap());
            assert_eq!(answer.is_ok(), expected, "{method} {url}: {answer:?}");
        }
        assert_eq!(
            granted.unasked(&some),
            [
                "http: https://b.example:443",
                "secrets: one",
                "directories: /in",
                "env: HOME",
                "stdout: true"
            ]
        );
        let all =
            asks(r#"{"http": ["*"], "secrets": ["*"], "directories": true, "env": ["*"], "kv": true, "stdout": true}"#);
        assert_eq!(granted.unasked(&all), Vec::<String>::new());
        let nothing = Grants::default().given(&all);
        assert!(
            nothing
                .check_request("GET", &"https://a.example".parse().unwrap())
                .is_err()
        );
        assert_eq!(nothing.grants, Grants::default());
    }

    #[test]
    fn a_private_address_is_reached_where_it_is_named() {
        let local = Grants {
            http: rules(&["http://127.0.0.1:1"]),
            ..Grants::default()
        };
        let local = local.given(&asks(r#"{"http": ["*"]}"#));
        let loopback = "127.0.0.1".parse().unwrap();
        assert!(local.allows_address("127.0.0.1", loopback));
        assert!(!local.allows_address("rebound.example", loopback));
        assert!(!local.allows_address("localhost.", loopback));
    }
}
