//! Transforms: whole events in, what becomes of them out.

pub use crate::bindings::transformer::exports::patchpanel::plugin::transformer::{Failure, Outcome, Patch};
use crate::{ConfigError, Event, Level};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A plugin that changes, drops or splits events. It may be called again for the same event, so it should be pure.
///
/// ```
/// use patchpanel_plugin::{ConfigError, Event, Failure, NoConfig, Outcome, Patch, Transform, export_transform};
///
/// struct Shout;
///
/// impl Transform for Shout {
///     type Config = NoConfig;
///
///     fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
///         Ok(Shout)
///     }
///
///     fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
///         if event.message.is_empty() {
///             return Ok(Outcome::Unchanged);
///         }
///         Ok(Patch::new().message(event.message.to_uppercase()).into())
///     }
/// }
///
/// export_transform! { Shout, name: "shout" }
/// # fn main() {}
/// ```
pub trait Transform: Sized + 'static {
    /// What the operator writes under `config`; [`NoConfig`](crate::NoConfig) or `()` where there is nothing to say.
    type Config: DeserializeOwned;

    /// Makes an instance. Called once, before anything else.
    ///
    /// # Errors
    /// Every mistake in the configuration, at once.
    fn configure(config: Self::Config) -> Result<Self, Vec<ConfigError>>;

    /// What becomes of one event.
    ///
    /// # Errors
    /// [`Failure::InvalidEvent`] where this event can never be transformed, [`Failure::Retry`] where it may work later.
    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure>;
}

/// A transform that gives out events when it is time, not when one comes in; exported by
/// [`export_timed_transform!`](crate::export_timed_transform).
///
/// Any instance may be asked, so what is to become due belongs into [`kv`](crate::kv). What is given out passes the transform
/// as if it was published, and has to be left alone there. The same event has to be given out, under the same id, until
/// [`stored`](Timer::stored) has named it.
///
/// ```
/// use patchpanel_plugin::{ConfigError, Event, Failure, NoConfig, Outcome, Timer, Transform, export_timed_transform, kv};
///
/// /// Says every hour how many events there were.
/// struct Hourly;
///
/// const HOUR: u64 = 3_600_000_000_000;
///
/// impl Transform for Hourly {
///     type Config = NoConfig;
///
///     fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
///         Ok(Hourly)
///     }
///
///     fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
///         if event.type_ != "hourly" {
///             let key = format!("{:020}/{}", patchpanel_plugin::now() / HOUR, event.id);
///             kv::set(&key, b"", None).map_err(|error| Failure::Retry(error.to_string()))?;
///         }
///         Ok(Outcome::Unchanged)
///     }
/// }
///
/// impl Timer for Hourly {
///     fn due(&mut self, now: u64) -> Result<Vec<Event>, String> {
///         let failed = |error: kv::Error| error.to_string();
///         let now_hour = format!("{:020}", now / HOUR);
///         let oldest = kv::keys("", None, 1).map_err(failed)?.pop().filter(|key| *key < now_hour);
///         let Some(hour) = oldest.as_deref().and_then(|key| key.get(..20)) else {
///             return Ok(Vec::new());
///         };
///         let keys = kv::keys(hour, None, 1000).map_err(failed)?;
///         let message = format!("{} events", keys.len());
///         Ok(vec![Event { message, time: now, ..Event::new(hour, "hourly") }])
///     }
///
///     fn stored(&mut self, ids: &[String]) -> Result<(), String> {
///         for hour in ids {
///             for key in kv::keys(hour, None, 1000).map_err(|error| error.to_string())? {
///                 kv::delete(&key).map_err(|error| error.to_string())?;
///             }
///         }
///         Ok(())
///     }
/// }
///
/// export_timed_transform! { Hourly, name: "hourly", capabilities: r#"{"kv": true}"# }
/// # fn main() {}
/// ```
pub trait Timer: Transform {
    /// Events that are due at `now`, in nanoseconds since the Unix epoch, UTC. Asked about once a second.
    ///
    /// # Errors
    /// Why nothing can be given out now, for people. It is asked again.
    fn due(&mut self, now: u64) -> Result<Vec<Event>, String>;

