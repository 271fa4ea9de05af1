//! `patchpanel plugin list`: the bundled plugins and those of a plugins directory.

use std::fs;
use std::path::Path;

use patchpanel_runtime::Declaration;
use serde_json::{Value, json};

use super::read;
use crate::{bundled, config, exit, terminal};

pub(super) fn list(config: Option<&Path>, json: bool) -> anyhow::Result<u8> {
    let mut rows: Vec<Value> = bundled::BUNDLED
        .iter()
        .map(|(name, bytes)| row(name, "bundled", &declared(bytes)))
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
            let bytes = read(path).map_err(|error| format!("cannot read it: {error}"));
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            rows.push(row(
                &name,
                &path.display().to_string(),
                &bytes.and_then(|bytes| declared(&bytes)),
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

fn declared(component: &[u8]) -> Result<Declaration, String> {
    Declaration::read(component).map_err(|error| error.to_string())
}

fn row(name: &str, origin: &str, declaration: &Result<Declaration, String>) -> Value {
    match declaration {
        Ok(declared) => {
            json!({"name": name, "origin": origin, "kind": declared.kind, "version": declared.version, "description": declared.description})
        }
        Err(error) => json!({"name": name, "origin": origin, "error": error}),
    }
}
