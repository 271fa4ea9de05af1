//! `patchpanel plugin list` and `plugin inspect`: what components say about themselves. Nothing of them is run.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use patchpanel_runtime::{Declaration, LoadError};
use serde_json::{Value, json};

use crate::cli::PluginCommand;
use crate::{bundled, config, exit, terminal};

pub(crate) fn plugin(command: &PluginCommand) -> anyhow::Result<u8> {
    match command {
        PluginCommand::List { config, json } => list(config.as_deref(), *json),
        PluginCommand::Inspect { file, json } => inspect(file, *json),
    }
}

fn list(config: Option<&Path>, json: bool) -> anyhow::Result<u8> {
    let mut rows: Vec<Value> = bundled::BUNDLED
        .iter()
        .map(|(name, bytes)| row(name, "bundled", &Declaration::read(bytes)))
        .collect();
    if let Some(file) = config {
        let config = config::load(file)?;
        let mut files: Vec<_> = fs::read_dir(&config.plugins_dir)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort();
        for path in files
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
        {
            let declaration = read(path).map_err(|error| LoadError::Read {
                path: path.display().to_string(),
                message: error.to_string(),
            });
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            rows.push(row(
                &name,
                &path.display().to_string(),
                &declaration.and_then(|bytes| Declaration::read(&bytes)),
            ));
        }
    }
    if json {
        terminal::print_line(terminal::json(&Value::from(rows)))?;
        return Ok(exit::OK);
    }
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    let mut lines = vec![format!("{:<20} {:<10} {:<10} DESCRIPTION", "NAME", "KIND", "VERSION")];
    for row in &rows {
        let last = row.get("error").map_or_else(
            || text(row, "description"),
            |_| format!("not usable: {}", text(row, "error")),
        );
        lines.push(format!(
            "{:<20} {:<10} {:<10} {last} ({})",
            text(row, "name"),
            text(row, "kind"),
            text(row, "version"),
            text(row, "origin")
        ));
    }
    terminal::print_line(terminal::plain(&lines.join("\n")))?;
    Ok(exit::OK)
}

fn row(name: &str, origin: &str, declaration: &Result<Declaration, LoadError>) -> Value {
    match declaration {
        Ok(declared) => {
            json!({"name": name, "origin": origin, "kind": declared.kind, "version": declared.version, "description": declared.description})
        }
        Err(error) => json!({"name": name, "origin": origin, "error": error.to_string()}),
    }
}

fn inspect(file: &Path, as_json: bool) -> anyhow::Result<u8> {
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

/// Largest file that is looked at.
const FILE_BYTES: u64 = 64 << 20;

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > FILE_BYTES {
        return Err(std::io::Error::other(format!("it has more than {FILE_BYTES} bytes")));
    }
    fs::read(path)
}
