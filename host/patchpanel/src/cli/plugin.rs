//! The commands on plugins.

use std::path::PathBuf;

use clap::Subcommand;

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
}
