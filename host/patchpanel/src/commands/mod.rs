//! One file per command.

mod channels;
mod client;
mod config;
mod dead_letters;
mod deliveries;
mod demo;
mod events;
mod explain;
mod plugin;
mod publish;
mod replay;
mod route;
mod run;
mod subscriptions;
mod table;

use crate::cli::Command;
use crate::exit;

/// Runs a command and returns its exit code.
pub(crate) fn run(command: &Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(args) => run::run(args),
        Command::Demo(args) => demo::demo(args),
        Command::Route(args) => route::route(args),
        Command::Explain(args) => explain::explain(args),
        Command::Publish(args) => publish::publish(args),
        Command::Events(command) => events::events(command),
        Command::Deliveries(command) => deliveries::deliveries(command),
        Command::DeadLetters(command) => dead_letters::dead_letters(command),
        Command::Replay(command) => replay::replay(command),
        Command::Subscriptions(command) => subscriptions::subscriptions(command),
        Command::Channels(command) => channels::channels(command),
        Command::Config(command) => config::config(command),
        Command::Plugin(command) => plugin::plugin(command),
    }
}

/// The exit code for an error.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<client::Refused>() {
        Some(refused) => refused.code(),
        None if error.is::<crate::config::Mistakes>() => exit::WRONG_INPUT,
        None => exit::FAILED,
    }
}
