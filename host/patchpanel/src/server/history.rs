//! `/v1/events`: what was accepted, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::Uri;
use axum::response::{IntoResponse as _, Response};
use patchpanel_event::{FIELD_NAMES, Level};
use patchpanel_filter::{Pattern, Source};
use patchpanel_router::HistoryQuery;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::{Stored, delivery, page};
use super::fields::Fields;
use super::problem::Problem;
use super::{App, Named};

/// A page of events.
#[derive(Serialize)]
struct Page {
    events: Vec<Stored>,
    /// Sequence numbers of those in between that cannot be read any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    damaged: Vec<u64>,
    /// A page may be short, or empty, and have a next one all the same.
    next_cursor: Option<String>,
}

/// `GET /v1/events`
pub(super) async fn list(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    search(&app, Fields::of_query(&uri)).await
}

/// `POST /v1/events/query`: the same with a body, for patterns that are too long for a path.
pub(super) async fn query(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    search(&app, Fields::of_body(body)?).await
}

async fn search(app: &App, mut fields: Fields) -> Result<Response, Problem> {
    let (limit, after) = page(&mut fields);
    let (from, to) = fields.span();
    let orders = [("newest", true), ("oldest", false)];
    let query = HistoryQuery {
        from,
        to,
        after,
        newest_first: fields.choice("order", &orders).unwrap_or(true),
        limit,
        filter: filter(&mut fields),
        correlation_id: fields.text("correlation_id"),
    };
    fields.finish()?;
    let page = app.router.history(query).await?;
    let answer = Page {
        events: page.events.iter().map(Stored::new).collect(),
        damaged: page.damaged,
        next_cursor: page.next.map(|next| next.to_string()),
    };
    Ok(Json(answer).into_response())
}

/// `type`, `source`, `level` and `filter` as one pattern.
fn filter(fields: &mut Fields) -> Option<Pattern> {
    let mut conditions = Map::new();
    for name in ["type", "source"] {
        if let Some(text) = fields.text(name) {
            let condition = match text.strip_suffix('*') {
                Some("") => json!([{"exists": true}]),
                Some(prefix) => json!([{"prefix": prefix}]),
                None => json!([text]),
            };
            conditions.insert(name.to_owned(), condition);
        }
    }
    if let Some(level) = fields.choice("level", &Level::ALL.map(|level| (level.as_str(), level))) {
        conditions.insert("level".to_owned(), json!([level.as_str()]));
    }
    let filter = fields.pattern("filter");
    if conditions.is_empty() {
        return filter;
    }
    if let Some(filter) = filter {
        // Whatever the filter says of the same fields holds, too.
        let filter: Value = serde_json::from_str(&filter.to_string()).unwrap_or_default();
        conditions.insert("not".to_owned(), json!({"not": filter}));
    }
    let source = Source::from_json(&Value::from(conditions).to_string()).ok()?;
    match Pattern::parse_with_fields(&source, &FIELD_NAMES) {
        Ok(pattern) => Some(pattern),
        Err(mistakes) => {
            let first = mistakes.first().map(ToString::to_string).unwrap_or_default();
            fields.refuse(
                "filter",
                format!("does not go together with the other conditions: {first}"),
                "",
            )
        }
    }
}

/// `GET /v1/events/{id}`
pub(super) async fn show(State(app): State<Arc<App>>, Named(id): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    match app.router.event(&id).await? {
        Some(stored) => Ok(Json(Stored::new(&stored)).into_response()),
        None => Err(unknown()),
    }
}

/// `GET /v1/events/query`: events may have this id, too.
pub(super) async fn show_query(app: State<Arc<App>>, uri: Uri) -> Result<Response, Problem> {
    show(app, Named("query".to_owned()), uri).await
}

/// `GET /v1/events/{id}/deliveries`
pub(super) async fn deliveries(State(app): State<Arc<App>>, Named(id): Named, uri: Uri) -> Result<Response, Problem> {
    Fields::of_query(&uri).finish()?;
    let Some(statuses) = app.router.deliveries_of(&id).await? else {
        return Err(unknown());
    };
    let deliveries: Vec<_> = statuses.iter().map(delivery).collect();
    Ok(Json(json!({"deliveries": deliveries})).into_response())
}

fn unknown() -> Problem {
    Problem::not_found("no event of this id is kept; settled ones are, as long as `store.retention` says")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn conditions_and_a_filter_hold_together() {
        let body = |text: &str| Fields::of_body(Ok(Bytes::copy_from_slice(text.as_bytes()))).unwrap();
        let event = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let text = r#"{"type": "git.*", "level": "error", "source": "s", "filter": {"type": [{"suffix": "push"}]}}"#;
        let pattern = filter(&mut body(text)).unwrap();
        for (kind, level, expected) in [
            ("git.push", "error", true),
            ("git.pull", "error", false),
            ("hg.push", "error", false),
            ("git.push", "critical", false),
        ] {
            let event = event(&format!(r#"{{"type": "{kind}", "level": "{level}", "source": "s"}}"#));
            assert_eq!(pattern.matches(&event), expected, "{kind} {level}");
        }
        let list = filter(&mut body(r#"{"type": "*", "filter": [{"prefix": {"source": "x"}}]}"#)).unwrap();
        assert!(list.matches(&event(r#"{"type": "t", "source": "xy"}"#)));
        assert!(!list.matches(&event(r#"{"type": "t", "source": "y"}"#)));
        assert!(filter(&mut body("{}")).is_none());
    }
}
