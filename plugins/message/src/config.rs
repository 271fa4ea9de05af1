//! The keys that all channels understand, and the texts that come of them.

use crate::{Limit, Overflow, SecretText, Templates, chars, clean};
use http::Uri;
use patchpanel_plugin::{ConfigError, Delivery, Event, HumanDuration, Problem};
use serde::Deserialize;
use std::time::Duration;

/// As written; see the crate's documentation. For `#[serde(flatten)]`.
#[derive(Debug, Default, Deserialize)]
pub struct Common {
    title: Option<String>,
    body: Option<String>,
    #[serde(default)]
    overflow: Overflow,
    timeout: Option<HumanDuration>,
    pace: Option<HumanDuration>,
    #[serde(default)]
    dry_run: bool,
}

/// What a channel does where the operator says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Of `title`.
    pub title: &'static str,
    /// Of `body`.
    pub body: &'static str,
    /// Of `pace`.
    pub pace: Duration,
}

impl Defaults {
    /// Level and type above the message, as fast as it goes.
    pub const USUAL: Self = Self {
        title: "{{ level | upper }}: {{ type }}",
        body: "{{ message }}",
        pace: Duration::ZERO,
    };

    /// The same, at a pace.
    #[must_use]
    pub const fn paced(pace: Duration) -> Self {
        Self { pace, ..Self::USUAL }
    }
}

/// As needed.
#[derive(Debug)]
pub struct Settings {
    templates: Templates,
    /// What becomes of a body that is too long.
    pub overflow: Overflow,
    /// For one request.
    pub timeout: Duration,
    /// Between two messages.
    pub pace: Duration,
    /// Nothing is sent.
    pub dry_run: bool,
}

/// What is to be told, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// On one line, never empty.
    pub title: String,
    /// Of any number of lines, or empty.
    pub body: String,
}

/// Of one request.
const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Beyond any use, and far below what the clock of `wasi:http` can count.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// More would be none at all.
const LONGEST_PACE: Duration = Duration::from_secs(60 * 60);

impl Common {
    /// Checks all, and adds what is wrong to `errors`.
    pub fn check(self, defaults: Defaults, errors: &mut Vec<ConfigError>) -> Settings {
        let mut templates = Templates::new();
        let title = self.title.as_deref().unwrap_or(defaults.title);
        let body = self.body.as_deref().unwrap_or(defaults.body);
        errors.extend(
            [("title", title), ("body", body)]
                .into_iter()
                .filter_map(|(path, source)| templates.add(path, source).err()),
        );
        let timeout = self.timeout.map_or(USUAL_TIMEOUT, |timeout| timeout.0);
        errors.extend(check_timeout(timeout).err());
        let pace = self.pace.map_or(defaults.pace, |pace| pace.0);
        if pace > LONGEST_PACE {
            errors.push(ConfigError::new("pace", "must be at most 1h"));
        }
        Settings {
            templates,
            overflow: self.overflow,
            timeout,
            pace,
            dry_run: self.dry_run,
        }
    }
}

/// # Errors
/// Where no request could be answered in time, or the clock cannot count so far.
pub fn check_timeout(timeout: Duration) -> Result<(), ConfigError> {
    match timeout {
        Duration::ZERO => Err(ConfigError::new("timeout", "must be more than 0")),
        _ if timeout > LONGEST_TIMEOUT => Err(ConfigError::new("timeout", "must be at most 1h")),
        _ => Ok(()),
    }
}

/// Reads a URL with a host, over HTTP.
///
/// # Errors
/// What is wrong with it; it is not repeated, because it may be secret.
pub fn check_url(text: &str) -> Result<Uri, &'static str> {
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

