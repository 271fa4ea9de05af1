//! `[[ingress]]`, `[[channels]]` and `[[subscriptions]]`: which way events go.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use patchpanel_event::{Level, TextSelector};
use patchpanel_router::DeliveryPlan;
use patchpanel_runtime::{Role, UnitSpec};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::definition::Catalog;
use super::model::{ChannelConfig, IngressConfig, StepConfig, SubscriptionConfig};
use super::names::Taken;
use super::node::{Node, Section};
use super::plugins::Plugins;
use super::policy;

/// Most calls of a channel, and most batches of a subscription in flight.
pub(super) const MOST_CONCURRENT: u32 = 1_024;

/// What a channel's call may take beyond the plugin's deadline, which normally ends it.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Routes {
    pub(super) ingress: Vec<IngressConfig>,
    pub(super) channels: Vec<ChannelConfig>,
    pub(super) subscriptions: Vec<SubscriptionConfig>,
    pub(super) units: Vec<UnitSpec>,
    /// What further subscriptions may refer to.
    pub(super) catalog: Catalog,
}

impl Routes {
    pub(super) fn read(root: &Section<'_>, plugins: Plugins) -> Routes {
        let mut reader = Reader::new(plugins);
        let mut ingress: Vec<IngressConfig> = root
            .sections("ingress", |section| reader.ingress(section))
            .into_iter()
            .flatten()
            .collect();
        ingress.sort_by_key(|step| Reverse(step.priority));
        let channels = root.sections("channels", |section| reader.channel(section));
        let subscriptions = root.sections("subscriptions", |section| reader.subscription(section));
        let (units, catalog) = reader.end();
        Routes {
            ingress,
            channels: channels.into_iter().flatten().collect(),
            subscriptions: subscriptions.into_iter().flatten().collect(),
            units,
            catalog,
        }
    }
}

/// Reads ingress steps, channels and subscriptions, and notes what they use.
pub(super) struct Reader {
    plugins: Plugins,
    units: Vec<UnitSpec>,
    channel_names: Taken,
    /// What subscriptions may refer to: names and aliases, each with the name of the channel; also of channels that are
    /// wrong otherwise.
    pub(super) channels: BTreeMap<String, String>,
    pub(super) subscription_names: Taken,
}

impl Reader {
    fn new(plugins: Plugins) -> Reader {
        Reader {
            plugins,
            units: Vec::new(),
            channel_names: Taken::default(),
            channels: BTreeMap::new(),
            subscription_names: Taken::default(),
        }
    }

    /// One that goes on where the reading of a file ended.
    pub(super) fn behind(catalog: Catalog, units: Vec<UnitSpec>) -> Reader {
        Reader {
            units,
            channels: catalog.channels,
            subscription_names: catalog.subscriptions,
            ..Reader::new(catalog.plugins)
        }
    }

    /// All uses, and what can be referred to.
    pub(super) fn end(self) -> (Vec<UnitSpec>, Catalog) {
        let catalog = Catalog {
            plugins: self.plugins,
            channels: self.channels,
            subscriptions: self.subscription_names,
        };
        (self.units, catalog)
    }

    fn ingress(&mut self, section: &Section<'_>) -> Option<IngressConfig> {
        let priority = section.get("priority").and_then(|node| node.priority());
        let step = self.transform(section, "ingress")?;
        Some(IngressConfig {
            unit: step.unit,
            fields: step.fields,
            report: step.report,
            priority: priority.unwrap_or_default(),
        })
    }

