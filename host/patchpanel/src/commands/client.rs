//! A running router over HTTP, for all commands that talk to one.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Map, Value};
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::cli::PageArgs;
use crate::exit;

/// Whatever a router does for an answer is done by then.
const PATIENCE: Duration = Duration::from_secs(120);

/// One router.
pub(super) struct Client {
    agent: Agent,
    url: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Null where there was no JSON.
    pub(super) body: Value,
}

/// The router said no, or would.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
pub(super) struct Refused {
    said: String,
    /// The fault is in what was asked for.
    wrong_input: bool,
}

impl Refused {
    /// What was given cannot even be sent.
    pub(super) fn input(said: String) -> Refused {
        Refused {
            said,
            wrong_input: true,
        }
    }

    pub(super) fn code(&self) -> u8 {
        if self.wrong_input {
            exit::WRONG_INPUT
        } else {
            exit::FAILED
        }
    }
}

impl Client {
    pub(super) fn new(url: &str) -> Client {
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .new_agent();
        Client {
            agent,
            url: url.trim_end_matches('/').to_owned(),
        }
    }

    /// Asks with these parameters; those without a value are left out.
    pub(super) fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> anyhow::Result<Value> {
        let query = query
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let request = self.agent.get(format!("{}{path}", self.url)).query_pairs(query);
        self.answered(request.call())?.accepted()
    }

    /// Sends JSON.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let text = body.to_string();
        self.send(path, "application/json", text.as_bytes())?.accepted()
    }

    pub(super) fn delete(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.agent.delete(format!("{}{path}", self.url));
        self.answered(request.call())?.accepted()
    }

    /// Sends any body and returns any answer.
    pub(super) fn send(&self, path: &str, content_type: &str, body: &[u8]) -> anyhow::Result<Answer> {
        let request = self.agent.post(format!("{}{path}", self.url));
        self.answered(request.header("content-type", content_type).send(body))
    }

    fn answered(&self, response: Result<Response<Body>, ureq::Error>) -> anyhow::Result<Answer> {
        let mut response = response.with_context(|| format!("cannot reach the router at {}", self.url))?;
        let status = response.status().as_u16();
        let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
        let body = serde_json::from_reader(&mut body).unwrap_or_default();
        Ok(Answer { status, body })
    }
}

impl Answer {
    fn accepted(self) -> anyhow::Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        Err(self.refusal(&format!("it with status {}", self.status)).into())
    }

    /// `what` is what was refused, and how.
    pub(super) fn refusal(&self, what: &str) -> Refused {
        let detail = self.body.get("detail").and_then(Value::as_str);
        Refused {
            said: format!("the router refused {what}: {}", detail.unwrap_or("no reason was given")),
            wrong_input: matches!(self.status, 400 | 413 | 422),
        }
    }
}

/// An event pattern that was given as an argument. Whether it is one is for the router to say.
pub(super) fn pattern(text: &str) -> anyhow::Result<Value> {
    let read = serde_json::from_str(text);
    read.map_err(|error| Refused::input(format!("the pattern given with --filter is not JSON: {error}")).into())
}

impl PageArgs {
    /// As parameters of a path.
    pub(super) fn parameters(&self) -> Vec<(&'static str, Option<String>)> {
        vec![("limit", Some(self.limit.to_string())), ("cursor", self.cursor.clone())]
    }

    /// As fields of a body.
    pub(super) fn query(&self) -> Map<String, Value> {
        let given = self.parameters().into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))))
            .collect()
    }
}

/// Something that a path names, as a path carries it.
pub(super) fn segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
