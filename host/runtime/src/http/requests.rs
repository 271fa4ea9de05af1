//! The interface `http`: many requests in one call of a plugin.
//!
//! A request through `wasi:http` is some forty calls of the host, a task and several channels; this one is none of that,
//! which is what most of the difference to a native client was (`--bench webhook`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, WasiBody};

use super::{Egress, Refusal, Way};
use crate::bindings::http as wit;
use crate::state::State;

/// Time for the part of a body that is wanted, from its beginning.
const BODY_TIME: Duration = Duration::from_secs(1);
/// What a header takes besides its text.
const EACH_HEADER: usize = size_of::<(String, String)>();
/// Bytes that are read beyond it: a connection whose last response was left unread is not used again. A response that is
/// longer costs more than a new connection.
const DISCARDED: usize = 64 << 10;

impl wit::Host for State {
    async fn send(&mut self, requests: Vec<wit::Request>, terms: wit::Terms) -> Vec<Result<wit::Response, wit::Error>> {
        let Egress(way) = self.egress();
        let until = Instant::now() + milliseconds(terms.within);
        let room = &Room::new(way.response_body);
        let exchange = |(index, request)| async move { (index, way.exchange(request, &terms, until, room).await) };
        let at_once = terms.at_once.clamp(1, way.most_at_once.max(1)) as usize;
        let mut answers: Vec<_> = stream::iter(requests.into_iter().enumerate().map(exchange))
            .buffer_unordered(at_once)
            .collect()
            .await;
        answers.sort_unstable_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

impl Way {
    async fn exchange(
        &self,
        request: wit::Request,
        terms: &wit::Terms,
        until: Instant,
        room: &Room,
    ) -> Result<wit::Response, wit::Error> {
        let time = milliseconds(terms.timeout).min(until.saturating_duration_since(Instant::now()));
        if time.is_zero() {
            return Err(wit::Error::Retry("the time for all requests was over".to_owned()));
        }
        if request.body.len() > self.request_body {
            self.usage.hit("http_request_body");
            let reason = format!(
                "its body has more than {} bytes (`limits.http_request_body`)",
                self.request_body
            );
            return Err(wit::Error::Refused(reason));
        }
        let mut request = checked(request).map_err(wit::Error::Refused)?;
        let _place = self.prepare(&mut request)?;
        let response = match tokio::time::timeout(time, self.client().request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.sending_failed(&error).into()),
            Err(_) => return Err(wit::Error::Retry(format!("no answer within {time:?}"))),
        };
        let (head, body) = response.into_parts();
        Ok(wit::Response {
            status: head.status.as_u16(),
            headers: room.headers(&head.headers),
            body: beginning(body, terms.keep as usize, room).await,
        })
    }
}

/// What the responses of one call may have together, because all of them are held until the last one is there: so many bytes
/// of bodies, and as many of headers.
struct Room {
    bodies: AtomicUsize,
    headers: AtomicUsize,
}

impl Room {
    fn new(bytes: usize) -> Room {
        Room {
            bodies: AtomicUsize::new(bytes),
            headers: AtomicUsize::new(bytes),
        }
    }

    /// As much of it as there is room for; how much that is.
    fn take(&self, wanted: usize) -> usize {
        let left = |left: usize| Some(left.saturating_sub(wanted));
        let before = self.bodies.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        wanted.min(before.unwrap_or_else(|unchanged| unchanged))
    }

    /// All of a response, or none where there is no room for them.
    fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let bytes = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + EACH_HEADER);
        let bytes: usize = bytes.sum();
        let left = |left: usize| left.checked_sub(bytes);
        match self.headers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left) {
            Ok(_) => headers
                .iter()
                .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            Err(_) => Vec::new(),
        }
    }
}

impl From<Refusal> for wit::Error {
    fn from(refusal: Refusal) -> wit::Error {
        match refusal.error {
            Error::HttpRequestDenied | Error::DestinationIpProhibited => wit::Error::Refused(refusal.reason),
            _ => wit::Error::Retry(refusal.reason),
        }
    }
}

/// The request in the form that is sent.
fn checked(request: wit::Request) -> Result<http::Request<WasiBody>, String> {
    let length = request.body.len();
    let body = Full::from(request.body).map_err(|never| match never {}).boxed_unsync();
    let mut message = http::Request::new(body);
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| "its method is none")?;
    // Also where it is 0: RFC 9110, section 8.6.
    if length > 0 || matches!(method, Method::POST | Method::PUT | Method::PATCH) {
        message.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    *message.method_mut() = method;
    let url: Uri = request.url.parse().map_err(|_| "its URL is none")?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
        return Err("its URL must begin with http:// or https:// and a host".to_owned());
    }
    *message.uri_mut() = url;
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "it has a header whose name is none")?;
        // It is there already.
        if name == header::CONTENT_LENGTH {
            continue;
        }
        if DEFAULT_FORBIDDEN_HEADERS.contains(&name) {
            return Err(format!("the header `{name}` is for the router to set"));
        }
        let value = HeaderValue::from_maybe_shared(value.into_bytes())
            .map_err(|_| format!("the header `{name}` has a value with control characters"))?;
        message.headers_mut().append(name, value);
    }
    Ok(message)
}

/// What is wanted of a body, as far as it comes.
async fn beginning(mut body: Incoming, keep: usize, room: &Room) -> Vec<u8> {
    let mut kept = Vec::new();
    if body.is_end_stream() {
        return kept;
    }
    let mut seen = 0;
    let reading = async {
        while seen < keep.saturating_add(DISCARDED)
            && let Some(Ok(frame)) = body.frame().await
        {
            let data = frame.data_ref().map(AsRef::as_ref).unwrap_or_default();
            seen += data.len();
            let taken = room.take(keep.saturating_sub(kept.len()).min(data.len()));
            kept.extend_from_slice(data.get(..taken).unwrap_or_default());
        }
    };
    // The status is there: what is late or broken costs its words and the connection.
    let _ = tokio::time::timeout(BODY_TIME, reading).await;
    kept
}

fn milliseconds(count: u32) -> Duration {
    Duration::from_millis(count.into())
}
