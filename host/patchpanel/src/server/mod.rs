//! The HTTP interface.

mod events;
mod problem;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router as Routes};
use patchpanel_event::Limits;
use patchpanel_router::Router;
use patchpanel_runtime::{PluginState, Registry};
use serde_json::json;
use tokio::net::TcpListener;

use problem::Problem;

/// What requests work with.
pub(crate) struct App {
    pub(crate) router: Arc<Router>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) limits: Limits,
    pub(crate) max_body: usize,
}

/// Serves until `shut` is done, then lets running requests finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    shut: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, routes(app)).with_graceful_shutdown(shut).await
}

fn routes(app: Arc<App>) -> Routes {
    Routes::new()
        .route("/v1/events", post(events::publish))
        .route("/v1/plugins", get(plugins))
        .route("/v1/stats", get(stats))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(app.max_body))
        .with_state(app)
}

/// The process runs.
async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

/// Events are accepted.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    if app.router.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"}))).into_response();
    }
    let statuses = app.registry.statuses().into_iter();
    let quarantined: Vec<String> = statuses
        .filter(|plugin| plugin.state == PluginState::Quarantined)
        .map(|plugin| plugin.name)
        .collect();
    Json(json!({"status": "ready", "quarantined_plugins": quarantined})).into_response()
}

async fn plugins(State(app): State<Arc<App>>) -> Response {
    let generation = app.registry.generation().number;
    Json(json!({"generation": generation, "plugins": app.registry.statuses()})).into_response()
}

async fn stats(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    Ok(Json(app.router.stats().await?).into_response())
}

async fn unknown(uri: Uri) -> Problem {
    let known = "POST /v1/events, GET /v1/plugins, GET /v1/stats, GET /healthz, GET /readyz";
    Problem::not_found(format!(
        "{} is not a path of this router; there are {known}",
        uri.path()
    ))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let right = if uri.path() == "/v1/events" { "POST" } else { "GET" };
    Problem::method(format!("{} answers to {right}, not to {method}", uri.path()))
}