    fn channel(&mut self, section: &Section<'_>) -> Option<ChannelConfig> {
        let name_node = section.require("name", "\"...\"");
        let name = name_node.as_ref().and_then(Node::name);
        if let (Some(node), Some(name)) = (&name_node, name) {
            self.take_channel_name(section, node, name, name);
        }
        let mut aliases = Vec::new();
        for (node, alias) in section.get("aliases").map(|node| node.texts()).unwrap_or_default() {
            if let Some(alias) = node.name() {
                self.take_channel_name(section, &node, alias, name.unwrap_or(alias));
            }
            aliases.push(alias.to_owned());
        }
        let plugin = section
            .require("plugin", "\"...\"")
            .and_then(|node| self.plugins.refer(&node));
        let min_level = section.get("min_level").and_then(|node| node.level());
        let concurrency = section
            .get("concurrency")
            .and_then(|node| non_zero(&node, MOST_CONCURRENT));
        let breaker = section.section("breaker", policy::breaker);
        let own = own_config(section);
        let (name, plugin) = (name?.to_owned(), plugin?);
        let unit = self.unit(format!("channel {name}"), &plugin, own, Role::Channel);
        Some(ChannelConfig {
            name,
            aliases,
            min_level: min_level.unwrap_or(Level::Debug),
            concurrency: concurrency.unwrap_or(DeliveryPlan::default().concurrency),
            deadline: self.plugins.channel_deadline(&plugin).saturating_add(GRACE),
            breaker,
            plugin,
            unit,
        })
    }

    /// A transform of a subscription: its name, or a table with what else there is to say.
    pub(super) fn step(&mut self, item: &Node<'_>, way: &str) -> Option<StepConfig> {
        match item.value {
            DeValue::String(_) => {
                let plugin = self.plugins.refer(item)?;
                let unit = self.unit(
                    format!("{way} transform {plugin}"),
                    &plugin,
                    Map::new(),
                    Role::Transform,
                );
                let fields = TextSelector::default();
                Some(StepConfig {
                    unit,
                    fields,
                    report: None,
                })
            }
            DeValue::Table(_) => item
                .section(|section| self.transform(section, &format!("{way} transform")))
                .flatten(),
            _ => item.expected(
                "a transform",
                "write its name, or { transform = \"...\", fields = [...] }",
            ),
        }
    }

    fn transform(&mut self, section: &Section<'_>, way: &str) -> Option<StepConfig> {
        let plugin = section
            .require("transform", "\"redact\"")
            .and_then(|node| self.plugins.refer(&node));
        let fields = section.get("fields").and_then(|node| node.fields());
        let mut fields = fields.unwrap_or_default();
        if let Some(numbers) = section.get("numbers").and_then(|node| node.numbers(&fields)) {
            fields = numbers;
        }
        if let Some(keys) = section.get("keys").and_then(|node| node.keys(&fields)) {
            fields = keys;
        }
        let report = section.get("report").and_then(|node| node.name());
        let own = own_config(section);
        let plugin = plugin?;
        Some(StepConfig {
            unit: self.unit(format!("{way} {plugin}"), &plugin, own, Role::Transform),
            fields,
            report: report.map(str::to_owned),
        })
    }

    /// Adds a use. Where a plugin is used twice on one way, the id counts.
    fn unit(&mut self, id: String, plugin: &str, own: Map<String, Value>, role: Role) -> String {
        let counted = (2..).map(|count: usize| format!("{id} {count}"));
        let is_free = |id: &String| !self.units.iter().any(|unit| unit.id == *id);
        let id = std::iter::once(id.clone())
            .chain(counted)
            .find(is_free)
            .unwrap_or_default();
        self.units.push(UnitSpec {
            id: id.clone(),
            plugin: plugin.to_owned(),
            config: self.plugins.config(plugin, own),
            role,
        });
        id
    }

    fn take_channel_name(&mut self, section: &Section<'_>, node: &Node<'_>, name: &str, channel: &str) {
        self.channel_names.take(name, section.path(), node);
        self.channels
            .entry(name.to_owned())
            .or_insert_with(|| channel.to_owned());
    }
}

fn own_config(section: &Section<'_>) -> Map<String, Value> {
    section
        .get("config")
        .and_then(|node| node.json_object())
        .unwrap_or_default()
}

pub(super) fn non_zero(node: &Node<'_>, most: u32) -> Option<NonZeroUsize> {
    node.count(most)
        .and_then(|count| usize::try_from(count).ok())
        .and_then(NonZeroUsize::new)
}
