//! `patchpanel plugin bindings`: what a plugin is compiled against.

use serde_json::json;

use crate::cli::PluginBindingsArgs;
use crate::{exit, terminal};

pub(super) fn bindings(args: &PluginBindingsArgs) -> anyhow::Result<u8> {
    let files = patchpanel_author::bindings(args.kind, args.lang)?;
    files.write(&args.dir)?;
    let paths: Vec<&str> = files.paths().collect();
    if args.json {
        let written = json!({"directory": args.dir.display().to_string(), "files": paths});
        terminal::print_line(terminal::json(&written))?;
    } else {
        terminal::print_line(format_args!("{} files in {}", paths.len(), args.dir.display()))?;
    }
    Ok(exit::OK)
}
