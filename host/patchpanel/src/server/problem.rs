//! Errors as callers see them: `application/problem+json` (RFC 9457), with what to mend.

use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use patchpanel_router::{CheckError, PublishError, PullError, ReplayError, StepFailure};
use patchpanel_runtime::DeedError;
use patchpanel_store::StoreError;
use serde::Serialize;
use serde_json::{Value, json};

use crate::service::Refusal;

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
    field: Option<Box<str>>,
    #[serde(flatten)]
    place: Option<Place>,
    /// All there are, where there can be many: objects with `path`, `message`, `help`.
    #[serde(skip_serializing_if = "<[Value]>::is_empty")]
    mistakes: Box<[Value]>,
    #[serde(skip)]
    /// In seconds.
    retry_after: Option<u32>,
}

/// Something in a request that has to be mended.
pub(super) struct Mistake {
    path: String,
    message: String,
    help: String,
}

impl Mistake {
    /// An empty `help` is none.
    pub(super) fn new(path: &str, message: impl Into<String>, help: &str) -> Mistake {
        Mistake {
            path: path.to_owned(),
            message: message.into(),
            help: help.to_owned(),
        }
    }
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
            mistakes: Box::default(),
            retry_after: None,
        }
    }

    /// The request cannot be understood.
    pub(crate) fn request(detail: impl Into<String>) -> Self {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid-request",
            "The request cannot be understood",
            detail,
        )
    }

    /// The parameters or fields of the request are wrong.
    pub(super) fn mistakes(mistakes: Vec<Mistake>) -> Self {
        let sentence = |mistake: &Mistake| match mistake.help.as_str() {
            "" => format!("`{}`: {}", mistake.path, mistake.message),
            help => format!("`{}`: {} ({help})", mistake.path, mistake.message),
        };
        let detail = mistakes.iter().map(sentence).collect::<Vec<_>>().join("; ");
        let one = |mistake: Mistake| {
            let help = Some(mistake.help).filter(|help| !help.is_empty());
            json!({"path": mistake.path, "message": mistake.message, "help": help})
        };
        Problem {
            mistakes: mistakes.into_iter().map(one).collect(),
            ..Problem::request(detail)
        }
    }

    /// The body did not come whole.
    pub(crate) fn unreadable(rejection: &BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::body_too_large(),
            _ => Problem::request("the body could not be read to its end"),
        }
    }

    pub(super) fn body_too_large() -> Self {
        Problem::too_large("the body has more bytes than `server.max_body` allows; send less at once")
    }

    /// It is not possible as things are.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Problem::new(
            StatusCode::CONFLICT,
            "conflict",
            "That is not possible as things are",
            detail,
        )
    }

    fn draining(detail: impl Into<String>) -> Self {
        Problem::unavailable("draining", "The router is about to end", detail, 30)
    }

    fn busy(detail: impl Into<String>) -> Self {
        Problem {
            retry_after: Some(1),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", "Too many requests", detail)
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>, field: Option<&str>) -> Self {
        Problem {
            field: field.map(Box::from),
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

    fn unavailable(name: &'static str, title: &'static str, detail: impl Into<String>, seconds: u32) -> Self {
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
            PublishError::Draining => Problem::draining(error.to_string()),
            PublishError::Busy => Problem::busy(error.to_string()),
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
        let seconds = match &error {
            StoreError::Damaged { .. } => {
                return Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "damaged",
                    "What is stored is damaged",
                    error.to_string(),
                );
            }
            error if error.is_temporary() => 1,
            _ => 60,
        };
        Problem::unavailable("store", "The store is not available", error.to_string(), seconds)
    }
}

impl From<PullError> for Problem {
    fn from(error: PullError) -> Self {
        let said = error.to_string();
        match error {
            PullError::NoSubscription(_) => Problem::not_found(said),
            PullError::ConsumerNeeded(_) => Problem::request(said),
            PullError::NotPull(_) | PullError::Taken { .. } => Problem::conflict(said),
            PullError::TooMany => Problem::busy(said),
            PullError::Draining => Problem::draining(said),
            PullError::Store(error) => error.into(),
        }
    }
}

impl From<CheckError> for Problem {
    fn from(error: CheckError) -> Self {
        let said = error.to_string();
        match error {
            CheckError::NoChannel(_) => Problem::not_found(said),
            CheckError::Busy(_) => Problem::busy(said),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        let said = error.to_string();
        match error {
            ReplayError::NoSubscription(_) => Problem::not_found(said),
            ReplayError::Filter(_) => Problem::request(said),
            ReplayError::TooMany => Problem::conflict(said),
            ReplayError::Draining => Problem::draining(said),
            ReplayError::Store(error) => error.into(),
        }
    }
}

/// Why a subscription was not created or removed.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            Refusal::Mistakes(mistakes) => Problem {
                mistakes: match mistakes.without_places() {
                    Value::Array(list) => list.into(),
                    _ => Box::default(),
                },
                ..Problem::request(said)
            },
            Refusal::Plugins(_) => Problem::request(said),
            Refusal::Unknown(_) => Problem::not_found(said),
            Refusal::OfTheFile(_) => Problem::conflict(said),
            Refusal::Plugin(DeedError::Unknown(_)) => Problem::not_found(said),
            Refusal::Plugin(DeedError::NoShadow(_) | DeedError::Plugin(_)) => Problem::conflict(said),
            Refusal::Ending => Problem::draining(said),
            Refusal::Store(error) => error.into(),
        }
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
