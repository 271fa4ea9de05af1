//! A redactor that imports `kv`, which redactors do not get: they shall not carry anything from one event to the next.

use patchpanel_plugin::{ConfigError, NoConfig, Redactor, export_redactor, kv};

/// Remembers what it saw.
#[derive(Debug)]
pub struct Nosy;

impl Redactor for Nosy {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn redact(&mut self, path: &str, text: &str) -> Option<String> {
        let _ = kv::set(path, text.as_bytes(), None);
        None
    }
}

export_redactor! { Nosy, name: "undeclared-import", description: "Imports what redactors do not get." }
