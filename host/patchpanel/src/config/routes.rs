//! `[[ingress]]`, `[[channels]]` and `[[subscriptions]]`: which way events go.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use patchpanel_event::{Level, TextSelector};
use patchpanel_router::{DeliveryPlan, RetryPolicy};
use patchpanel_runtime::{Role, UnitSpec};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::filter;
use super::model::{ChannelConfig, IngressConfig, StepConfig, SubscriptionConfig};
use super::names::{self, Taken};
use super::node::{Node, Section};
use super::plugins::Plugins;
use super::quantity::duration_text;

/// Most batches in flight, and most deliveries in each: together they bound what a subscription keeps in memory.
const MOST_CONCURRENT: u32 = 1_024;
const LARGEST_BATCH: u32 = 10_000;

/// What a channel's call may take beyond the plugin's deadline, which normally ends it.
const GRACE: Duration = Duration::from_secs(5);

pub(super) struct Routes {
    pub(super) ingress: Vec<IngressConfig>,
    pub(super) channels: Vec<ChannelConfig>,
    pub(super) subscriptions: Vec<SubscriptionConfig>,
    pub(super) units: Vec<UnitSpec>,
}

impl Routes {
    pub(super) fn read(root: &Section<'_>, plugins: &mut Plugins) -> Routes {
        let mut reader = Reader {
            plugins,
            units: Vec::new(),
            channel_names: Taken::default(),
            channels: BTreeMap::new(),
            subscription_names: Taken::default(),
        };
        let mut ingress: Vec<IngressConfig> = root
            .sections("ingress", |section| reader.ingress(section))
            .into_iter()
            .flatten()
            .collect();
        ingress.sort_by_key(|step| Reverse(step.priority));
        let channels = root.sections("channels", |section| reader.channel(section));
        let subscriptions = root.sections("subscriptions", |section| reader.subscription(section));
        Routes {
            ingress,
            channels: channels.into_iter().flatten().collect(),
            subscriptions: subscriptions.into_iter().flatten().collect(),
            units: reader.units,
        }
    }
}

struct Reader<'p> {
    plugins: &'p mut Plugins,
    units: Vec<UnitSpec>,
    channel_names: Taken,
    /// What subscriptions may refer to: names and aliases, each with the name of the channel; also of channels that are
    /// wrong otherwise.
    channels: BTreeMap<String, String>,
    subscription_names: Taken,
}

impl Reader<'_> {
    fn ingress(&mut self, section: &Section<'_>) -> Option<IngressConfig> {
        let priority = section.get("priority").and_then(|node| node.priority());
        let step = self.transform(section, "ingress")?;
        Some(IngressConfig {
            unit: step.unit,
            fields: step.fields,
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
        let own = own_config(section);
        let (name, plugin) = (name?.to_owned(), plugin?);
        let unit = self.unit(format!("channel {name}"), &plugin, own, Role::Channel);
        Some(ChannelConfig {
            name,
            aliases,
            min_level: min_level.unwrap_or(Level::Debug),
            concurrency: concurrency.unwrap_or(DeliveryPlan::default().concurrency),
            deadline: self.plugins.channel_deadline(&plugin).saturating_add(GRACE),
            plugin,
            unit,
        })
    }

    fn subscription(&mut self, section: &Section<'_>) -> Option<SubscriptionConfig> {
        let name_node = section.require("name", "\"...\"");
        let name = name_node.as_ref().and_then(Node::name);
        if let (Some(node), Some(name)) = (&name_node, name) {
            self.subscription_names.take(name, section.path(), node);
        }
        let filter = section.get("filter").and_then(|node| filter::pattern(&node));
        let min_level = section.get("min_level").and_then(|node| node.level());
        let way = format!("subscription {}", name.unwrap_or_default());
        let transforms = section
            .get("transforms")
            .and_then(|node| node.list())
            .unwrap_or_default();
        let transforms = transforms.iter().filter_map(|item| self.step(item, &way)).collect();
        let channel = section
            .require("channel", "\"...\"")
            .and_then(|node| self.target(&node));
        let priority = section.get("priority").and_then(|node| node.priority());
        let recipients = section.get("recipients").map(|node| node.texts()).unwrap_or_default();
        let defaults = DeliveryPlan::default();
        let concurrency = section
            .get("concurrency")
            .and_then(|node| non_zero(&node, MOST_CONCURRENT));
        let batch = section.get("batch").and_then(|node| non_zero(&node, LARGEST_BATCH));
        let retry = section.section("retry", retry);
        Some(SubscriptionConfig {
            name: name?.to_owned(),
            filter,
            min_level: min_level.unwrap_or(Level::Debug),
            transforms,
            channel: channel?,
            priority: priority.unwrap_or_default(),
            recipients: recipients
                .into_iter()
                .map(|(_, recipient)| recipient.to_owned())
                .collect(),
            retry,
            concurrency: concurrency.unwrap_or(defaults.concurrency),
            batch: batch.unwrap_or(defaults.batch),
        })
    }

    /// A transform of a subscription: its name, or a table with what else there is to say.
    fn step(&mut self, item: &Node<'_>, way: &str) -> Option<StepConfig> {
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
                Some(StepConfig { unit, fields })
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
        let own = own_config(section);
        let plugin = plugin?;
        Some(StepConfig {
            unit: self.unit(format!("{way} {plugin}"), &plugin, own, Role::Transform),
            fields: fields.unwrap_or_default(),
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

    /// The channel that a subscription names.
    fn target(&self, node: &Node<'_>) -> Option<String> {
        let name = node.name()?;
        if let Some(channel) = self.channels.get(name) {
            return Some(channel.clone());
        }
        let mut help = names::suggestion(name, self.channels.keys().map(String::as_str));
        if help.is_empty() {
            help = format!("add a section [[channels]] with name = \"{name}\"");
        }
        node.lacks(format!("there is no channel `{name}`"), help)
    }
}

fn own_config(section: &Section<'_>) -> Map<String, Value> {
    section
        .get("config")
        .and_then(|node| node.json_object())
        .unwrap_or_default()
}

fn non_zero(node: &Node<'_>, most: u32) -> Option<NonZeroUsize> {
    node.count(most)
        .and_then(|count| usize::try_from(count).ok())
        .and_then(NonZeroUsize::new)
}

fn retry(section: &Section<'_>) -> RetryPolicy {
    let defaults = RetryPolicy::default();
    let attempts = section.get("attempts").and_then(|node| node.count(1_000_000));
    let duration = |key| {
        section
            .get(key)
            .and_then(|node| node.duration(Duration::from_millis(1)))
    };
    let retry = RetryPolicy {
        attempts: attempts.and_then(NonZeroU32::new).unwrap_or(defaults.attempts),
        base: duration("base").unwrap_or(defaults.base),
        cap: duration("cap").unwrap_or(defaults.cap),
    };
    if retry.base > retry.cap {
        let help = format!("make `cap` longer; its default is \"{}\"", duration_text(defaults.cap));
        section.lacks::<()>("`base`, the first wait, is longer than `cap`", help);
    }
    retry
}
