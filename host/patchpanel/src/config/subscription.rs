//! One subscription: who gets which events, and how.

use std::time::Duration;

use patchpanel_event::Level;
use patchpanel_router::{DeliveryPlan, PullPlan, Target};

use super::model::SubscriptionConfig;
use super::names;
use super::node::{Node, Section};
use super::routes::{MOST_CONCURRENT, Reader, non_zero};
use super::{filter, policy};

/// Most deliveries in a batch: with the batches in flight it bounds what a subscription keeps in memory.
const LARGEST_BATCH: u32 = 10_000;

impl Reader {
    pub(super) fn subscription(&mut self, section: &Section<'_>) -> Option<SubscriptionConfig> {
        let name_node = section.require("name", "\"...\"");
        let name = name_node.as_ref().and_then(Node::name);
        if let (Some(node), Some(name)) = (&name_node, name) {
            self.subscription_names.take(name, section.path(), node);
        }
        let filter = section.get("filter").and_then(|node| filter::pattern(&node));
        let min_level = section.get("min_level").and_then(|node| node.level());
        let way = way(name.unwrap_or_default());
        let transforms = section
            .get("transforms")
            .and_then(|node| node.list())
            .unwrap_or_default();
        let transforms = transforms.iter().filter_map(|item| self.step(item, &way)).collect();
        let pull = section.get("pull");
        let of_push = OfPush {
            section,
            pulled: pull.is_some(),
        };
        let target = self.target(section, pull.as_ref());
        let priority = of_push.get("priority").and_then(|node| node.priority());
        let recipients = of_push.get("recipients").map(|node| node.texts()).unwrap_or_default();
        let concurrency = of_push
            .get("concurrency")
            .and_then(|node| non_zero(&node, MOST_CONCURRENT));
        let batch = of_push.get("batch").and_then(|node| non_zero(&node, LARGEST_BATCH));
        let throttle = of_push.get("throttle").and_then(|node| policy::throttle(&node));
        let ordering = section.get("ordering").and_then(|node| policy::ordering(&node));
        let expires_after = section
            .get("expires_after")
            .and_then(|node| node.duration(Duration::from_millis(1)));
        let start = section.get("start").and_then(|node| policy::start(&node));
        let retry = section.section("retry", policy::retry);
        let defaults = DeliveryPlan::default();
        Some(SubscriptionConfig {
            name: name?.to_owned(),
            filter,
            min_level: min_level.unwrap_or(Level::Debug),
            transforms,
            target: target?,
            start: start.unwrap_or_default(),
            priority: priority.unwrap_or_default(),
            recipients: recipients
                .into_iter()
                .map(|(_, recipient)| recipient.to_owned())
                .collect(),
            retry,
            concurrency: concurrency.unwrap_or(defaults.concurrency),
            batch: batch.unwrap_or(defaults.batch),
            throttle,
            ordering,
            expires_after,
        })
    }

    /// Either a channel, or consumers that pull.
    fn target(&self, section: &Section<'_>, pull: Option<&Node<'_>>) -> Option<Target> {
        let channel = section.get("channel");
        match (channel, pull) {
            (Some(channel), None) => self.channel_of(&channel).map(Target::Channel),
            (None, Some(pull)) => pull.section(policy::pull).map(Target::Pull),
            (Some(channel), Some(pull)) => {
                // What is wrong with either is said, too: one of them will stay.
                self.channel_of(&channel);
                pull.section::<PullPlan>(policy::pull);
                pull.refuse(
                    "a subscription has a channel or consumers that pull, not both",
                    "keep either `channel` or `pull`",
                )
            }
            (None, None) => section.lacks(
                "`channel` is missing",
                "add channel = \"...\", or pull = {} for consumers that fetch",
            ),
        }
    }

    /// The channel that a subscription names.
    fn channel_of(&self, node: &Node<'_>) -> Option<String> {
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

/// Begins the ids of a subscription's units.
pub(super) fn way(name: &str) -> String {
    format!("subscription {name}")
}

/// What means something only where the router does the delivering.
struct OfPush<'s, 't> {
    section: &'s Section<'t>,
    pulled: bool,
}

impl<'t> OfPush<'_, 't> {
    fn get(&self, key: &'static str) -> Option<Node<'t>> {
        let node = self.section.get(key)?;
        if self.pulled {
            return node.refuse(
                "means nothing where consumers pull",
                "leave it out: a consumer fetches as much and as often as it likes",
            );
        }
        Some(node)
    }
}
