//! `patchpanel plugin`: one file per command. What components say about themselves is read without running
//! them.

mod bindings;
mod inspect;
mod list;
mod new;
mod pack;

use std::fs;
use std::path::Path;

use crate::cli::PluginCommand;

pub(crate) fn plugin(command: &PluginCommand) -> anyhow::Result<u8> {
    match command {
        PluginCommand::List { config, json } => list::list(config.as_deref(), *json),
        PluginCommand::Inspect { file, json } => inspect::inspect(file, *json),
        PluginCommand::New(args) => new::new(args),
        PluginCommand::Bindings(args) => bindings::bindings(args),
        PluginCommand::Pack(args) => pack::pack(args),
    }
}

/// Largest file that is looked at.
const FILE_BYTES: u64 = 64 << 20;

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > FILE_BYTES {
        return Err(std::io::Error::other(format!("it has more than {FILE_BYTES} bytes")));
    }
    fs::read(path)
}
