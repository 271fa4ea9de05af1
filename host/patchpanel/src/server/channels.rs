//! `/v1/channels`: where events go, and whether they would get there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use patchpanel_router::ChannelCheck;
use serde_json::{Value, json};

use super::fields::Fields;
use super::problem::Problem;
use super::{App, Named};

/// `GET /v1/channels`: `name`, `aliases`, `plugin`, `min_level`, `breaker`, and where there is something to say `disabled` and
/// `retry_at`.
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Json<Value>, Problem> {
    Fields::of_query(&uri).finish()?;
    Ok(Json(json!({"channels": app.router.channels()})))
}

/// `POST /v1/channels/{name}/check`: `channel`, `healthy`, `took_ms`, and where it is not healthy the `reason`.
pub(super) async fn check(State(app): State<Arc<App>>, Named(name): Named) -> Result<Json<ChannelCheck>, Problem> {
    Ok(Json(app.router.check_channel(&name).await?))
}
