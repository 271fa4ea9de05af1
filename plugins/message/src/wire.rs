//! The network: `wasi:http`.

use crate::work::Network;
use crate::{Reply, work};
use http::Request;
use patchpanel_plugin::Problem;
use std::rc::Rc;
use std::time::{Duration, SystemTime};
use wstd::future::FutureExt;
use wstd::http::{Body, BodyExt, Client, ErrorCode};

/// A batch of more keeps its receiver busy, not in trouble.
const AT_A_TIME: usize = 16;

/// Bytes of an answer's body that are looked at.
const READ: usize = 8 * 1024;

/// Bytes of it that are read to keep the connection: one whose answer was left unread is not used again. An answer that is
/// longer costs more than a new connection.
const DISCARDED: usize = 64 * 1024;

/// Time that reading them may take.
const LONGEST_READ: Duration = Duration::from_secs(1);

/// Does a batch, one after the other where there is a pace to keep.
pub(crate) fn run(work: work::Work, terms: &Rc<work::Terms>, count: usize) -> Vec<work::Answer> {
    let work = Rc::new(work);
    let workers = if terms.pace.is_set() { 1 } else { AT_A_TIME.min(count) };
    wstd::runtime::block_on(async {
        let worker = |_| {
            let (work, terms) = (Rc::clone(&work), Rc::clone(terms));
            wstd::runtime::spawn(async move { work.run(&terms, &Wire).await })
        };
        let workers: Vec<_> = (0..workers).map(worker).collect();
        for worker in workers {
            worker.await;
        }
    });
    work.answers()
}

/// One request, outside of a batch.
pub(crate) fn one(request: Request<String>, timeout: Duration) -> Result<Reply, Problem> {
    wstd::runtime::block_on(async { Wire.send(request, timeout).await })
}

struct Wire;

impl Network for Wire {
    async fn send(&self, request: Request<String>, timeout: Duration) -> Result<Reply, Problem> {
        let mut client = Client::new();
        client.set_connect_timeout(timeout);
        client.set_first_byte_timeout(timeout);
        let Ok(sent) = client.send(request).timeout(wstd::time::Duration::from(timeout)).await else {
            return Err(Problem::Retry(format!("no answer within {timeout:?}")));
        };
        let response = sent.map_err(|error| failed(error.downcast_ref()))?;
        let retry_after = response.headers().get(http::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let mut body = Vec::new();
        // The status has decided: a body that is late or broken only costs its words and the connection.
        let _ = read(response.into_body(), &mut body)
            .timeout(wstd::time::Duration::from(timeout.min(LONGEST_READ)))
            .await;
        Ok(Reply {
            status,
            retry_after,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    async fn sleep(&self, time: Duration) {
        wstd::task::sleep(wstd::time::Duration::from(time)).await;
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

async fn read(body: Body, kept: &mut Vec<u8>) {
    let mut body = body.into_boxed_body();
    let mut seen = 0;
    while seen < DISCARDED
        && let Some(Ok(frame)) = body.frame().await
    {
        let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
        seen += data.len();
        let room = READ.saturating_sub(kept.len()).min(data.len());
        kept.extend_from_slice(data.get(..room).unwrap_or_default());
    }
}

/// No answer came. What the operator can mend is not tried again.
fn failed(error: Option<&ErrorCode>) -> Problem {
    let refused = |why: &str| Problem::Reject(format!("the request was refused: {why}"));
    let retry = |why: &str| Problem::Retry(why.to_owned());
    match error {
        Some(ErrorCode::HttpRequestDenied) => {
            refused("it or a secret in it is not granted, see `allow` of the plugin and the router's log")
        }
        Some(ErrorCode::DestinationIpProhibited) => {
            refused("its host has a private address, grant it as such or set `allow.private_addresses`")
        }
        Some(ErrorCode::HttpRequestBodySize(_)) => refused("its body is larger than `limits.http_request_body`"),
        Some(ErrorCode::ConnectionLimitReached) => {
            retry("`limits.http_requests` or `limits.http_concurrency` of the plugin is reached")
        }
        Some(ErrorCode::ConnectionRefused) => retry("the endpoint cannot be connected to"),
        Some(ErrorCode::ConnectionTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout) => {
            retry("the endpoint did not answer in time")
        }
        _ => retry("the connection to the endpoint failed"),
    }
}
