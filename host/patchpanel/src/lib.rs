//! The binary: config, API, commands, wiring.
//!
//! `commands/` has a file for each command, `server/` is the HTTP interface, `config/` reads `patchpanel.toml`, and
//! `wiring.rs` puts the crates below together.

mod bundled;
mod cli;
mod commands;
mod config;
mod exit;
mod git;
mod ports;
mod server;
mod service;
mod terminal;
mod wiring;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

/// The `patchpanel` command: reads the arguments, runs, tells how it went.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    init_log();
    match commands::run(&cli.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            terminal::say(format_args!("patchpanel: {error:#}"));
            ExitCode::from(commands::code(&error))
        }
    }
}

/// Logs go to standard error: readable on a terminal, JSON otherwise. `PATCHPANEL_LOG` sets what is logged, such as
/// `debug` or `patchpanel_router=debug`.
fn init_log() {
    let filter = EnvFilter::try_from_env("PATCHPANEL_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,patchpanel=info,patchpanel_runtime=info,patchpanel_router=info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).init();
    } else {
        log.json().with_current_span(false).with_span_list(false).init();
    }
}