/// Reads the URL of a hook, most of which is a password; and what of it no message may repeat.
///
/// # Errors
/// What is wrong with it.
pub fn hook(url: &SecretText) -> Result<(Uri, Vec<String>), String> {
    let url = check_url(&url.read()?)?;
    let path = url.path();
    let last = path.rsplit('/').next().unwrap_or_default();
    // A short path is an address; what protects a hook is long.
    let parts = [url.path_and_query().map_or(path, |whole| whole.as_str()), path, last];
    let secrets = parts
        .into_iter()
        .filter(|part| part.len() >= LEAST_SECRET)
        .map(str::to_owned)
        .collect();
    Ok((url, secrets))
}

/// Shorter parts of a URL are no passwords.
const LEAST_SECRET: usize = 8;

/// Characters of each part of a footer.
const PART: usize = 60;

/// Where an event comes from, on one line: source, subject, correlation id, time.
#[must_use]
pub fn footer(event: &Event) -> String {
    let time = event.rfc3339();
    let parts = [
        Some(event.source.as_str()),
        event.subject.as_deref(),
        event.correlation_id.as_deref(),
        Some(time.as_str()),
    ];
    let short = |text: &str| Limit::new(PART, chars).truncate(&clean::line(text));
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(short)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" · ")
}

impl Settings {
    /// What a delivery is to say.
    ///
    /// # Errors
    /// Where a template cannot be rendered.
    pub fn message(&self, delivery: &Delivery) -> Result<Message, Problem> {
        let title = clean::line(&self.templates.render("title", delivery)?);
        let title = if title.is_empty() {
            clean::line(&delivery.event.type_)
        } else {
            title
        };
        let body = clean::text(&self.templates.render("body", delivery)?);
        Ok(Message { title, body })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing::delivery;

    fn check(json: &str) -> (Settings, Vec<ConfigError>) {
        let mut errors = Vec::new();
        let common: Common = serde_json::from_str(json).unwrap();
        (common.check(Defaults::USUAL, &mut errors), errors)
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let (_, errors) = check(r#"{"title": "{{", "body": "{{ a | b }}", "timeout": 0, "pace": "2h"}"#);
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["title", "body", "timeout", "pace"]);
        assert_eq!(check("{}").1, []);
    }

    #[test]
    fn messages_are_clean_and_have_a_title() {
        let mut delivery = delivery("1", "build.failed");
        delivery.event.message = "a\r\n\u{1b}b\u{202e} ".to_owned();
        let usual = check("{}").0.message(&delivery).unwrap();
        assert_eq!(
            (usual.title.as_str(), usual.body.as_str()),
            ("INFO: build.failed", "a\nb")
        );
        let own = check(r#"{"title": "{{ subject }}\n", "body": "{{ subject }}"}"#)
            .0
            .message(&delivery)
            .unwrap();
        assert_eq!((own.title.as_str(), own.body.as_str()), ("build.failed", ""));
    }

    #[test]
    fn hooks_are_read_and_their_passwords_known() {
        let text = |text: &str| SecretText::Text(text.to_owned());
        let (url, secrets) = hook(&text("https://h.example/services/T0/B0/abcdefgh")).unwrap();
        assert_eq!(url.host(), Some("h.example"));
        assert_eq!(
            secrets,
            ["/services/T0/B0/abcdefgh", "/services/T0/B0/abcdefgh", "abcdefgh"]
        );
        assert_eq!(hook(&text("http://127.0.0.1:1/")).unwrap().1, [] as [String; 0]);
        assert!(hook(&text("hooks.example")).is_err());
    }

    #[test]
    fn footers_say_where_from() {
        let mut event = delivery("1", "t").event;
        assert_eq!(footer(&event), "1970-01-01T00:00:00Z");
        event.source = "ci\n".to_owned();
        event.subject = Some("x".repeat(100));
        event.correlation_id = Some("c".to_owned());
        assert_eq!(
            footer(&event),
            format!("ci · {}… · c · 1970-01-01T00:00:00Z", "x".repeat(59))
        );
    }

    #[test]
    fn urls() {
        assert!(check_url("https://h.example:8443/x?y=z").is_ok());
        for url in ["", "h.example", "/x", "https://", "https://u:p@h.example", "ftp://h"] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
