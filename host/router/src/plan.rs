//! What a [`Table`](crate::Table) is made of.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{Level, TextSelector};
use patchpanel_filter::Pattern;

use crate::{Channel, Redactor, RetryPolicy, Transformer};

/// One plugin on an event's way.
#[derive(Clone)]
pub enum Step {
    /// Replaces text.
    Redactor {
        /// Name of the plugin.
        plugin: String,
        /// What it is given.
        selector: TextSelector,
        /// One revision of it.
        handle: Arc<dyn Redactor>,
    },
    /// Changes, drops or splits events.
    Transformer {
        /// Name of the plugin.
        plugin: String,
        /// One revision of it.
        handle: Arc<dyn Transformer>,
    },
}

impl Step {
    /// Name of the plugin.
    pub fn plugin(&self) -> &str {
        match self {
            Step::Redactor { plugin, .. } | Step::Transformer { plugin, .. } => plugin,
        }
    }
}

/// A step that every event passes before it is stored.
#[derive(Clone)]
pub struct IngressStep {
    /// Higher ones come first; equals keep the order in which they are given.
    pub priority: i32,
    /// What is done.
    pub step: Step,
}

/// How the deliveries of a subscription, or of a channel's direct route, are made.
#[derive(Clone)]
pub struct DeliveryPlan {
    /// Where several subscriptions want the same channel, batches of the highest go first. Strict: as long as those keep
    /// the channel busy, the others wait.
    pub priority: i32,
    /// Run at each attempt, in order.
    pub transforms: Vec<Step>,
    /// Handed to the channel.
    pub recipients: Vec<String>,
    /// When an attempt fails.
    pub retry: RetryPolicy,
    /// Most deliveries that are leased and handed to the channel at once.
    pub batch: NonZeroUsize,
    /// Most batches in flight. With `batch` it bounds the mailbox: full, the dispatcher leaves the rest in the store.
    pub concurrency: NonZeroUsize,
}

impl Default for DeliveryPlan {
    fn default() -> Self {
        DeliveryPlan {
            priority: 0,
            transforms: Vec::new(),
            recipients: Vec::new(),
            retry: RetryPolicy::default(),
            batch: const { NonZeroUsize::new(64).unwrap() },
            concurrency: const { NonZeroUsize::new(4).unwrap() },
        }
    }
}

/// A named rule: which events go to which channel, and how.
#[derive(Clone)]
pub struct Subscription {
    /// Unique; must not begin with `channel:`.
    pub name: Arc<str>,
    /// `None`: every event.
    pub filter: Option<Pattern>,
    /// Events below are no match.
    pub min_level: Level,
    /// Key of the channel.
    pub channel: String,
    /// How.
    pub plan: DeliveryPlan,
}

/// A configured instance of a channel plugin.
#[derive(Clone)]
pub struct ChannelEntry {
    /// Unique among keys and aliases.
    pub key: String,
    /// Other names for it; unique as keys are.
    pub aliases: Vec<String>,
    /// Name of the plugin.
    pub plugin: String,
    /// Floor of the channel: events below never get there, by subscription or by name.
    pub min_level: Level,
    /// Most calls at once, over all subscriptions.
    pub concurrency: NonZeroUsize,
    /// A call that takes longer counts as failed. Above the plugin's own deadline: it catches a host that hangs.
    pub deadline: Duration,
    /// How events are delivered that name this channel themselves.
    pub direct: DeliveryPlan,
    /// One revision of the plugin.
    pub handle: Arc<dyn Channel>,
}
