//! `/v1/replays`: events of the past, delivered once more.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use patchpanel_router::ReplayRequest;
use serde_json::json;

use super::fields::Fields;
use super::problem::Problem;
use super::{App, Named};

/// `POST /v1/replays`
pub(super) async fn start(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body(body)?;
    let subscription = fields.required_text("subscription");
    let (from, to) = fields.span();
    let filter = fields.pattern("filter");
    let rate = fields.number("rate", 1..=u64::from(u32::MAX));
    fields.finish()?;
    let request = ReplayRequest {
        subscription: subscription.unwrap_or_default(),
        from,
        to,
        filter: filter.and_then(|filter| serde_json::from_str(&filter.to_string()).ok()),
        rate: rate.and_then(|rate| u32::try_from(rate).ok()).and_then(NonZeroU32::new),
    };
    let status = app.router.start_replay(request).await?;
    Ok((StatusCode::CREATED, Json(status)).into_response())
}

/// `GET /v1/replays`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    Ok(Json(json!({"replays": app.router.replays().await?})).into_response())
}

/// `GET /v1/replays/{number}`
pub(super) async fn show(State(app): State<Arc<App>>, Named(number): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    let number = read(&number)?;
    let replays = app.router.replays().await?;
    match replays.into_iter().find(|replay| replay.number == number) {
        Some(status) => Ok(Json(status).into_response()),
        None => Err(unknown()),
    }
}

/// `DELETE /v1/replays/{number}`: cancels it.
pub(super) async fn cancel(State(app): State<Arc<App>>, Named(number): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    match app.router.cancel_replay(read(&number)?).await? {
        Some(status) => Ok(Json(status).into_response()),
        None => Err(unknown()),
    }
}

fn read(number: &str) -> Result<u32, Problem> {
    number.parse().map_err(|_| unknown())
}

fn unknown() -> Problem {
    Problem::not_found("there is no replay of this number; GET /v1/replays lists them")
}
