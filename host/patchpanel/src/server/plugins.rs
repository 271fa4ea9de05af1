//! `/v1/plugins`: how they fare, and what an operator decides about them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{App, Named};
use crate::service::PluginDeed;

/// `GET /v1/plugins`
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let generation = app.registry.generation().number;
    Json(json!({"generation": generation, "plugins": app.registry.statuses()}))
}

/// `POST /v1/plugins/{name}/promote`
pub(super) async fn promote(app: State<Arc<App>>, name: Named) -> Result<Json<Value>, Problem> {
    decide(app, name, PluginDeed::Promote).await
}

/// `POST /v1/plugins/{name}/discard`
pub(super) async fn discard(app: State<Arc<App>>, name: Named) -> Result<Json<Value>, Problem> {
    decide(app, name, PluginDeed::Discard).await
}

/// `POST /v1/plugins/{name}/release`
pub(super) async fn release(app: State<Arc<App>>, name: Named) -> Result<Json<Value>, Problem> {
    decide(app, name, PluginDeed::Release).await
}

/// Answers with the plugin as it is afterwards.
async fn decide(State(app): State<Arc<App>>, Named(name): Named, deed: PluginDeed) -> Result<Json<Value>, Problem> {
    app.desk.decide(name.clone(), deed).await?;
    let status = app.registry.statuses().into_iter().find(|status| status.name == name);
    Ok(Json(json!(status)))
}
