//! `POST /v1/events`: every form in which events may come, and the answer.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use patchpanel_event::{CloudEventError, Event, EventError, Limits, from_binary, from_structured};
use serde_json::json;
use serde_json::value::RawValue;

use super::App;
use super::problem::Problem;

/// Most events in one request.
const MOST_EVENTS: usize = 10_000;
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Bytes of such a key.
const LONGEST_KEY: usize = 255;

/// Takes one event or many; a request is accepted whole or not at all.
pub(super) async fn publish(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::unreadable(&rejection))?;
    let key = idempotency_key(&headers)?;
    let events = read(&headers, body, &app.limits)?;
    let acceptances = app.router.publish(events, key).await?;
    let duplicates = acceptances.iter().filter(|acceptance| acceptance.duplicate).count();
    let events: Vec<_> = acceptances
        .iter()
        .map(|acceptance| json!({"id": acceptance.id, "duplicate": acceptance.duplicate}))
        .collect();
    let answer = json!({"accepted": acceptances.len() - duplicates, "duplicates": duplicates, "events": events});
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// The request's own identity: sent again, none of its events is accepted twice, whatever ids they have.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(key), second) = (keys.next(), keys.next()) else {
        return Ok(None);
    };
    match key.to_str() {
        Ok(key) if second.is_none() && (1..=LONGEST_KEY).contains(&key.len()) && !key.contains('\t') => Ok(Some(key)),
        _ => Err(Problem::request(format!(
            "the header `{IDEMPOTENCY_KEY}` must be given once, with 1 to {LONGEST_KEY} printable ASCII characters"
        ))),
    }
}

fn read(headers: &HeaderMap, body: Bytes, limits: &Limits) -> Result<Vec<Event>, Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or_default());
    if headers.contains_key("ce-specversion") {
        return binary(headers, content_type, &body, limits);
    }
    let media_type = content_type
        .unwrap_or("application/json")
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match media_type.as_str() {
        // The last is what curl calls whatever it is given with -d.
        "application/json" | "text/json" | "application/x-www-form-urlencoded" => {
            if body.trim_ascii_start().first() == Some(&b'[') {
                let elements = elements(&body)?;
                return each(&elements, |raw| {
                    Event::parse(body.slice_ref(raw.get().as_bytes()), limits).map_err(native)
                });
            }
            Ok(vec![Event::parse(body, limits).map_err(native)?])
        }
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            lines(&body, limits)
        }
        "application/cloudevents+json" => Ok(vec![from_structured(&body, limits).map_err(cloud)?]),
        "application/cloudevents-batch+json" => {
            let elements = elements(&body)?;
            each(&elements, |raw| {
                from_structured(raw.get().as_bytes(), limits).map_err(cloud)
            })
        }
        _ => Err(Problem::media_type(
            "send application/json, application/x-ndjson, application/cloudevents+json, application/cloudevents-batch+json, or any type with CloudEvents `ce-` headers",
        )),
    }
}

fn elements(body: &Bytes) -> Result<Vec<&RawValue>, Problem> {
    let elements: Vec<&RawValue> = serde_json::from_slice(body)
        .map_err(|error| Problem::invalid(format!("not a valid JSON array: {error}"), None))?;
    if elements.len() > MOST_EVENTS {
        return Err(Problem::too_large(format!(
            "the request holds {} events, more than the {MOST_EVENTS} that are allowed",
            elements.len()
        )));
    }
    if elements.is_empty() {
        return Err(Problem::invalid("the array holds no event", None));
    }
    Ok(elements)
}

fn each(elements: &[&RawValue], read: impl Fn(&RawValue) -> Result<Event, Problem>) -> Result<Vec<Event>, Problem> {
    elements
        .iter()
        .enumerate()
        .map(|(index, raw)| read(raw).map_err(|problem| problem.at_index(index)))
        .collect()
}

fn lines(body: &Bytes, limits: &Limits) -> Result<Vec<Event>, Problem> {
    let mut events = Vec::new();
    for (number, line) in body.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if events.len() == MOST_EVENTS {
            return Err(Problem::too_large(format!(
                "the request holds more than the {MOST_EVENTS} events that are allowed"
            )));
        }
        events.push(Event::parse(body.slice_ref(line), limits).map_err(|error| native(error).at_line(number + 1))?);
    }
    if events.is_empty() {
        return Err(Problem::invalid("the body holds no event", None));
    }
    Ok(events)
}

fn binary(
    headers: &HeaderMap,
    content_type: Option<&str>,
    body: &Bytes,
    limits: &Limits,
) -> Result<Vec<Event>, Problem> {
    let mut attributes = Vec::new();
    for (name, value) in headers {
        if let Some(attribute) = name.as_str().strip_prefix("ce-") {
            let value = value.to_str().map_err(|_| {
                Problem::invalid(
                    format!("the header `{name}` must be ASCII; percent-encode the rest"),
                    Some(attribute),
                )
            })?;
            attributes.push((attribute, value));
        }
    }
    Ok(vec![
        from_binary(attributes, content_type, body, limits).map_err(cloud)?,
    ])
}

fn native(error: EventError) -> Problem {
    match &error {
        EventError::TooLarge { .. } => Problem::too_large(error.to_string()),
        _ => Problem::invalid(error.to_string(), error.field()),
    }
}

fn cloud(error: CloudEventError) -> Problem {
    match error {
        CloudEventError::Event(error) => native(error),
        error => Problem::invalid(error.to_string(), error.field()),
    }
}