    /// The events of these ids are stored, and no longer due.
    ///
    /// # Errors
    /// Why they may become due again, for people.
    fn stored(&mut self, ids: &[String]) -> Result<(), String>;
}

/// Answers one call of the router.
pub(crate) fn transform_batch<T: Transform>(plugin: &mut T, batch: &[Event]) -> Vec<Result<Outcome, Failure>> {
    batch.iter().map(|event| plugin.transform(event)).collect()
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for Patch {
    fn default() -> Self {
        Self {
            type_: None,
            level: None,
            message: None,
            subject: None,
            correlation_id: None,
            channels: None,
            metadata: None,
            payload: None,
        }
    }
}

impl Patch {
    /// A patch that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the type.
    #[must_use]
    pub fn event_type(mut self, value: impl Into<String>) -> Self {
        self.type_ = Some(value.into());
        self
    }

    /// Replaces the level.
    #[must_use]
    pub fn level(mut self, value: Level) -> Self {
        self.level = Some(value);
        self
    }

    /// Replaces the message.
    #[must_use]
    pub fn message(mut self, value: impl Into<String>) -> Self {
        self.message = Some(value.into());
        self
    }

    /// Replaces the subject.
    #[must_use]
    pub fn subject(mut self, value: impl Into<String>) -> Self {
        self.subject = Some(value.into());
        self
    }

    /// Replaces the correlation id.
    #[must_use]
    pub fn correlation_id(mut self, value: impl Into<String>) -> Self {
        self.correlation_id = Some(value.into());
        self
    }

    /// Replaces the list of named channels.
    #[must_use]
    pub fn channels<S: Into<String>>(mut self, value: impl IntoIterator<Item = S>) -> Self {
        self.channels = Some(value.into_iter().map(Into::into).collect());
        self
    }

    /// Replaces the metadata.
    ///
    /// # Errors
    /// Where `value` cannot be written as JSON. The router refuses metadata that is not an object.
    pub fn metadata(mut self, value: &impl Serialize) -> Result<Self, Failure> {
        self.metadata = Some(json(value)?);
        Ok(self)
    }

    /// Replaces the payload.
    ///
    /// # Errors
    /// Where `value` cannot be written as JSON.
    pub fn payload(mut self, value: &impl Serialize) -> Result<Self, Failure> {
        self.payload = Some(json(value)?);
        Ok(self)
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::InvalidEvent(error.to_string()))
}

/// A patch without a field in it leaves the event unchanged, which is cheaper to say.
impl From<Patch> for Outcome {
    fn from(patch: Patch) -> Self {
        if patch == Patch::default() {
            Self::Unchanged
        } else {
            Self::Patched(patch)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Tagger;
    impl Transform for Tagger {
        type Config = ();
        fn configure((): ()) -> Result<Self, Vec<ConfigError>> {
            Ok(Self)
        }
        fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
            match event.type_.as_str() {
                "drop" => Ok(Outcome::Dropped("noise".to_owned())),
                "fail" => Err(Failure::Retry("later".to_owned())),
                "split" => Ok(Outcome::Split(vec![event.part(0), event.part(1)])),
                _ => {
                    let mut metadata = event.metadata_json();
                    metadata.insert("seen".to_owned(), json!(true));
                    Ok(Patch::new().level(Level::Error).metadata(&metadata)?.into())
                }
            }
        }
    }

    #[test]
    fn there_is_one_answer_per_event() {
        let batch = ["drop", "fail", "split", "tag"].map(|kind| Event::new("1", kind));
        let answers = transform_batch(&mut Tagger, &batch);
        assert_eq!(answers.first(), Some(&Ok(Outcome::Dropped("noise".to_owned()))));
        assert_eq!(answers.get(1), Some(&Err(Failure::Retry("later".to_owned()))));
        assert!(matches!(answers.get(2), Some(Ok(Outcome::Split(parts))) if parts.len() == 2));
        let patch = Patch {
            level: Some(Level::Error),
            metadata: Some(r#"{"seen":true}"#.to_owned()),
            ..Patch::new()
        };
        assert_eq!(answers.get(3), Some(&Ok(Outcome::Patched(patch))));
    }

    #[test]
    fn an_empty_patch_is_unchanged() {
        assert_eq!(Outcome::from(Patch::new()), Outcome::Unchanged);
    }
}
