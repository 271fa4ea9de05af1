//! Outgoing HTTP, any number of requests in one call. For channels, where the declaration asks for `http` and the operator
//! grants it. Whoever has to stream uses `wasi:http`.
//!
//! Natively, in unit tests, responses are those that [`crate::testing::respond`] was given.

use std::time::Duration;

/// What is sent. Redirects are not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'r> {
    /// Such as `POST`.
    pub method: &'r str,
    /// Begins with `http://` or `https://`.
    pub url: &'r str,
    /// Name and value. `host` and the length of the body are the router's to set.
    pub headers: &'r [(&'r str, &'r str)],
    /// Empty: none.
    pub body: &'r [u8],
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// Such as 200.
    pub status: u16,
    /// Name, in lower case, and value.
    pub headers: Vec<(String, String)>,
    /// Its beginning: [`Terms::keep`] bytes at most.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// It will never work: it is not granted, or no request.
    Refused(String),
    /// It may work later.
    Retry(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(why) => write!(f, "the request was refused: {why}"),
            Self::Retry(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

/// What holds for all requests of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Time that a response may take until its body begins.
    pub timeout: Duration,
    /// Time after which no further request is begun, and a running one is given up. Keep it below the plugin's deadline, or
    /// the whole call is cut off.
    pub within: Duration,
    /// Requests in flight at most.
    pub at_once: u32,
    /// Bytes of a response's body that are wanted at most.
    pub keep: u32,
}

impl Default for Terms {
    /// 10 s for each, 25 s for all, 16 at once, 8 KiB.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            within: Duration::from_secs(25),
            at_once: 16,
            keep: 8 << 10,
        }
    }
}

/// Sends requests and answers when all are done: one result each, in order.
#[must_use]
pub fn send(requests: &[Request<'_>], terms: Terms) -> Vec<Result<Response, Error>> {
    #[cfg(target_family = "wasm")]
    {
        use crate::bindings::host::patchpanel::plugin::http as wit;
        let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let terms = wit::Terms {
            timeout: milliseconds(terms.timeout),
            within: milliseconds(terms.within),
            at_once: terms.at_once,
            keep: terms.keep,
        };
        let requests: Vec<wit::Request<'_>> = requests
            .iter()
            .map(|request| wit::Request {
                method: request.method,
                url: request.url,
                headers: request.headers,
                body: request.body,
            })
            .collect();
        let answer = |answer: Result<wit::Response, wit::Error>| match answer {
            Ok(response) => Ok(Response {
                status: response.status,
                headers: response.headers,
                body: response.body,
            }),
            Err(wit::Error::Refused(why)) => Err(Error::Refused(why)),
            Err(wit::Error::Retry(why)) => Err(Error::Retry(why)),
        };
        wit::send(&requests, terms).into_iter().map(answer).collect()
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = terms;
        requests.iter().map(native::exchange).collect()
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native {
    use super::{Error, Request, Response};
    use crate::testing::SentRequest;
    use std::cell::RefCell;
    use std::collections::VecDeque;

    thread_local! {
        pub(crate) static SENT: RefCell<Vec<SentRequest>> = const { RefCell::new(Vec::new()) };
        pub(crate) static RESPONSES: RefCell<VecDeque<Result<Response, Error>>> = const { RefCell::new(VecDeque::new()) };
    }

    pub(crate) fn exchange(request: &Request<'_>) -> Result<Response, Error> {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let sent = SentRequest {
            method: request.method.to_owned(),
            url: request.url.to_owned(),
            headers: request.headers.iter().map(header).collect(),
            body: request.body.to_vec(),
        };
        SENT.with_borrow_mut(|all| all.push(sent));
        let response = RESPONSES.with_borrow_mut(VecDeque::pop_front);
        response.unwrap_or_else(|| Err(Error::Retry("no response was prepared for it".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{respond, sent_requests};

    #[test]
    fn tests_see_what_is_sent_and_say_what_comes_back() {
        let response = Response {
            status: 429,
            headers: vec![("retry-after".to_owned(), "7".to_owned())],
            body: Vec::new(),
        };
        respond(Ok(response));
        let request = Request {
            method: "POST",
            url: "https://h.example/x",
            headers: &[("a", "b")],
            body: b"{}",
        };
        let answers = send(&[request, request], Terms::default());
        let header = answers
            .first()
            .and_then(|answer| answer.as_ref().ok()?.header("retry-after"));
        assert_eq!(header, Some("7"));
        assert!(matches!(answers.get(1), Some(Err(Error::Retry(_)))));
        let sent = sent_requests();
        assert_eq!(sent.len(), 2);
        assert!(
            sent.iter()
                .all(|sent| sent.url == "https://h.example/x" && sent.body == b"{}")
        );
        assert_eq!(sent_requests(), []);
    }
}
