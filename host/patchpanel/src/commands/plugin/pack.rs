//! `patchpanel plugin pack`: from what a compiler gives to a component that declares itself.

use std::fs;

use anyhow::Context as _;
use patchpanel_runtime::Declaration;
use serde_json::json;

use super::read;
use crate::cli::PluginPackArgs;
use crate::{exit, terminal};

pub(super) fn pack(args: &PluginPackArgs) -> anyhow::Result<u8> {
    let load = |path| read(path).with_context(|| format!("cannot read {}", path.display()));
    let (input, declaration) = (load(&args.input)?, load(&args.declaration)?);
    let wrong = |place: &std::path::Path, error: &dyn std::fmt::Display| {
        terminal::say(format_args!("{}: {error}", place.display()));
        Ok(exit::WRONG_INPUT)
    };
    let component = match patchpanel_author::pack(&input, &declaration) {
        Ok(component) => component,
        Err(error) if error.is_about_declaration() => return wrong(&args.declaration, &error),
        Err(error) => return wrong(&args.input, &error),
    };
    // As the router will read it.
    let declared = match Declaration::read(&component) {
        Ok(declared) => declared,
        Err(error) => return wrong(&args.declaration, &error),
    };
    fs::write(&args.output, &component).with_context(|| format!("cannot write {}", args.output.display()))?;
    if args.json {
        let packed = json!({
            "file": args.output.display().to_string(),
            "bytes": component.len(),
            "declaration": declared,
        });
        terminal::print_line(terminal::json(&packed))?;
    } else {
        terminal::print_line(terminal::plain(&format!(
            "{}: {} {} ({}), {} bytes",
            args.output.display(),
            declared.name,
            declared.version,
            declared.kind,
            component.len()
        )))?;
    }
    Ok(exit::OK)
}
