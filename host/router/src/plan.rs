//! What a [`Table`](crate::Table) is made of.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{FieldPath, Level, TextSelector};
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
        /// Where in the metadata it is told how often it edited an event, by label.
        report: Option<String>,
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
    /// How fast at most.
    pub throttle: Option<Throttle>,
    /// Deliveries whose events have the same value there are made one after the other, in the order of acceptance.
    pub ordering: Option<FieldPath>,
    /// A delivery that is older is settled as expired instead of being attempted.
    pub expires_after: Option<Duration>,
}

/// A token bucket for deliveries: `burst` at once, refilled by `rate` in each `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Deliveries.
    pub rate: NonZeroU32,
    /// In this time; not zero.
    pub per: Duration,
    /// At once after a pause.
    pub burst: NonZeroU32,
    /// With those above it.
    pub when_exceeded: WhenExceeded,
}

/// What becomes of deliveries above a throttle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenExceeded {
    /// They wait in the store.
    #[default]
    Delay,
    /// They are settled as throttled.
    Drop,
    /// They are settled as dead letters.
    DeadLetter,
}

/// When a channel that fails is left alone: after so many calls in a row in which nothing was delivered, only single
/// deliveries are sent as probes, after waits that double from `base` to `cap`; the first that gets through ends that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Calls in a row.
    pub failures: NonZeroU32,
    /// Until the first probe.
    pub base: Duration,
    /// Longest wait between probes.
    pub cap: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        BreakerPolicy {
            failures: const { NonZeroU32::new(10).unwrap() },
            base: Duration::from_secs(1),
            cap: Duration::from_secs(60),
        }
    }
}

/// Where the deliveries of a subscription go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the channel of this key.
    Channel(String),
    /// Nowhere by themselves: consumers fetch them.
    Pull(PullPlan),
}

/// How consumers fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullPlan {
    /// Who may.
    pub consumers: Consumers,
    /// How long a consumer has for a delivery before it is given to another, unless it asks for something else.
    pub lease: Duration,
    /// Most deliveries that are leased at once.
    pub most_leased: NonZeroUsize,
}

impl Default for PullPlan {
    fn default() -> Self {
        PullPlan {
            consumers: Consumers::default(),
            lease: Duration::from_secs(30),
            most_leased: const { NonZeroUsize::new(1_000).unwrap() },
        }
    }
}

/// How many consumers a pull subscription has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consumers {
    /// Any number; each gets a part.
    #[default]
    Shared,
    /// One; others are refused as long as it is there.
    Exclusive,
    /// One; others wait, and the first of them takes over when it is gone.
    Failover,
}

/// Where a subscription begins that the store does not know yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// With the events that are accepted from now on.
    #[default]
    Latest,
    /// With the oldest one that is kept.
    Earliest,
    /// With this sequence number.
    Sequence(u64),
    /// With the first one that was accepted at this time or later; nanoseconds since the Unix epoch.
    Time(u64),
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
            throttle: None,
            ordering: None,
            expires_after: None,
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
    /// Where they go.
    pub target: Target,
    /// Which of the events that are kept already it gets, too, when it is new.
    pub start: Start,
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
    /// When it is left alone.
    pub breaker: BreakerPolicy,
    /// How events are delivered that name this channel themselves.
    pub direct: DeliveryPlan,
    /// One revision of the plugin.
    pub handle: Arc<dyn Channel>,
}
