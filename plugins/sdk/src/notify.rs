//! Notifications in the system's log, as the operator set it up. For channels, where the declaration asks for `notify` and
//! the operator grants it.
//!
//! Natively, in unit tests, notifications go to standard error.

use crate::Level;

/// Why a notification was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The operator did not grant it.
    NotGranted(String),
    /// It may work later.
    Retry(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotGranted(why) => write!(f, "notifications are not granted: {why}"),
            Self::Retry(why) => write!(f, "the notification was not taken now: {why}"),
        }
    }
}

impl std::error::Error for Error {}

/// Hands over one notification. `fields` are name and value.
///
/// # Errors
/// Where it was not taken.
pub fn send(level: Level, title: &str, body: &str, fields: &[(&str, &str)]) -> Result<(), Error> {
    #[cfg(target_family = "wasm")]
    {
        use crate::bindings::host::patchpanel::plugin::notify as wit;
        wit::send(level, title, body, fields).map_err(|error| match error {
            wit::Error::NotGranted(why) => Error::NotGranted(why),
            wit::Error::Retry(why) => Error::Retry(why),
        })
    }
    #[cfg(not(target_family = "wasm"))]
    {
        eprintln!("{} {title}: {body} {fields:?}", level.as_str());
        Ok(())
    }
}
