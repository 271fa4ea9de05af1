//! `/v1/deliveries`: where each one stands, and `/v1/dead-letters`: those that nobody tries again.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use patchpanel_router::DeadSelection;
use patchpanel_store::{DeliveriesQuery, DeliveryState, DeliveryStatus, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::answer::{delivery, listed, page, raw};
use super::fields::Fields;
use super::problem::Problem;
use super::{App, Named};

/// Ids in one request.
const MOST_IDS: usize = 1_000;
/// What can be listed. Deliveries that wait for their first attempt, or are under way, can only be asked for by name.
const LISTED: [DeliveryState; 8] = [
    DeliveryState::Retrying,
    DeliveryState::Held,
    DeliveryState::Delivered,
    DeliveryState::Filtered,
    DeliveryState::Throttled,
    DeliveryState::Expired,
    DeliveryState::Dead,
    DeliveryState::Discarded,
];

/// `GET /v1/deliveries`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    let mut fields = Fields::of_query(&uri);
    let state = match fields.has("state") {
        true => fields.choice("state", &LISTED.map(|state| (state.as_str(), state))),
        false => {
            let words = LISTED.map(DeliveryState::as_str).join(", ");
            fields.refuse("state", "is missing", &format!("one of {words}"))
        }
    };
    listing(&app, fields, state.unwrap_or(DeliveryState::Dead), "deliveries").await
}

/// `GET /v1/dead-letters`
pub(super) async fn dead(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    listing(&app, Fields::of_query(&uri), DeliveryState::Dead, "dead_letters").await
}

async fn listing(app: &App, mut fields: Fields, state: DeliveryState, name: &str) -> Result<Response, Problem> {
    let (limit, after) = page(&mut fields);
    let query = DeliveriesQuery {
        subscription: fields.text("subscription").map(Arc::from),
        state,
        after,
        limit,
    };
    fields.finish()?;
    let page = app.router.deliveries(query).await?;
    let items = page.deliveries.iter().map(|status| Value::from(delivery(status)));
    Ok(Json(listed(name, items.collect(), page.next)).into_response())
}

/// `GET /v1/deliveries/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, Named(id): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    match find(&app, &id).await? {
        Some(status) => Ok(Json(delivery(&status)).into_response()),
        None => Err(Problem::not_found("there is no delivery of this id")),
    }
}

/// `GET /v1/dead-letters/{id}`: with its event.
pub(super) async fn show_dead(State(app): State<Arc<App>>, Named(id): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    let status = match find(&app, &id).await? {
        Some(status) if status.state == DeliveryState::Dead => status,
        Some(status) => {
            let state = status.state.as_str();
            return Err(Problem::not_found(format!(
                "this delivery is no dead letter; it is {state}"
            )));
        }
        None => return Err(Problem::not_found("there is no delivery of this id")),
    };
    let (event, event_problem) = match app.router.event(&status.event_id).await {
        Ok(stored) => (stored.map(|stored| raw(&stored.event)), None),
        // The letter says more than nothing.
        Err(error @ StoreError::Damaged { .. }) => (None, Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let answer = DeadLetter {
        delivery: delivery(&status),
        event,
        event_problem,
    };
    Ok(Json(answer).into_response())
}

#[derive(Serialize)]
struct DeadLetter {
    #[serde(flatten)]
    delivery: Map<String, Value>,
    event: Option<Box<RawValue>>,
    /// Why it cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_problem: Option<String>,
}

async fn find(app: &App, id: &str) -> Result<Option<DeliveryStatus>, StoreError> {
    let found = app.router.delivery(std::slice::from_ref(&id.to_owned())).await?;
    Ok(found.into_iter().flatten().next())
}

/// `POST /v1/deliveries/status`: many at once; null for those that there are not.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body(body)?;
    let ids = fields.texts("ids", MOST_IDS);
    fields.finish()?;
    let found = app.router.delivery(&ids.unwrap_or_default()).await?;
    let deliveries: Vec<_> = found.iter().map(|status| status.as_ref().map(delivery)).collect();
    Ok(Json(json!({"deliveries": deliveries})).into_response())
}

/// `POST /v1/dead-letters/redrive`
pub(super) async fn redrive(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let redriven = app.router.redrive(selection(Fields::of_body(body)?)?).await?;
    Ok(Json(json!({"redriven": redriven})).into_response())
}

/// `POST /v1/dead-letters/discard`
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let discarded = app.router.discard(selection(Fields::of_body(body)?)?).await?;
    Ok(Json(json!({"discarded": discarded})).into_response())
}

/// By id, by subscription and filter, or all: that has to be said.
fn selection(mut fields: Fields) -> Result<DeadSelection, Problem> {
    let by_id = fields.has("ids");
    let restricted = fields.has("subscription") || fields.has("filter");
    let ids = by_id.then(|| fields.texts("ids", MOST_IDS)).flatten();
    let subscription = fields.text("subscription");
    let filter = fields.pattern("filter");
    let all = fields.flag("all");
    let ways = [by_id, restricted, all].into_iter().filter(|way| *way).count();
    if ways != 1 {
        let help = "write {\"ids\": [...]}, {\"subscription\": ..., \"filter\": {...}} or {\"all\": true}";
        fields.refuse::<()>("ids", "which dead letters is not clear", help);
    }
    fields.finish()?;
    Ok(match ids {
        Some(ids) => DeadSelection::Ids(ids),
        None => DeadSelection::Matching { subscription, filter },
    })
}
