//! The commands on plugins.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use patchpanel_author::{Kind, Language};

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
    /// Show what a component file says about itself, without running it
    Inspect {
        /// Print as JSON
        #[arg(long)]
        json: bool,
        /// Component file, or the name of a bundled plugin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Write a new plugin: a small project that builds, with its tests
    New(PluginNewArgs),
    /// Write what a plugin is compiled against: the contract, and bindings for languages whose tools do not make them
    Bindings(PluginBindingsArgs),
    /// Make a component that declares itself of what a compiler gives
    Pack(PluginPackArgs),
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
