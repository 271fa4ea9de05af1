use crate::UnknownLevel;

/// Why bytes are not an event. Names the field; never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// More bytes than [`Limits::event_bytes`](crate::Limits::event_bytes).
    #[error("the event has {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// Of the text that was given.
        bytes: usize,
        /// That was exceeded.
        limit: usize,
    },
    /// Nested deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("the event is nested deeper than the {limit} levels that are allowed")]
    TooDeep {
        /// That was exceeded.
        limit: usize,
    },
    /// Not JSON.
    #[error("not valid JSON: {message} at line {line}, column {column}")]
    Syntax {
        /// What the parser expected.
        message: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes.
        column: usize,
    },
    /// JSON, but not an object.
    #[error("an event must be a JSON object such as {{\"type\": \"document.created\"}}")]
    NotAnObject,
    /// A top-level field that events do not have.
    #[error("`{field}` is not a field of an event; {help}")]
    UnknownField {
        /// As it was written, cut to 64 characters.
        field: String,
        /// What to do instead.
        help: String,
    },
    /// The same top-level field twice.
    #[error("`{field}` appears twice")]
    Repeated {
        /// Which.
        field: &'static str,
    },
    /// A required field is not there.
    #[error("`{field}` is missing: {help}")]
    Missing {
        /// Which.
        field: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// A field holds something that it must not.
    #[error("`{field}` {problem}")]
    Wrong {
        /// Which.
        field: &'static str,
        /// What is wrong and what to write, as the end of a sentence that begins with the field.
        problem: String,
    },
}

impl EventError {
    /// The field that is to be mended, where it is one.
    pub fn field(&self) -> Option<&str> {
        match self {
            EventError::UnknownField { field, .. } => Some(field),
            EventError::Repeated { field } | EventError::Missing { field, .. } | EventError::Wrong { field, .. } => {
                Some(field)
            }
            EventError::TooLarge { .. }
            | EventError::TooDeep { .. }
            | EventError::Syntax { .. }
            | EventError::NotAnObject => None,
        }
    }

    pub(crate) fn wrong(field: &'static str, problem: impl Into<String>) -> Self {
        EventError::Wrong {
            field,
            problem: problem.into(),
        }
    }

    pub(crate) fn level(_: UnknownLevel) -> Self {
        EventError::wrong("level", UnknownLevel.to_string())
    }

    pub(crate) fn syntax(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default().to_owned();
        EventError::Syntax {
            message,
            line: error.line(),
            column: error.column(),
        }
    }
}
