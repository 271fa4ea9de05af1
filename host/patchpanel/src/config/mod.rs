//! `patchpanel.toml`: from its text to a [`Config`], or to all of its mistakes, each with its place and what to write.
//!
//! The text is read into a tree that knows where everything stands ([`toml::de::DeTable`]), and that is read by hand
//! ([`node`]), because a derived reader stops at the first mistake. What may stand in a file is listed, with the
//! defaults, in `patchpanel.reference.toml`.
//!
//! Messages repeat names and keys, never values that could be secrets; lines of the file are quoted without them.

mod allow;
mod definition;
mod describe;
mod filter;
mod messages;
mod mistakes;
mod model;
mod names;
mod node;
mod plugins;
mod policy;
mod quantity;
mod render;
mod report;
mod routes;
mod settings;
mod subscription;
mod syntax;
#[cfg(test)]
mod tests;
mod values;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use toml::de::DeTable;

pub(crate) use self::filter::path as filter_path;
pub(crate) use self::mistakes::Mistakes;
pub(crate) use self::model::{ChannelConfig, CompileLimits, Config, StoreConfig, SubscriptionConfig};
pub(crate) use self::names::suggestion;
use self::node::Section;
use self::plugins::Plugins;
pub(crate) use self::quantity::{duration, duration_text};
use self::report::Report;
use self::routes::Routes;
use self::settings::Settings;
pub(crate) use self::settings::user_cache;
use self::syntax::Syntax;

/// Reads a configuration file.
///
/// # Errors
/// A file that cannot be read, or [`Mistakes`].
pub(crate) fn load(file: &Path) -> anyhow::Result<Config> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let base = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let config = parse(&text, base).map_err(|mistakes| mistakes.in_file(file.display().to_string()))?;
    Ok(config)
}

/// Reads the text of a configuration file. `base` is the directory of the file, from which relative paths count.
///
/// # Errors
/// All mistakes, in the order of the text.
pub(crate) fn parse(text: &str, base: &Path) -> Result<Config, Mistakes> {
    parse_with(text, base, &crate::bundled::names())
}

/// As [`parse`], with the names of the plugins that need no file. Looks into the plugins directory for those that do.
fn parse_with(text: &str, base: &Path, bundled: &[&str]) -> Result<Config, Mistakes> {
    let report = Report::default();
    let config = read(text, base, bundled, &report);
    let mistakes = report.into_mistakes(text);
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

/// What was read; only to be used if nothing was reported.
fn read(text: &str, base: &Path, bundled: &[&str], report: &Report) -> Config {
    let syntax = Syntax::check(text);
    let (root, _) = DeTable::parse_recoverable(&syntax.readable);
    let config = Section::read(report, Some(root.get_ref()), 0..0, "", |root| {
        let settings = Settings::read(root, base);
        let plugins = Plugins::read(root, &settings, base, bundled);
        let routes = Routes::read(root, plugins);
        Config {
            plugins_dir: settings.plugins_dir,
            cache_dir: settings.cache_dir,
            compile: settings.compile,
            trust: settings.trust,
            server: settings.server,
            limits: settings.limits,
            store: settings.store,
            plugins: routes.catalog.plugins.used_by(&routes.units),
            ingress: routes.ingress,
            channels: routes.channels,
            subscriptions: routes.subscriptions,
            units: routes.units,
            catalog: routes.catalog,
        }
    });
    syntax.report(report);
    config
}
