//! Subscriptions that are defined while the router runs: JSON objects of the shape of a `[[subscriptions]]` entry, read
//! by the same reader, so that the same mistakes are found.

use std::collections::BTreeMap;

use patchpanel_event::FIELD_NAMES;
use patchpanel_filter::{Pattern, Source};
use serde_json::{Map, Value};
use toml::Table;
use toml::de::DeTable;

use super::mistakes::Mistakes;
use super::model::Config;
use super::names::Taken;
use super::node::{Section, note};
use super::plugins::Plugins;
use super::report::{Report, Sort};
use super::routes::Reader;
use super::subscription::way;

const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// What a subscription may refer to, and which names are taken: where the reading of a file ended.
#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    pub(super) plugins: Plugins,
    /// Names and aliases, each with the name of the channel.
    pub(super) channels: BTreeMap<String, String>,
    pub(super) subscriptions: Taken,
}

impl Config {
    /// Adds a subscription.
    ///
    /// # Errors
    /// All that is wrong with the definition, names that are taken among it; nothing has changed then. Paths begin in the
    /// object; places of a text there are none.
    pub(crate) fn add_subscription(&mut self, definition: &Map<String, Value>) -> Result<(), Mistakes> {
        let report = Report::default();
        let before = self.catalog.clone();
        let mut catalog = before.clone();
        catalog.plugins.look_again();
        let units = self.units.len();
        let mut reader = Reader::behind(catalog, std::mem::take(&mut self.units));
        let text = table(&report, definition).to_string();
        // What was just written can be read.
        let (root, _) = DeTable::parse_recoverable(&text);
        let read = Section::read(&report, Some(root.get_ref()), 0..0, "", |section| {
            reader.subscription(section)
        });
        let filter = definition.get("filter").map(|filter| pattern(&report, filter));
        let mistakes = report.into_mistakes(&text);
        (self.units, self.catalog) = reader.end();
        let (Some(mut subscription), true) = (read, mistakes.is_empty()) else {
            self.units.truncate(units);
            self.catalog = before;
            return Err(mistakes);
        };
        subscription.filter = filter.flatten();
        self.subscriptions.push(subscription);
        self.plugins = self.catalog.plugins.used_by(&self.units);
        Ok(())
    }

    /// Takes a subscription out again.
    pub(crate) fn remove_subscription(&mut self, name: &str) {
        self.subscriptions.retain(|subscription| subscription.name != name);
        let way = way(name);
        // Names have no spaces, so this is no other's way.
        self.units.retain(|unit| !unit.id.starts_with(&format!("{way} ")));
        self.plugins = self.catalog.plugins.used_by(&self.units);
        self.catalog.subscriptions.release(name);
    }
}

/// The definition without its filter: patterns may have null, which TOML has not.
fn table(report: &Report, definition: &Map<String, Value>) -> Table {
    let others = definition.iter().filter(|(key, _)| *key != "filter");
    members(report, others, "")
}

fn members<'j>(report: &Report, members: impl Iterator<Item = (&'j String, &'j Value)>, path: &str) -> Table {
    let member = |(key, value): (&String, &'j Value)| {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        Some((key.clone(), tree(report, value, &path)?))
    };
    members.filter_map(member).collect()
}

/// What TOML has not is noted.
fn tree(report: &Report, value: &Value, path: &str) -> Option<toml::Value> {
    let refuse = |message: &str, help: &str| note(report, Sort::Value, 0..0, path, message, help);
    Some(match value {
        Value::Null => return refuse("null means nothing here", "leave the key out"),
        Value::Bool(flag) => toml::Value::Boolean(*flag),
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => toml::Value::Integer(integer),
            // What has no fraction and does not fit was written as an integer.
            (None, Some(float)) if number.is_f64() && float.abs() < TWO_TO_63 => toml::Value::Float(float),
            _ => return refuse("an integer of more than 63 bits", ""),
        },
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let items = items.filter_map(|(index, item)| tree(report, item, &format!("{path}[{index}]")));
            toml::Value::Array(items.collect())
        }
        Value::Object(object) => toml::Value::Table(members(report, object.iter(), path)),
    })
}

fn pattern(report: &Report, filter: &Value) -> Option<Pattern> {
    let source = Source::from_json(&filter.to_string()).map_err(|mistake| vec![mistake]);
    let read = source.and_then(|source| Pattern::parse_with_fields(&source, &FIELD_NAMES));
    let mistakes = match read {
        Ok(pattern) => return Some(pattern),
        Err(mistakes) => mistakes,
    };
    for mistake in mistakes {
        let path = super::filter::path("filter", &mistake.path);
        note::<()>(
            report,
            Sort::Value,
            0..0,
            &path,
            mistake.message,
            mistake.help.unwrap_or_default(),
        );
    }
    None
}
