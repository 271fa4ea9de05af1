//! The command line.

mod plugin;
mod remote;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::plugin::{
    PluginBenchArgs, PluginBindingsArgs, PluginCommand, PluginDecideArgs, PluginNewArgs, PluginPackArgs, PluginTestArgs,
};
pub(crate) use self::remote::{
    ChannelsCommand, DeadLettersCommand, DeliveriesCommand, EventsCommand, EventsListArgs, PageArgs, RemoteArgs,
    ReplayCommand, ReplayStartArgs, SelectionArgs, SubscriptionsCommand,
};

/// An event router that anyone can extend with sandboxed WebAssembly plugins.
#[derive(Debug, Parser)]
#[command(
    name = "patchpanel",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments, configuration or input, 3 no subscription \
                  matched (explain), 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the router: accept events over HTTP, redact, route and deliver them
    Run(RunArgs),
    /// Show the router at work on the git history of a repository
    Demo(DemoArgs),
    /// Route events from a file offline and print every delivery that would result, without delivering
    Route(RouteArgs),
    /// Explain why an event matches the subscriptions of a configuration, or why it does not, without running plugins
    Explain(ExplainArgs),
    /// Send events to a running router
    Publish(PublishArgs),
    /// Look at the events that a running router keeps
    #[command(subcommand)]
    Events(EventsCommand),
    /// Look at deliveries of a running router
    #[command(subcommand)]
    Deliveries(DeliveriesCommand),
    /// Look at deliveries that failed for good, deliver them again, or discard them
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Deliver events of the past once more
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// Create and remove subscriptions while the router runs
    #[command(subcommand)]
    Subscriptions(SubscriptionsCommand),
    /// Look at the channels of a running router, and ask them how they are
    #[command(subcommand)]
    Channels(ChannelsCommand),
    /// Work with configuration files
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Work with plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Configuration file
    #[arg(long, short, value_name = "FILE", default_value = "patchpanel.toml")]
    pub(crate) config: PathBuf,
    /// Listen here instead of where the configuration says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// End when everything is delivered, instead of serving until Ctrl-C; so it does by itself where standard output is no terminal
    #[arg(long)]
    pub(crate) once: bool,
    /// Repository whose history becomes events
    #[arg(long, value_name = "PATH", default_value = ".")]
    pub(crate) repo: PathBuf,
    /// Directory for what the demo writes, and for plugins to drop in
    #[arg(long, value_name = "PATH", default_value = "patchpanel-demo")]
    pub(crate) dir: PathBuf,
    /// Listen here while serving; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7077")]
    pub(crate) listen: std::net::SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    /// Configuration file
    #[arg(long, short, value_name = "FILE", default_value = "patchpanel.toml")]
    pub(crate) config: PathBuf,
    /// End at the first line that is no event, with exit code 2, instead of skipping it
    #[arg(long)]
    pub(crate) strict: bool,
    /// Worker threads; all cores where not given
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<std::num::NonZeroUsize>,
    /// Print the summary on standard error as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Events, one JSON object per line; `-` is standard input
    #[arg(value_name = "INPUT", default_value = "-")]
    pub(crate) input: PathBuf,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 a subscription matched (the named one, if one is named), 3 none did, 1 failed, \
                        2 wrong arguments, configuration or event."
)]
pub(crate) struct ExplainArgs {
    /// Configuration file
    #[arg(long, short, value_name = "FILE", default_value = "patchpanel.toml")]
    pub(crate) config: PathBuf,
    /// The event, one JSON object or structured CloudEvent; `-` is standard input
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(crate) event: PathBuf,
    /// Explain this subscription only
    #[arg(long, short, value_name = "NAME")]
    pub(crate) subscription: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// Events: one JSON object per line, or one JSON array; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a configuration file and the plugins it names; shows every mistake at once
    Check {
        /// Print mistakes as JSON
        #[arg(long)]
        json: bool,
        /// Configuration file
        #[arg(value_name = "FILE", default_value = "patchpanel.toml")]
        file: PathBuf,
    },
}
