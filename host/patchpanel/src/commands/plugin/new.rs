//! `patchpanel plugin new`: a small plugin to begin with.

use std::path::Path;

use patchpanel_author::WriteError;
use serde_json::json;

use crate::cli::PluginNewArgs;
use crate::{exit, terminal};

pub(super) fn new(args: &PluginNewArgs) -> anyhow::Result<u8> {
    let mut files = match patchpanel_author::project(args.kind, args.lang, &args.name) {
        Ok(files) => files,
        Err(error) => {
            terminal::say(format_args!("{error}"));
            return Ok(exit::WRONG_INPUT);
        }
    };
    files.merge(patchpanel_author::bindings(args.kind, args.lang)?);
    match files.write_new(Path::new(&args.name)) {
        Err(error @ WriteError::Exists(_)) => {
            terminal::say(format_args!("{error}"));
            return Ok(exit::WRONG_INPUT);
        }
        written => written?,
    }
    if args.json {
        let paths: Vec<&str> = files.paths().collect();
        let written = json!({"directory": args.name, "files": paths});
        terminal::print_line(terminal::json(&written))?;
    } else {
        terminal::print_line(format_args!(
            "{name} is a {kind} in {name}/; {name}/README.md tells how to build and test it",
            name = args.name,
            kind = args.kind
        ))?;
    }
    Ok(exit::OK)
}
