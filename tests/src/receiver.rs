//! A web hook's other side, on a free loopback port.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::runtime::Runtime;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Received {
    /// The idempotency key.
    pub delivery: String,
    /// The number of the replay, if it is one.
    pub replay: Option<u32>,
    /// The event.
    pub event: Value,
}

#[derive(Default)]
struct Shared {
    received: Vec<Received>,
    /// Answers to give before it is 200 for all.
    answers: VecDeque<(u16, Option<u64>)>,
}

/// Takes POST requests and remembers them.
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    shared: Arc<Mutex<Shared>>,
    _runtime: Runtime,
}

impl Default for Receiver {
    fn default() -> Self {
        Receiver::start()
    }
}

impl Receiver {
    /// Starts to listen.
    pub fn start() -> Receiver {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let shared = Arc::<Mutex<Shared>>::default();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let url = format!(
            "http://{}",
            listener.local_addr().expect("a bound socket has an address")
        );
        let routes = axum::Router::new().route("/", post(receive)).with_state(shared.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Receiver {
            url,
            shared,
            _runtime: runtime,
        }
    }

    /// The next requests get these answers: status, and seconds of `Retry-After`.
    pub fn answer(&self, answers: &[(u16, Option<u64>)]) {
        self.shared.lock().expect("no handler panics").answers.extend(answers);
    }

    /// What has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().expect("no handler panics").received.clone()
    }
}

async fn receive(
    State(shared): State<Arc<Mutex<Shared>>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, HeaderMap) {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let delivery = header("webhook-id").unwrap_or_default().to_owned();
    let replay = header("patchpanel-replay").and_then(|number| number.parse().ok());
    let event = serde_json::from_str(&body).unwrap_or(Value::String(body));
    let mut shared = shared.lock().expect("no handler panics");
    shared.received.push(Received {
        delivery,
        replay,
        event,
    });
    let (status, retry_after) = shared.answers.pop_front().unwrap_or((200, None));
    let mut headers = HeaderMap::new();
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", seconds.into());
    }
    (StatusCode::from_u16(status).expect("a status"), headers)
}
