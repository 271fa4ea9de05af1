//! The commands on plugins.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use patchpanel_author::{Kind, Language};

use super::RemoteArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// List the bundled plugins and those in a plugins directory
    List {
        /// Configuration file whose plugins directory is listed, too
        #[arg(long, short, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a component file says about itself, without running it; or, of a running router, what a plugin asks for, is
    /// granted, has used and was refused
    Inspect {
        /// Where a router listens; the plugin is then one of its own, by name
        #[arg(long, value_name = "URL", value_parser = super::remote::url)]
        url: Option<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// Component file, or the name of a plugin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write a new plugin: a small project that builds, with its tests
    New(PluginNewArgs),
    /// Write what a plugin is compiled against: the contract, and bindings for languages whose tools do not make them
    Bindings(PluginBindingsArgs),
    /// Make a component that declares itself of what a compiler gives
    Pack(PluginPackArgs),
    /// Tell in plain words whether a router would take a component, and what it would have to grant
    Check {
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// Component file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Run events through a plugin offline and compare what comes out with golden files
    Test(PluginTestArgs),
    /// Measure what calls of a plugin cost, and how much memory it takes
    Bench(PluginBenchArgs),
    /// Make a pair of keys to sign plugins with: NAME.key and NAME.pub
    Keygen {
        /// Protect the secret key by nothing but the permissions of its file
        #[arg(long)]
        no_password: bool,
        /// Where they go
        #[arg(value_name = "NAME")]
        name: PathBuf,
    },
    /// Sign a component: writes FILE.minisig beside it
    #[command(after_help = PASSWORD_HELP)]
    Sign {
        /// Secret key, of `plugin keygen` or minisign
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Component file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Check the signature beside a component
    Verify {
        /// Public key, or its file; may be repeated
        #[arg(long, value_name = "KEY", required = true)]
        key: Vec<String>,
        /// Component file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Put the revision into service that runs in the shadow of a plugin
    Promote(PluginDecideArgs),
    /// End the shadow of a plugin; its new revision is not tried again
    Discard(PluginDecideArgs),
    /// End the quarantine of a plugin, and try content of its file again that was refused
    Release(PluginDecideArgs),
    #[command(hide = true)]
    Compile { memory: u64 },
}

const PASSWORD_HELP: &str = "A password is asked for on the terminal, or taken from PATCHPANEL_KEY_PASSWORD.";

#[derive(Debug, Args)]
pub(crate) struct PluginTestArgs {
    /// Component file; else the one in DIR, DIR/build, DIR/dist or DIR/target/wasm32-wasip2/release
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Where the cases are; else DIR/fixtures
    #[arg(long, value_name = "DIR")]
    pub(crate) fixtures: Option<PathBuf>,
    /// Write what comes out to the golden files, instead of comparing
    #[arg(long)]
    pub(crate) bless: bool,
    /// Print a line of JSON for each case
    #[arg(long)]
    pub(crate) json: bool,
    /// The plugin's project. Each directory in `fixtures` is a case: events.ndjson, expected.ndjson and, where the plugin is
    /// configured, config.json
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) project: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PluginBenchArgs {
    /// What the plugin is configured with, as JSON
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) config: String,
    /// Events, one JSON object per line; else one with a message of 220 bytes
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<PathBuf>,
    /// How long each size of batch is measured
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    pub(crate) time: std::time::Duration,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Component file
    #[arg(value_name = "FILE")]
    pub(crate) component: PathBuf,
}

fn time(text: &str) -> Result<std::time::Duration, &'static str> {
    crate::config::duration(text).ok_or("not a duration; write a number with a unit: 500ms, 2s")
}

#[derive(Debug, Args)]
pub(crate) struct PluginDecideArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// The plugin, as the configuration calls it
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct PluginNewArgs {
    /// What it does
    #[arg(long, value_parser = kinds())]
    pub(crate) kind: Kind,
    /// What it is written in
    #[arg(long, value_parser = languages())]
    pub(crate) lang: Language,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Its name, and that of its directory, which is made here: a-z, 0-9 and `-`
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct PluginBindingsArgs {
    /// What the plugin does
    #[arg(long, value_parser = kinds())]
    pub(crate) kind: Kind,
    /// What it is written in
    #[arg(long, value_parser = languages())]
    pub(crate) lang: Language,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The project's directory; what an earlier version wrote there is replaced
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PluginPackArgs {
    /// What the plugin says about itself, as JSON
    #[arg(long, short, value_name = "FILE", default_value = "plugin.json")]
    pub(crate) declaration: PathBuf,
    /// Where the component goes
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// A core module with the exports of its kind's world, or a component
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|name| name.parse())
}

fn languages() -> impl TypedValueParser<Value = Language> {
    PossibleValuesParser::new(Language::ALL.map(Language::name)).try_map(|name| name.parse())
}
