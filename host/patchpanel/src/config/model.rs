//! A configuration that was checked.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use patchpanel_event::{FieldPath, Level, Limits, TextSelector};
use patchpanel_filter::Pattern;
use patchpanel_router::{BreakerPolicy, RetryPolicy, Start, Target, Throttle};
use patchpanel_runtime::{PluginSpec, Trust, UnitSpec};

use super::definition::Catalog;

/// Everything that `patchpanel.toml` says, and the defaults for what it does not say. All names that refer to something
/// else in it are resolved.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Where component files are dropped; need not exist.
    pub(crate) plugins_dir: PathBuf,
    /// Where compiled plugins are kept; `None` where the user has no cache directory.
    pub(crate) cache_dir: Option<PathBuf>,
    /// What compiling one plugin may take.
    pub(crate) compile: CompileLimits,
    /// Who has to have signed plugin files.
    pub(crate) trust: Trust,
    /// The HTTP side.
    pub(crate) server: Server,
    /// What an event may be at most.
    pub(crate) limits: Limits,
    /// Where accepted events are kept.
    pub(crate) store: StoreConfig,
    /// Every plugin that is used, each once.
    pub(crate) plugins: Vec<PluginSpec>,
    /// What all events pass first, in this order: highest priority first, equals as they stand in the file.
    pub(crate) ingress: Vec<IngressConfig>,
    /// Where deliveries may go.
    pub(crate) channels: Vec<ChannelConfig>,
    /// Who gets what.
    pub(crate) subscriptions: Vec<SubscriptionConfig>,
    /// Every use of a plugin, with the configuration that it has there.
    pub(crate) units: Vec<UnitSpec>,
    /// What further subscriptions may refer to.
    pub(super) catalog: Catalog,
}

/// What compiling one plugin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompileLimits {
    /// Bytes.
    pub(crate) memory: u64,
    /// By the clock on the wall.
    pub(crate) time: Duration,
}

/// Enough for components of tens of megabytes, such as those of Python.
impl Default for CompileLimits {
    fn default() -> Self {
        CompileLimits {
            memory: 4 << 30,
            time: Duration::from_secs(60),
        }
    }
}

/// The HTTP side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Always a loopback address: there is no authentication yet.
    pub(crate) listen: SocketAddr,
    /// How long the end of the process waits for deliveries in flight; may be zero.
    pub(crate) drain: Duration,
    /// Bytes of one request's body.
    pub(crate) max_body: usize,
}

/// Where accepted events are kept, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreConfig {
    /// The database file; `None`: in memory.
    pub(crate) path: Option<PathBuf>,
    /// How long an event is kept after its acceptance, if all of its deliveries are settled by then.
    pub(crate) keep_for: Duration,
    /// Where the store takes more bytes than this, the oldest settled events go.
    pub(crate) keep_bytes: u64,
    /// Bytes that the store may take; at that, new events are refused.
    pub(crate) budget: u64,
}

/// A transform that every event passes before it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct IngressConfig {
    /// [`UnitSpec::id`]
    pub(crate) unit: String,
    /// What it is given, if it is a redactor.
    pub(crate) fields: TextSelector,
    /// The key of the metadata under which its edits are counted, if it is one.
    pub(crate) report: Option<String>,
    /// Higher ones come first.
    pub(crate) priority: i32,
}

/// A configured instance of a channel plugin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelConfig {
    /// Unique among names and aliases.
    pub(crate) name: String,
    /// Other names; unique as names are.
    pub(crate) aliases: Vec<String>,
    /// [`PluginSpec::name`]
    pub(crate) plugin: String,
    /// Events below never get there.
    pub(crate) min_level: Level,
    /// Most calls at once, over all subscriptions.
    pub(crate) concurrency: NonZeroUsize,
    /// A call that takes longer counts as failed; longer than the plugin's own deadline.
    pub(crate) deadline: Duration,
    /// When it is left alone.
    pub(crate) breaker: BreakerPolicy,
    /// [`UnitSpec::id`]
    pub(crate) unit: String,
}

/// A named rule: which events go to which channel, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SubscriptionConfig {
    /// Unique among subscriptions.
    pub(crate) name: String,
    /// `None`: every event.
    pub(crate) filter: Option<Pattern>,
    /// Events below are no match.
    pub(crate) min_level: Level,
    /// Run at each attempt, in this order.
    pub(crate) transforms: Vec<StepConfig>,
    /// Where they go; a channel by its [`ChannelConfig::name`], also where the file has an alias.
    pub(crate) target: Target,
    /// Which of the events that are kept already it gets when it is new.
    pub(crate) start: Start,
    /// Higher ones come first where several want the same channel.
    pub(crate) priority: i32,
    /// Handed to the channel.
    pub(crate) recipients: Vec<String>,
    /// When an attempt fails.
    pub(crate) retry: RetryPolicy,
    /// Most batches in flight.
    pub(crate) concurrency: NonZeroUsize,
    /// Most deliveries in one batch.
    pub(crate) batch: NonZeroUsize,
    /// How fast at most.
    pub(crate) throttle: Option<Throttle>,
    /// Deliveries with the same value there come one after the other.
    pub(crate) ordering: Option<FieldPath>,
    /// Deliveries that are older are not attempted any more.
    pub(crate) expires_after: Option<Duration>,
}

/// A transform of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StepConfig {
    /// [`UnitSpec::id`]
    pub(crate) unit: String,
    /// What it is given, if it is a redactor.
    pub(crate) fields: TextSelector,
    /// The key of the metadata under which its edits are counted, if it is one.
    pub(crate) report: Option<String>,
}
