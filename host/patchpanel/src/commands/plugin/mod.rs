//! `patchpanel plugin`: one file per command.

mod bench;
mod bindings;
mod check;
mod compile;
mod decide;
mod fixtures;
mod inspect;
mod keys;
mod list;
mod new;
mod pack;
mod test;

use std::fs;
use std::path::Path;

use patchpanel_runtime::{EngineError, Runtime};

use crate::cli::PluginCommand;
use crate::config::{self, CompileLimits};
use crate::wiring;

pub(crate) fn plugin(command: &PluginCommand) -> anyhow::Result<u8> {
    match command {
        PluginCommand::List { config, json } => list::list(config.as_deref(), *json),
        PluginCommand::Inspect {
            url: Some(url),
            file,
            json,
        } => inspect::running(url, &file.to_string_lossy(), *json),
        PluginCommand::Inspect { url: None, file, json } => inspect::inspect(file, *json),
        PluginCommand::New(args) => new::new(args),
        PluginCommand::Bindings(args) => bindings::bindings(args),
        PluginCommand::Pack(args) => pack::pack(args),
        PluginCommand::Check { file, json } => check::check(file, *json),
        PluginCommand::Test(args) => test::test(args),
        PluginCommand::Bench(args) => bench::bench(args),
        PluginCommand::Keygen { name, no_password } => keys::keygen(name, *no_password),
        PluginCommand::Sign { file, key } => keys::sign(file, key),
        PluginCommand::Verify { file, key } => keys::verify(file, key),
        PluginCommand::Promote(args) => decide::decide(args, "promote", "serves with its new revision"),
        PluginCommand::Discard(args) => decide::decide(args, "discard", "keeps the revision that it has"),
        PluginCommand::Release(args) => decide::decide(args, "release", "is in service again"),
        PluginCommand::Compile { memory } => compile::compile(*memory),
    }
}

/// As a router has it that is configured with nothing.
fn author_runtime() -> Result<Runtime, EngineError> {
    Runtime::new(
        config::user_cache().as_deref(),
        Some(wiring::compiler(CompileLimits::default())),
    )
}

/// Largest file that is looked at.
const FILE_BYTES: u64 = 64 << 20;

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > FILE_BYTES {
        return Err(std::io::Error::other(format!("it has more than {FILE_BYTES} bytes")));
    }
    fs::read(path)
}
