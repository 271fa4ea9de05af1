//! A server that answers as its path says: `/bytes/N` with so many bytes, `/to/URL` with a redirect, `/never` not at all.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use tokio::runtime::Runtime;

/// What has come: the path, and the header `authorization`.
type Seen = Arc<Mutex<Vec<(String, Option<String>)>>>;

pub(crate) struct Server {
    pub(crate) url: String,
    seen: Seen,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start() -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let seen = Seen::default();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = axum::Router::new().fallback(answer).with_state(seen.clone());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Server {
            url,
            seen,
            _runtime: runtime,
        }
    }

    /// The address without the scheme.
    pub(crate) fn port(&self) -> &str {
        self.url.rsplit(':').next().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<(String, Option<String>)> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(seen): State<Seen>, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let header = request.headers().get("authorization");
    let header = header.map(|value| value.to_str().unwrap().to_owned());
    seen.lock().unwrap().push((path.clone(), header));
    // All of it, so that nobody is hung up on; one that breaks off is the sender's affair.
    let _ = axum::body::to_bytes(request.into_body(), usize::MAX).await;
    if let Some(bytes) = path.strip_prefix("/bytes/") {
        return "x".repeat(bytes.parse().unwrap()).into_response();
    }
    if let Some(to) = path.strip_prefix("/to/") {
        return (StatusCode::TEMPORARY_REDIRECT, [("location", to.to_owned())]).into_response();
    }
    if path == "/never" {
        std::future::pending::<()>().await;
    }
    StatusCode::OK.into_response()
}
