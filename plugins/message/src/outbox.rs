//! From deliveries to answers: what a channel calls.

use crate::pace::Pace;
use crate::wire::Wire;
use crate::work::{self, Answer, Job, MOST_REQUESTS, Network as _, Terms};
use crate::{Limit, Reply, Service, Settings, bytes, judge};
use http::{HeaderValue, Method, Request, Uri, header};
use patchpanel_plugin::{Delivery, Problem, Receipt, log};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// Sends what a channel makes of its deliveries.
#[derive(Debug)]
pub struct Outbox {
    terms: Terms,
    dry_run: bool,
}

/// Bytes of a body that a dry run logs.
const SHOWN: usize = 2048;

impl Outbox {
    /// For requests of one kind. `hook` is what is not to be hurried; `secrets` are parts of the requests that no message
    /// may repeat.
    #[must_use]
    pub fn new(service: &'static Service, settings: &Settings, hook: &str, secrets: Vec<String>) -> Self {
        Self::with(
            service,
            settings.timeout,
            settings.pace,
            settings.dry_run,
            hook,
            secrets,
        )
    }

    /// The same, for channels that have keys of their own.
    #[must_use]
    pub fn with(
        service: &'static Service,
        timeout: Duration,
        pace: Duration,
        dry_run: bool,
        hook: &str,
        secrets: Vec<String>,
    ) -> Self {
        let terms = Terms {
            service,
            timeout,
            pace: Pace::new(pace, hook),
            secrets,
        };
        Self { terms, dry_run }
    }

    /// Sends the requests that `make` makes of each delivery, one after the other; one answer each, in order.
    pub fn deliver(
        &self,
        batch: &[Delivery],
        make: impl Fn(&Delivery) -> Result<Vec<Request<String>>, Problem>,
    ) -> Vec<Result<Receipt, Problem>> {
        let jobs = batch.iter().map(|delivery| Job {
            delivery: delivery.id.clone(),
            requests: make(delivery).and_then(few_enough),
        });
        if self.dry_run {
            return jobs.map(|job| self.shown(job)).collect();
        }
        work::run(jobs.collect(), &self.terms, &Wire)
    }

    /// Whether what is at this URL can be had (GET).
    ///
    /// # Errors
    /// Why it cannot.
    pub fn probe(&self, url: &Uri) -> Result<(), String> {
        let mut request = Request::new(String::new());
        *request.uri_mut() = url.clone();
        request.headers_mut().insert(header::USER_AGENT, agent());
        self.probe_with(request, self.terms.service)
    }

    /// Whether a request that changes nothing has an answer that counts as delivered in the rows of `service`.
    ///
    /// # Errors
    /// Why it has not.
    pub fn probe_with(&self, request: Request<String>, service: &Service) -> Result<(), String> {
        if self.dry_run {
            return Ok(());
        }
        let reply = Wire.send(&[request], self.terms.timeout, self.terms.timeout).pop();
        let reply = reply.unwrap_or_else(|| Err(Problem::Retry("the request was not sent".to_owned())));
        let judge = |reply: Reply| judge(service, &reply, &self.terms.secrets, SystemTime::now());
        let answer = reply.and_then(judge);
        answer.map(drop).map_err(|problem| problem.reason().to_owned())
    }

    fn shown(&self, job: Job) -> Answer {
        let requests = job.requests?;
        for request in &requests {
            let shown = Limit::new(SHOWN, bytes).truncate(request.body());
            let shown = self
                .terms
                .secrets
                .iter()
                .filter(|secret| !secret.is_empty())
                .fold(shown, |text, secret| text.replace(secret, "[redacted]"));
            // Not the URL: that of many a hook is its password.
            let host = request.uri().host().unwrap_or_default();
            log::info(
                "dry run: this would be sent",
                &[
                    ("delivery", &job.delivery),
                    ("method", request.method().as_str()),
                    ("host", host),
                    ("body", &shown),
                ],
            );
        }
        Ok(Receipt::new().detail(format!(
            "dry run: {} of {} were not sent",
            requests.len(),
            requests.len()
        )))
    }
}

fn few_enough(requests: Vec<Request<String>>) -> Result<Vec<Request<String>>, Problem> {
    if requests.len() > MOST_REQUESTS {
        return Err(Problem::Reject(format!(
            "one delivery would be {} messages, and {MOST_REQUESTS} is the most: name fewer recipients",
            requests.len()
        )));
    }
    Ok(requests)
}

/// A POST request with a JSON body.
#[must_use]
pub fn json_post(url: &Uri, body: &Value) -> Request<String> {
    let mut request = Request::new(body.to_string());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.clone();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, agent());
    request
}

const fn agent() -> HeaderValue {
    HeaderValue::from_static(concat!("patchpanel/", env!("CARGO_PKG_VERSION")))
}
