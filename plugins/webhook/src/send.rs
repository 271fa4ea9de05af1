//! The requests themselves, over wasi:http.

use std::time::SystemTime;

use patchpanel_plugin::{Delivery, Problem, Receipt};
use wstd::http::error::ErrorCode;
use wstd::http::{Body, Client, HeaderValue, Request};
use wstd::runtime::{block_on, spawn};

use crate::answer::{Answer, judge};
use crate::config::Target;

/// Requests under way at once.
const CONCURRENCY: usize = 16;

/// Sends a batch; one answer per delivery, in order.
pub(crate) fn all(target: &Target, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
    block_on(async {
        let mut answers = Vec::with_capacity(batch.len());
        for some in batch.chunks(CONCURRENCY) {
            let sending: Vec<_> = some
                .iter()
                .map(|delivery| (target.clone(), delivery.id.clone(), delivery.event.to_json()))
                .collect();
            let tasks: Vec<_> = sending
                .into_iter()
                .map(|(target, id, json)| spawn(async move { one(&target, &id, json).await }))
                .collect();
            for task in tasks {
                answers.push(task.await);
            }
        }
        answers
    })
}

async fn one(target: &Target, id: &str, json: String) -> Result<Receipt, Problem> {
    let mut client = Client::new();
    client.set_connect_timeout(target.timeout);
    client.set_first_byte_timeout(target.timeout);
    client.set_between_bytes_timeout(target.timeout);
    let mut request = Request::post(target.uri.clone())
        .header("content-type", "application/json")
        .header("user-agent", concat!("patchpanel-webhook/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    // Ids hold no control characters, but may hold more than ASCII.
    let id = HeaderValue::from_bytes(id.as_bytes())
        .map_err(|_| Problem::Reject("the delivery's id is no header value".to_owned()))?;
    let request = request
        .header("webhook-id", id)
        .body(Body::from(json))
        .map_err(|error| Problem::Reject(error.to_string()))?;
    match client.send(request).await {
        // The body of the answer is left unread: the status says it all.
        Ok(response) => {
            let retry_after = response
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok());
            judge(
                Answer {
                    status: response.status(),
                    retry_after,
                },
                SystemTime::now(),
            )
        }
        Err(error) => Err(failed(error.downcast_ref::<ErrorCode>())),
    }
}

/// No answer came. What the operator can mend is not tried again.
fn failed(error: Option<&ErrorCode>) -> Problem {
    match error {
        Some(ErrorCode::HttpRequestDenied) => Problem::Reject("the request was refused: its host is not granted, add it to `allow.http` of the plugin".to_owned()),
        Some(ErrorCode::DestinationIpProhibited) => {
            Problem::Reject("the request was refused: its host has a private address, grant it as such or set `allow.private_addresses`".to_owned())
        }
        Some(ErrorCode::HttpRequestBodySize(_)) => Problem::Reject("the request was refused: its body is larger than `limits.http_body`".to_owned()),
        Some(ErrorCode::ConnectionRefused) => Problem::Retry("the endpoint cannot be connected to".to_owned()),
        Some(ErrorCode::ConnectionTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout) => {
            Problem::Retry("the endpoint did not answer in time".to_owned())
        }
        _ => Problem::Retry("the connection to the endpoint failed".to_owned()),
    }
}
