//! Log lines under the plugin's name. Never log what you redact, nor a secret.
//!
//! Natively, in unit tests, lines go to standard error.

use crate::Level;

/// Writes one line.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    #[cfg(target_family = "wasm")]
    crate::bindings::host::patchpanel::plugin::log::write(level, message, fields);
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{} {message} {fields:?}", level.as_str());
}

/// For authors.
pub fn debug(message: &str, fields: &[(&str, &str)]) {
    write(Level::Debug, message, fields);
}

/// For operators who look.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write(Level::Info, message, fields);
}

/// Something is odd, but the work was done.
pub fn warning(message: &str, fields: &[(&str, &str)]) {
    write(Level::Warning, message, fields);
}

/// Work was not done.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    write(Level::Error, message, fields);
}
