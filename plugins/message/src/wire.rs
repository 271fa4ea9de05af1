//! The network: `wasi:http`.

use crate::reactor::Reactor;
use crate::work::Network;
use crate::{Reply, work};
use http::Request;
use patchpanel_plugin::Problem;
use std::time::{Duration, SystemTime};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use wasip2::io::streams::{OutputStream, StreamError};

/// A batch of more keeps its receiver busy, not in trouble.
const AT_A_TIME: usize = 16;

/// Bytes of an answer's body that are looked at.
const READ: usize = 8 * 1024;

/// Bytes of it that are read to keep the connection: one whose answer was left unread is not used again. An answer that is
/// longer costs more than a new connection.
const DISCARDED: usize = 64 * 1024;

/// The status of an answer that has no body.
const NO_CONTENT: u16 = 204;

/// Time that reading them may take.
const LONGEST_READ: Duration = Duration::from_secs(1);

/// Does a batch, one after the other where there is a pace to keep.
pub(crate) fn run(work: work::Work, terms: &work::Terms, count: usize) -> Vec<work::Answer> {
    let workers = if terms.pace.is_set() { 1 } else { AT_A_TIME.min(count) };
    let wire = Wire::default();
    wire.0.run((0..workers).map(|_| work.run(terms, &wire)));
    work.answers()
}

/// One request, outside of a batch.
pub(crate) fn one(request: Request<String>, timeout: Duration) -> Result<Reply, Problem> {
    let wire = Wire::default();
    let mut answer = None;
    let sending = async { answer = Some(wire.send(request, timeout).await) };
    wire.0.run(std::iter::once(sending));
    answer.unwrap_or_else(|| Err(Problem::Retry("the request was not sent".to_owned())))
}

#[derive(Default)]
struct Wire(Reactor);

impl Network for Wire {
    async fn send(&self, request: Request<String>, timeout: Duration) -> Result<Reply, Problem> {
        let answer = self.start(request, timeout).await?;
        self.0.ready(answer.subscribe()).await;
        let response = match answer.get() {
            Some(Ok(Ok(response))) => response,
            Some(Ok(Err(error))) => return Err(failed(&error, timeout)),
            Some(Err(())) | None => return Err(failed(&ErrorCode::InternalError(None), timeout)),
        };
        let status = response.status();
        let retry_after = match status {
            200..=299 => None,
            _ => response.headers().get("retry-after").into_iter().next(),
        };
        let body = match status {
            NO_CONTENT => String::new(),
            _ => self.read(&response, timeout.min(LONGEST_READ)).await,
        };
        Ok(Reply {
            status,
            retry_after: retry_after.and_then(|value| String::from_utf8(value).ok()),
            body,
        })
    }

    async fn sleep(&self, time: Duration) {
        self.0.sleep(time).await;
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

impl Wire {
    /// Hands a request over, up to the end of its body.
    async fn start(&self, request: Request<String>, timeout: Duration) -> Result<FutureIncomingResponse, Problem> {
        let (head, content) = request.into_parts();
        let content = content.as_bytes();
        let (message, options) = message(&head, timeout)?;
        let unsent = |error: ErrorCode| failed(&error, timeout);
        let body = message.body().map_err(broken)?;
        let stream = body.write().map_err(broken)?;
        // Before anybody reads it, so that it leaves this machine together with the head.
        let mut written = write(&stream, content).map_err(|_| broken(()))?;
        if written == content.len() {
            drop(stream);
            OutgoingBody::finish(body, None).map_err(unsent)?;
            return handle(message, Some(options)).map_err(unsent);
        }
        let answer = handle(message, Some(options)).map_err(unsent)?;
        while written < content.len() {
            self.0.ready(stream.subscribe()).await;
            match write(&stream, content.get(written..).unwrap_or_default()) {
                Ok(more) => written += more,
                // Nobody reads any more: the answer tells why.
                Err(_) => return Ok(answer),
            }
        }
        drop(stream);
        OutgoingBody::finish(body, None).map_err(unsent)?;
        Ok(answer)
    }

    /// What is looked at of a body. The status has decided: one that is late or broken only costs its words and the
    /// connection.
    async fn read(&self, response: &IncomingResponse, most: Duration) -> String {
        let (mut kept, mut seen) = (Vec::new(), 0);
        let Ok(body) = response.consume() else {
            return String::new();
        };
        let Ok(stream) = body.stream() else {
            return String::new();
        };
        while seen < DISCARDED
            && let Ok(data) = stream.read(READ as u64)
        {
            if data.is_empty() && !self.0.ready_within(stream.subscribe(), most).await {
                break;
            }
            seen += data.len();
            let room = READ.saturating_sub(kept.len()).min(data.len());
            kept.extend_from_slice(data.get(..room).unwrap_or_default());
        }
        String::from_utf8_lossy(&kept).into_owned()
    }
}

/// The head of a request, and how long its answer may take.
fn message(head: &http::request::Parts, timeout: Duration) -> Result<(OutgoingRequest, RequestOptions), Problem> {
    let fields: Vec<(String, Vec<u8>)> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_owned()))
        .collect();
    let fields = Fields::from_list(&fields).map_err(|_| {
        Problem::Reject(
            "the request was refused: it has a header that only the router may set, such as `host`".to_owned(),
        )
    })?;
    let message = OutgoingRequest::new(fields);
    let scheme = match head.uri.scheme_str() {
        Some("https") => Scheme::Https,
        _ => Scheme::Http,
    };
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let path = head.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    message
        .set_method(&Method::Other(head.method.as_str().to_owned()))
        .and_then(|()| message.set_scheme(Some(&scheme)))
        .and_then(|()| message.set_authority(authority))
        .and_then(|()| message.set_path_with_query(path))
        .map_err(broken)?;
    let options = RequestOptions::new();
    let nanos = u64::try_from(timeout.as_nanos()).ok();
    options
        .set_connect_timeout(nanos)
        .and_then(|()| options.set_first_byte_timeout(nanos))
        .map_err(broken)?;
    Ok((message, options))
}

/// As much as is taken at once; how much that is.
fn write(stream: &OutputStream, bytes: &[u8]) -> Result<usize, StreamError> {
    let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
    let taken = bytes.get(..room).unwrap_or(bytes);
    if !taken.is_empty() {
        stream.write(taken)?;
    }
    Ok(taken.len())
}

fn broken((): ()) -> Problem {
    Problem::Retry("the request could not be made".to_owned())
}

/// No answer came. What the operator can mend is not tried again.
fn failed(error: &ErrorCode, timeout: Duration) -> Problem {
    let refused = |why: &str| Problem::Reject(format!("the request was refused: {why}"));
    let retry = |why: &str| Problem::Retry(why.to_owned());
    match error {
        ErrorCode::HttpRequestDenied => {
            refused("it or a secret in it is not granted, see `allow` of the plugin and the router's log")
        }
        ErrorCode::DestinationIpProhibited => {
            refused("its host has a private address, grant it as such or set `allow.private_addresses`")
        }
        ErrorCode::HttpRequestBodySize(_) => refused("its body is larger than `limits.http_request_body`"),
        ErrorCode::ConnectionLimitReached => {
            retry("`limits.http_requests` or `limits.http_concurrency` of the plugin is reached")
        }
        ErrorCode::ConnectionRefused => retry("the endpoint cannot be connected to"),
        ErrorCode::ConnectionTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            Problem::Retry(format!("no answer within {timeout:?}"))
        }
        _ => retry("the connection to the endpoint failed"),
    }
}
