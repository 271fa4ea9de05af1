//! A web server on a free loopback port, which remembers what it is sent and answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::runtime::Runtime;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// By lower case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Status, `Retry-After` and body.
    Say(u16, Option<&'static str>, String),
    /// The same, where the body has `{path}` and `{authorization}` of the request in it.
    Echo(u16, &'static str),
    /// Nothing, ever.
    Never,
}

#[derive(Default)]
struct Shared {
    seen: Vec<Seen>,
    answers: VecDeque<Answer>,
    usual: Option<Answer>,
}

pub(crate) struct Hook {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
    _runtime: Runtime,
}

impl Hook {
    /// One that answers all requests with this status and body, unless told otherwise.
    pub(crate) fn start(status: u16, body: &str) -> Hook {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::<Mutex<Shared>>::default();
        shared.lock().unwrap().usual = Some(Answer::Say(status, None, body.to_owned()));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new().fallback(receive).with_state(shared.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Hook {
            url,
            shared,
            _runtime: runtime,
        }
    }

    /// The next requests get these answers.
    pub(crate) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.lock().unwrap().answers.extend(answers);
    }

    /// What has come so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().unwrap().seen.clone()
    }
}

async fn receive(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 24).await.unwrap_or_default();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let authorization = seen.headers.get("authorization").cloned().unwrap_or_default();
    let path = seen.path.clone();
    let answer = {
        let mut shared = shared.lock().unwrap();
        shared.seen.push(seen);
        shared.answers.pop_front().or_else(|| shared.usual.clone())
    };
    match answer {
        Some(Answer::Say(status, retry_after, body)) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            if let Some(value) = retry_after {
                let name = HeaderName::from_static("retry-after");
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        Some(Answer::Echo(status, body)) => {
            let body = body.replace("{path}", &path).replace("{authorization}", &authorization);
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        Some(Answer::Never) | None => std::future::pending().await,
    }
}
