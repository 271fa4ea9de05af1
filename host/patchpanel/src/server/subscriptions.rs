//! `/v1/subscriptions`: who gets what; those of the configuration, and those that come and go while the router runs.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use patchpanel_router::Stats;
use serde_json::{Value, json};

use super::fields::Fields;
use super::problem::Problem;
use super::{App, Named};
use crate::service::Shown;

/// `GET /v1/subscriptions`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    let stats = app.router.stats().await?;
    let subscriptions: Vec<Value> = app.desk.shown().iter().map(|shown| item(shown, &stats)).collect();
    Ok(Json(json!({"subscriptions": subscriptions})).into_response())
}

/// `GET /v1/subscriptions/{name}`
pub(super) async fn show(State(app): State<Arc<App>>, Named(name): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    let stats = app.router.stats().await?;
    match app.desk.shown().iter().find(|shown| shown.name == name) {
        Some(shown) => Ok(Json(item(shown, &stats)).into_response()),
        None => Err(Problem::not_found(format!("there is no subscription `{name}`"))),
    }
}

/// What its entry says, where it comes from, and its sums since the router started.
fn item(shown: &Shown, stats: &Stats) -> Value {
    let mut item = shown.entry.clone();
    item.insert("origin".to_owned(), json!(shown.origin.as_str()));
    if let Some(reason) = &shown.invalid {
        item.insert("invalid".to_owned(), json!(reason));
    }
    let account = stats.subscriptions.get(&shown.name).copied().unwrap_or_default();
    item.insert("deliveries".to_owned(), json!(account));
    item.into()
}

/// `POST /v1/subscriptions`: the body is a `[[subscriptions]]` entry as JSON.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let definition = Fields::of_body(body)?.into_object();
    let shown = app.desk.create(definition).await?;
    let stats = app.router.stats().await?;
    Ok((StatusCode::CREATED, Json(item(&shown, &stats))).into_response())
}

/// `DELETE /v1/subscriptions/{name}`: what it has pending becomes dead letters.
pub(super) async fn remove(State(app): State<Arc<App>>, Named(name): Named, uri: Uri) -> Result<StatusCode, Problem> {
    Fields::of_query(&uri).finish()?;
    app.desk.remove(name).await?;
    Ok(StatusCode::NO_CONTENT)
}
