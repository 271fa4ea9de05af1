//! What a component says about itself, read without running it.

use std::fmt;

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

use crate::{Capabilities, DeclarationError, Kind};

/// The version of the plugin contract that this host speaks.
pub const API_VERSION: &str = "0.1.0";

/// Name of the custom section.
pub const SECTION: &str = "patchpanel-plugin";

/// Longest declaration that is read.
const SECTION_BYTES: usize = 256 << 10;

/// The content of the custom section; `wit/worlds.wit` documents each key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// Version of the contract it was built against.
    pub api: String,
    /// Its own name.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Which world it implements.
    pub kind: Kind,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
    /// What it asks for.
    #[serde(default, skip_serializing_if = "Capabilities::is_empty")]
    pub capabilities: Capabilities,
    /// Texts with the expected result, for redactors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// One text that a redactor must redact as said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// With this configuration.
    #[serde(default = "empty_config")]
    pub config: serde_json::Value,
    /// Found here.
    #[serde(default = "default_path")]
    pub path: String,
    /// Before.
    pub text: String,
    /// After.
    pub expect: String,
}

fn empty_config() -> serde_json::Value {
    serde_json::Value::Object(serde_json::Map::new())
}

fn default_path() -> String {
    "message".to_owned()
}

impl Declaration {
    /// Finds and checks the declaration in a component's bytes.
    ///
    /// # Errors
    /// Where the bytes are no component, or declare nothing or something wrong.
    pub fn read(bytes: &[u8]) -> Result<Declaration, DeclarationError> {
        let not_a_component = |message: &dyn fmt::Display| {
            // The parser's messages span lines; ours stand in logs and statuses.
            let words: Vec<String> = message.to_string().split_whitespace().map(str::to_owned).collect();
            DeclarationError::NotAComponent(words.join(" "))
        };
        if !bytes.starts_with(b"\0asm") {
            return Err(not_a_component(&"it does not begin as WebAssembly files do"));
        }
        let mut section = None;
        for (index, payload) in Parser::new(0).parse_all(bytes).enumerate() {
            match payload.map_err(|error| not_a_component(&error))? {
                Payload::Version {
                    encoding: Encoding::Module,
                    ..
                } if index == 0 => {
                    return Err(not_a_component(
                        &"it is a core module; build for wasm32-wasip2, or wrap it with wasm-component-ld or wit-component",
                    ));
                }
                // In a component, the section is in the module that the author's compiler wrote.
                Payload::CustomSection(custom) if custom.name() == SECTION => {
                    section.get_or_insert(custom.data());
                }
                _ => {}
            }
        }
        let section = section.ok_or(DeclarationError::Undeclared)?;
        if section.len() > SECTION_BYTES {
            return Err(DeclarationError::Wrong(format!(
                "it has {} bytes, more than the {SECTION_BYTES} that are allowed",
                section.len()
            )));
        }
        let declaration: Declaration =
            serde_json::from_slice(section).map_err(|error| DeclarationError::Wrong(error.to_string()))?;
        declaration.check()?;
        Ok(declaration)
    }

    fn check(&self) -> Result<(), DeclarationError> {
        if self.api != API_VERSION {
            return Err(DeclarationError::ApiVersion {
                found: self.api.chars().take(32).collect(),
                supported: API_VERSION,
            });
        }
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(good) {
            return Err(DeclarationError::Wrong(
                "`name` must be 1 to 64 of a-z, 0-9 and `-`".to_owned(),
            ));
        }
        Ok(())
    }
}
