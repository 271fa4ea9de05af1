//! `/v1/subscriptions/{name}/pull`, `ack`, `nack` and `extend`: consumers that fetch.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::{IntoResponse as _, Response};
use patchpanel_event::format_time;
use patchpanel_router::{LONGEST_LEASE, LeaseEnd, PullRequest, Pulled};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::raw;
use super::fields::Fields;
use super::problem::Problem;
use super::{App, Named};

/// Deliveries in one answer, unless asked for another number; and at most.
const USUAL: usize = 10;
const MOST: usize = 1_000;
/// Longest time that a request waits for something to come: less than what lies in between usually waits for an answer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes of a consumer's name, and of the reason for a nack.
const LONGEST_NAME: usize = 255;
const LONGEST_REASON: usize = 4_096;

/// Leases deliveries, and waits for some if it is asked to.
pub(super) async fn pull(
    State(app): State<Arc<App>>,
    Named(subscription): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body(body)?;
    let request = PullRequest {
        max: fields
            .number("max", 1..=MOST as u64)
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(USUAL),
        wait: fields
            .duration("wait", Duration::ZERO..=LONGEST_WAIT)
            .unwrap_or_default(),
        lease: fields.duration("lease", SHORTEST_LEASE..=LONGEST_LEASE),
        consumer: bounded(&mut fields, "consumer", LONGEST_NAME),
    };
    fields.finish()?;
    let pulled = app.router.pull(&subscription, request).await?;
    let answer = Answer {
        deliveries: pulled.into_iter().map(Item::new).collect(),
    };
    Ok(Json(answer).into_response())
}

#[derive(Serialize)]
struct Answer {
    deliveries: Vec<Item>,
}

/// Several have the same lease where a transform split an event.
#[derive(Serialize)]
struct Item {
    lease: String,
    lease_until: String,
    /// The idempotency key.
    id: String,
    /// 1 for the first.
    attempt: u32,
    /// 0: no replay.
    replay: u32,
    event: Box<RawValue>,
}

impl Item {
    fn new(pulled: Pulled) -> Item {
        Item {
            lease_until: format_time(pulled.lease_until),
            event: raw(&pulled.event),
            lease: pulled.lease,
            id: pulled.delivery_id,
            attempt: pulled.attempt,
            replay: pulled.replay,
        }
    }
}

/// Settles as delivered.
pub(super) async fn ack(
    State(app): State<Arc<App>>,
    Named(subscription): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body(body)?;
    let leases = leases(&mut fields);
    fields.finish()?;
    let ends = app.router.ack(&subscription, &leases).await?;
    Ok(results(&leases, &ends))
}

/// Gives back.
pub(super) async fn nack(
    State(app): State<Arc<App>>,
    Named(subscription): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body(body)?;
    let leases = leases(&mut fields);
    let delay = fields.duration("delay", Duration::ZERO..=LONGEST_DELAY);
    let reason = bounded(&mut fields, "reason", LONGEST_REASON);
    fields.finish()?;
    let ends = app.router.nack(&subscription, &leases, delay, reason).await?;
    Ok(results(&leases, &ends))
}

/// Asks for more time.
pub(super) async fn extend(
    State(app): State<Arc<App>>,
    Named(subscription): Named,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body(body)?;
    let leases = leases(&mut fields);
    let by = fields.duration("by", SHORTEST_LEASE..=LONGEST_LEASE);
    fields.finish()?;
    let ends = app.router.extend(&subscription, &leases, by).await?;
    Ok(results(&leases, &ends))
}

fn leases(fields: &mut Fields) -> Vec<String> {
    fields.texts("leases", MOST).unwrap_or_default()
}

fn bounded(fields: &mut Fields, name: &'static str, most: usize) -> Option<String> {
    let text = fields.text(name)?;
    if text.len() > most {
        return fields.refuse(name, format!("longer than the {most} bytes that are allowed"), "");
    }
    Some(text)
}

/// One for each lease, in order.
fn results(leases: &[String], ends: &[LeaseEnd]) -> Response {
    let result = |(lease, end): (&String, &LeaseEnd)| json!({"lease": lease, "result": end});
    let results: Vec<Value> = leases.iter().zip(ends).map(result).collect();
    Json(json!({"results": results})).into_response()
}
