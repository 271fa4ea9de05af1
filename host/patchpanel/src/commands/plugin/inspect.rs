//! `patchpanel plugin inspect`: what a component says about itself.

use std::path::Path;

use anyhow::Context as _;
use patchpanel_runtime::{Anatomy, Declaration, Kind};
use serde_json::{Value, json};

use super::read;
use crate::commands::client::Client;
use crate::commands::table::show_one;
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
    let timed = declared.kind == Kind::Transform && Anatomy::read(&bytes).is_ok_and(|anatomy| anatomy.is_timed());
    if as_json {
        let said = json!({"bytes": bytes.len(), "declaration": declared, "timed": timed});
        terminal::print_line(terminal::json(&said))?;
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
    if timed {
        said.push_str("\ngives events out by the clock");
    }
    if let Some(schema) = declared.config_schema {
        said.push_str("\nconfig: ");
        said.push_str(&serde_json::to_string_pretty(&schema)?);
    }
    terminal::print_line(terminal::plain(&said))?;
    Ok(exit::OK)
}

/// What a running router says of one of its plugins.
pub(super) fn running(url: &str, name: &str, as_json: bool) -> anyhow::Result<u8> {
    let answer = Client::new(url).get("/v1/plugins", &[])?;
    let plugins = answer
        .get("plugins")
        .and_then(Value::as_array)
        .map_or(&[] as &[Value], Vec::as_slice);
    let named = |plugin: &&Value| plugin.get("name").and_then(Value::as_str) == Some(name);
    let Some(plugin) = plugins.iter().find(named) else {
        let known: Vec<&str> = plugins
            .iter()
            .filter_map(|plugin| plugin.get("name")?.as_str())
            .collect();
        terminal::say(format_args!(
            "the router has no plugin `{name}`; it has {}",
            known.join(", ")
        ));
        return Ok(exit::FAILED);
    };
    show_one(plugin, as_json)?;
    Ok(exit::OK)
}
