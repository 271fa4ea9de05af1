//! `patchpanel plugin inspect`: what a component says about itself.

use std::path::Path;

use anyhow::Context as _;
use patchpanel_runtime::Declaration;
use serde_json::json;

use super::read;
use crate::{bundled, exit, terminal};

pub(super) fn inspect(file: &Path, as_json: bool) -> anyhow::Result<u8> {
    let bundled = bundled::BUNDLED.iter().find(|(name, _)| Path::new(name) == file);
    let bytes = match bundled {
        Some((_, bytes)) => bytes.to_vec(),
        None => read(file).with_context(|| {
            format!(
                "cannot read {}; bundled plugins are {}",
                file.display(),
                bundled::names().join(", ")
            )
        })?,
    };
    let declared = match Declaration::read(&bytes) {
        Ok(declared) => declared,
        Err(error) => {
            terminal::say(format_args!("{}: {error}", file.display()));
            return Ok(exit::WRONG_INPUT);
        }
    };
    if as_json {
        terminal::print_line(terminal::json(&json!({"bytes": bytes.len(), "declaration": declared})))?;
        return Ok(exit::OK);
    }
    let asks = serde_json::to_string(&declared.capabilities)?;
    let mut said = format!(
        "{} {} ({}, contract {})\n{}\nsize: {} bytes\nasks for: {}\nexamples: {}",
        declared.name,
        declared.version,
        declared.kind,
        declared.api,
        declared.description,
        bytes.len(),
        if declared.capabilities.is_empty() {
            "nothing"
        } else {
            &asks
        },
        declared.examples.len()
    );
    if let Some(schema) = declared.config_schema {
        said.push_str("\nconfig: ");
        said.push_str(&serde_json::to_string_pretty(&schema)?);
    }
    terminal::print_line(terminal::plain(&said))?;
    Ok(exit::OK)
}
