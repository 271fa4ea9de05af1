//! The HTTP interface.

mod answer;
mod channels;
mod deliveries;
mod events;
mod fields;
mod history;
mod paths;
mod plugins;
mod problem;
mod pull;
mod replays;
mod subscriptions;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Request, State};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router as Routes};
use patchpanel_event::Limits;
use patchpanel_router::Router;
use patchpanel_runtime::{PluginState, Registry};
use serde_json::json;
use tokio::net::TcpListener;

use problem::Problem;

use crate::service::Desk;

/// What requests work with.
pub(crate) struct App {
    pub(crate) router: Arc<Router>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) desk: Desk,
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
        .route("/v1/events", get(history::list).post(events::publish))
        .route("/v1/events/query", get(history::show_query).post(history::query))
        .route("/v1/events/{id}", get(history::show))
        .route("/v1/events/{id}/deliveries", get(history::deliveries))
        .route("/v1/deliveries", get(deliveries::list))
        .route("/v1/deliveries/status", post(deliveries::status))
        .route("/v1/deliveries/{*id}", get(deliveries::show))
        .route("/v1/dead-letters", get(deliveries::dead))
        .route("/v1/dead-letters/redrive", post(deliveries::redrive))
        .route("/v1/dead-letters/discard", post(deliveries::discard))
        .route("/v1/dead-letters/{*id}", get(deliveries::show_dead))
        .route("/v1/replays", get(replays::list).post(replays::start))
        .route("/v1/replays/{number}", get(replays::show).delete(replays::cancel))
        .route(
            "/v1/subscriptions",
            get(subscriptions::list).post(subscriptions::create),
        )
        .route(
            "/v1/subscriptions/{name}",
            get(subscriptions::show).delete(subscriptions::remove),
        )
        .route("/v1/subscriptions/{name}/pull", post(pull::pull))
        .route("/v1/subscriptions/{name}/ack", post(pull::ack))
        .route("/v1/subscriptions/{name}/nack", post(pull::nack))
        .route("/v1/subscriptions/{name}/extend", post(pull::extend))
        .route("/v1/channels", get(channels::list))
        .route("/v1/channels/{name}/check", post(channels::check))
        .route("/v1/plugins", get(plugins::list))
        .route("/v1/plugins/{name}/promote", post(plugins::promote))
        .route("/v1/plugins/{name}/discard", post(plugins::discard))
        .route("/v1/plugins/{name}/release", post(plugins::release))
        .route("/v1/stats", get(stats))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(app.max_body))
        .layer(from_fn_with_state(app.clone(), refuse_before_it_is_sent))
        .with_state(app)
}

/// Whoever waits for a word before sending a body that is too long (`Expect: 100-continue`) is told so then, instead of
/// being cut off in the middle of it. Others are sending already.
async fn refuse_before_it_is_sent(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).filter(|_| headers.contains_key(EXPECT));
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length.is_some_and(|length| length > app.max_body as u64) {
        true => Problem::body_too_large().into_response(),
        false => next.run(request).await,
    }
}

/// What a path names: an id, or all the rest of it.
struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Named, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Named(name)),
            Err(_) => Err(Problem::request("what the path names is not UTF-8, percent-encoded")),
        }
    }
}

/// The process runs.
async fn healthz() -> Json<serde_json::Value> {
    Json(json!({"status": "ok"}))
}

/// Events are accepted.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    // Before the draining: where the store has failed, the router drains because of that.
    if let Err(error) = app.router.health() {
        let said = json!({"status": "store", "reason": error.to_string()});
        return (StatusCode::SERVICE_UNAVAILABLE, Json(said)).into_response();
    }
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

async fn stats(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    Ok(Json(app.router.stats().await?).into_response())
}

async fn unknown(uri: Uri) -> Problem {
    Problem::not_found(format!(
        "{} is not a path of this router; there are {}",
        uri.path(),
        paths::plain()
    ))
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let right = paths::methods(uri.path());
    Problem::method(format!("{} answers to {right}, not to {method}", uri.path()))
}
