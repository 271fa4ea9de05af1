//! One file per command.

mod config;
mod demo;
mod explain;
mod plugin;
mod publish;
mod route;
mod run;

use crate::cli::Command;

/// Runs a command and returns its exit code.
pub(crate) fn run(command: &Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::demo(args),
        Command::Route(args) => route::route(args),
        Command::Explain(args) => explain::explain(args),
        Command::Publish(args) => publish::publish(args),
        Command::Config(command) => config::config(command),
        Command::Plugin(command) => plugin::plugin(command),
    }
}
