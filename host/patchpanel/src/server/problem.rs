//! Errors as callers see them: `application/problem+json` (RFC 9457), with what to mend.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use patchpanel_router::{PublishError, StepFailure};
use patchpanel_store::StoreError;
use serde::Serialize;

/// An error answer. Holds no values of events.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type", serialize_with = "as_urn")]
    name: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    /// The field or attribute to mend.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// Which of many events.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// Of an array or batch, from 0.
    Index(usize),
    /// Of NDJSON, from 1.
    Line(usize),
}

fn as_urn<S: serde::Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("urn:patchpanel:problem:{name}"))
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            name,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            field: None,
            place: None,
            retry_after: None,
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>, field: Option<&str>) -> Self {
        Problem {
            field: field.map(str::to_owned),
            ..Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-event",
                "The request holds no valid event",
                detail,
            )
        }
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The request is too large",
            detail,
        )
    }

    pub(crate) fn media_type(detail: impl Into<String>) -> Self {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            "Events cannot be read from this media type",
            detail,
        )
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is nothing here", detail)
    }

    pub(crate) fn method(detail: impl Into<String>) -> Self {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "This method is not known here",
            detail,
        )
    }

    pub(crate) fn at_index(self, index: usize) -> Self {
        Problem {
            place: Some(Place::Index(index)),
            ..self
        }
    }

    pub(crate) fn at_line(self, line: usize) -> Self {
        Problem {
            place: Some(Place::Line(line)),
            ..self
        }
    }

    fn unavailable(name: &'static str, title: &'static str, detail: impl Into<String>, seconds: u64) -> Self {
        Problem {
            retry_after: Some(seconds),
            ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, name, title, detail)
        }
    }
}

/// The one map from what can go wrong when publishing to what a caller gets and when to try again.
impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match &error {
            PublishError::Draining => {
                Problem::unavailable("draining", "The router is about to end", error.to_string(), 30)
            }
            PublishError::Busy => Problem {
                retry_after: Some(1),
                ..Problem::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "busy",
                    "Too many requests",
                    error.to_string(),
                )
            },
            PublishError::Ingress { index, failure } => match failure {
                StepFailure::Invalid { .. } => Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "refused-by-transform",
                    "An ingress transform refuses the event",
                    failure.to_string(),
                )
                .at_index(*index),
                StepFailure::Plugin(_) | StepFailure::Later { .. } => Problem::unavailable(
                    "ingress-failed",
                    "An ingress transform failed, so the events stay out",
                    failure.to_string(),
                    5,
                )
                .at_index(*index),
            },
            PublishError::Store(error) => error.clone().into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let seconds = if error.is_temporary() { 1 } else { 60 };
        Problem::unavailable("store", "The store takes no events", error.to_string(), seconds)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
