//! The event: its JSON and CloudEvents forms, its text fields and its limits.
//!
//! An [`Event`] keeps the JSON text that was accepted and knows where its fields stand in it. Nothing is rebuilt that
//! nobody changed: a redaction splices new text into the old ([`TextBatch`]), and only a transform's patch writes a new
//! text ([`Event::patched`]).
//!
//! ```
//! use patchpanel_event::{Event, Level, Limits};
//!
//! let json = r#"{"id": "1", "time": "2026-01-31T12:00:00Z", "type": "auth.failed", "level": "warning"}"#;
//! let event = Event::parse(json.into(), &Limits::default())?;
//! assert_eq!((event.kind().as_ref(), event.level()), ("auth.failed", Level::Warning));
//! assert_eq!(event.json(), json);
//! # Ok::<_, patchpanel_event::EventError>(())
//! ```

mod cloudevents;
mod delivery;
mod edits;
mod error;
mod event;
mod field;
mod level;
mod limits;
mod parse;
mod parts;
mod report;
mod selector;
mod span;
mod splice;
mod text;
mod time;
mod walk;

pub use cloudevents::{CloudEventError, from_binary, from_structured};
pub use delivery::{Attempt, Problem, Receipt, delivery_id, parse_delivery_id};
pub use edits::{Edit, EditError, Edits};
pub use error::EventError;
pub use event::{Event, FIELD_NAMES};
pub use field::{FieldPath, FieldPathError};
pub use level::{Level, UnknownLevel};
pub use limits::Limits;
pub use parts::{EventParts, Outcome, Patch, TransformFailure};
pub use selector::{SelectorError, TextSelector};
pub use text::{Text, TextBatch};
pub use time::{format_time, now, parse_time};
