//! For native unit tests of plugins: the calls that the router makes, without a router.

use crate::bindings::redactor::exports::patchpanel::plugin::redactor as wit;
use crate::redactor::{redact_batch, splice};
use crate::{Channel, ConfigError, Delivery, Event, Redactor, Transform, config};
use serde_json::Value;

/// Configures a redactor from JSON, as the router does.
///
/// # Errors
/// The mistakes in the configuration.
pub fn configure_redactor<T: Redactor>(json: &str) -> Result<T, Vec<ConfigError>> {
    T::configure(config::parse(json)?)
}

/// Configures a transform from JSON, as the router does.
///
/// # Errors
/// The mistakes in the configuration.
pub fn configure_transform<T: Transform>(json: &str) -> Result<T, Vec<ConfigError>> {
    T::configure(config::parse(json)?)
}

/// Configures a channel from JSON, as the router does.
///
/// # Errors
/// The mistakes in the configuration.
pub fn configure_channel<T: Channel>(json: &str) -> Result<T, Vec<ConfigError>> {
    T::configure(config::parse(json)?)
}

/// What the router would make of `text`, found at `path`.
///
/// # Errors
/// Where the plugin's edits are not well formed.
pub fn redact<T: Redactor>(plugin: &mut T, path: &str, text: &str) -> Result<String, String> {
    let batch = wit::Texts {
        paths: vec![path.to_owned()],
        texts: vec![wit::Text {
            path: 0,
            end: u32::try_from(text.len()).map_err(|_| "the text is too long")?,
        }],
        bytes: text.as_bytes().to_vec(),
    };
    Ok(splice(text, &redact_batch(plugin, &batch)?, 0))
}

/// The labels that a redactor gives what it finds in `text`, in order.
///
/// # Errors
/// Where the plugin's edits are not well formed.
pub fn labels<T: Redactor>(plugin: &mut T, path: &str, text: &str) -> Result<Vec<String>, String> {
    let batch = wit::Texts {
        paths: vec![path.to_owned()],
        texts: vec![wit::Text {
            path: 0,
            end: u32::try_from(text.len()).map_err(|_| "the text is too long")?,
        }],
        bytes: text.as_bytes().to_vec(),
    };
    let edits = redact_batch(plugin, &batch)?;
    Ok(edits
        .edits
        .iter()
        .filter_map(|edit| edits.labels.get(edit.label as usize).cloned())
        .collect())
}

/// A first attempt to deliver an otherwise empty event of this type.
#[must_use]
pub fn delivery(id: &str, event_type: &str) -> Delivery {
    Delivery {
        id: id.to_owned(),
        attempt: 1,
        replay: 0,
        subscription: "test".to_owned(),
        recipients: Vec::new(),
        event: Event::new(id, event_type),
    }
}

/// Lets time pass for the code under test, on this thread: for [`crate::now`] and for what expires in [`crate::kv`].
#[cfg(not(target_family = "wasm"))]
pub fn advance(time: std::time::Duration) {
    crate::clock::native::advance(time);
}

/// Grants a secret to the code under test, on this thread.
#[cfg(not(target_family = "wasm"))]
pub fn grant_secret(name: &str, value: &str) {
    crate::secrets::native::GRANTED.with_borrow_mut(|granted| granted.insert(name.to_owned(), value.to_owned()));
}

/// A mail that the code under test has sent.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Of the envelope.
    pub sender: String,
    /// Of the envelope.
    pub recipients: Vec<String>,
    /// With its headers.
    pub message: Vec<u8>,
}

/// What [`crate::mail::send`] was given on this thread since the last time.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn sent_mail() -> Vec<Mail> {
    crate::mail::native::SENT.take()
}

/// A request that the code under test has sent.
#[cfg(not(target_family = "wasm"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// Such as `POST`.
    pub method: String,
    /// With scheme and host.
    pub url: String,
    /// Name and value.
    pub headers: Vec<(String, String)>,
    /// Empty where it has none.
    pub body: Vec<u8>,
}

/// Prepares what the next request of [`crate::http::send`] on this thread is answered with, after those that were prepared
/// before.
#[cfg(not(target_family = "wasm"))]
pub fn respond(response: Result<crate::http::Response, crate::http::Error>) {
    crate::http::native::RESPONSES.with_borrow_mut(|responses| responses.push_back(response));
}

/// What [`crate::http::send`] was given on this thread since the last time.
#[cfg(not(target_family = "wasm"))]
#[must_use]
pub fn sent_requests() -> Vec<SentRequest> {
    crate::http::native::SENT.take()
}

/// What is wrong with a declaration: JSON that does not parse.
#[doc(hidden)]
#[must_use]
pub fn check_declaration(declaration: &[u8]) -> Vec<String> {
    match serde_json::from_slice::<Value>(declaration) {
        Ok(_) => Vec::new(),
        Err(error) => vec![format!("the declaration is not JSON: {error}")],
    }
}

/// What is wrong with a redactor's declaration: JSON that does not parse, examples that the plugin does not meet.
#[doc(hidden)]
#[must_use]
pub fn check_redactor_declaration<T: Redactor>(declaration: &[u8]) -> Vec<String> {
    let mut problems = check_declaration(declaration);
    let declaration: Value = serde_json::from_slice(declaration).unwrap_or_default();
    let examples = declaration.get("examples").and_then(Value::as_array);
    for (index, example) in examples.into_iter().flatten().enumerate() {
        if let Err(problem) = check_example::<T>(example) {
            problems.push(format!("examples.{index}: {problem}"));
        }
    }
    problems
}

fn check_example<T: Redactor>(example: &Value) -> Result<(), String> {
    let field = |key: &str| {
        example
            .get(key)
            .and_then(Value::as_str)
            .ok_or(format!("`{key}` is missing"))
    };
    let config = example.get("config").map_or("{}".to_owned(), Value::to_string);
    let mut plugin = configure_redactor::<T>(&config).map_err(|errors| format!("{errors:?}"))?;
    let (expected, found) = (field("expect")?, redact(&mut plugin, field("path")?, field("text")?)?);
    if expected == found {
        Ok(())
    } else {
        Err(format!("expected `{expected}`, found `{found}`"))
    }
}
