//! What a configuration makes of an event, by the rules of the routing table.

use std::collections::BTreeSet;

use patchpanel_event::{Event, Level};
use patchpanel_filter::Explanation;
use patchpanel_router::Target;
use serde_json::{Map, Value};

use crate::config::{self, ChannelConfig, Config, SubscriptionConfig};

/// What becomes of an event.
pub(super) struct Judgement {
    pub(super) kind: String,
    pub(super) level: Level,
    /// Names of the transforms that it would pass first.
    pub(super) ingress: Vec<String>,
    pub(super) subscriptions: Vec<Judged>,
    pub(super) channels: Vec<Named>,
}

/// A subscription.
pub(super) struct Judged {
    pub(super) name: String,
    /// `None`: consumers fetch.
    pub(super) channel: Option<String>,
    /// Of the subscription and of its channel.
    pub(super) floors: [Floor; 2],
    /// `None`: every event matches.
    pub(super) filter: Option<Explanation>,
    /// Whether its channel gets just the event, as it would by being named.
    stands_for_direct: bool,
}

/// A `min_level`.
pub(super) struct Floor {
    /// `subscription` or `channel`.
    pub(super) of: &'static str,
    pub(super) min_level: Level,
    pub(super) held: bool,
}

/// A channel that the event names, or a name that stands for none.
pub(super) struct Named {
    /// As the event has it.
    pub(super) name: String,
    pub(super) channel: Option<String>,
    pub(super) outcome: Outcome,
}

/// What comes of naming a channel.
pub(super) enum Outcome {
    /// The event goes there.
    Direct,
    /// It goes there already, by this subscription.
    BySubscription(String),
    /// It does not reach this `min_level` of the channel.
    BelowMinLevel(Level),
    /// There is no such channel; with what was meant, where anything comes to mind.
    Unknown(String),
}

impl Judgement {
    /// `fields` is the event as [`super::input::fields`] reads it.
    pub(super) fn new(config: &Config, event: &Event, fields: &Map<String, Value>) -> Judgement {
        let plugin = |unit: &str| {
            let unit = config.units.iter().find(|other| other.id == unit);
            unit.map_or_else(String::new, |unit| unit.plugin.clone())
        };
        let subscriptions: Vec<_> = config
            .subscriptions
            .iter()
            .map(|entry| Judged::new(config, entry, event.level(), fields))
            .collect();
        Judgement {
            kind: event.kind().into_owned(),
            level: event.level(),
            ingress: config.ingress.iter().map(|step| plugin(&step.unit)).collect(),
            channels: channels(config, event, &subscriptions),
            subscriptions,
        }
    }

    /// Whether any subscription matched.
    pub(super) fn matched(&self) -> bool {
        self.subscriptions.iter().any(Judged::matched)
    }
}

impl Judged {
    fn new(config: &Config, entry: &SubscriptionConfig, level: Level, fields: &Map<String, Value>) -> Judged {
        let name = match &entry.target {
            Target::Channel(name) => Some(name),
            Target::Pull(_) => None,
        };
        let channel = config.channels.iter().find(|channel| Some(&channel.name) == name);
        let floor = |of, min_level| Floor {
            of,
            min_level,
            held: level >= min_level,
        };
        Judged {
            name: entry.name.clone(),
            channel: name.cloned(),
            floors: [
                floor("subscription", entry.min_level),
                floor("channel", channel.map_or(Level::Debug, |channel| channel.min_level)),
            ],
            filter: entry.filter.as_ref().map(|filter| filter.explain(fields)),
            stands_for_direct: entry.transforms.is_empty() && entry.recipients.is_empty(),
        }
    }

    pub(super) fn matched(&self) -> bool {
        self.floors.iter().all(|floor| floor.held) && self.filter.as_ref().is_none_or(Explanation::matched)
    }
}

/// The channels that the event names, each once.
fn channels(config: &Config, event: &Event, subscriptions: &[Judged]) -> Vec<Named> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for name in event.channels() {
        let meant = meant(config, &name);
        if meant.is_empty() && seen.insert(name.clone()) {
            found.push(Named {
                outcome: Outcome::Unknown(config::suggestion(&name, names(config).iter().copied())),
                name: name.clone(),
                channel: None,
            });
        }
        for channel in meant {
            if !seen.insert(channel.name.clone()) {
                continue;
            }
            let gets_it = |other: &&Judged| {
                other.channel.as_ref() == Some(&channel.name) && other.stands_for_direct && other.matched()
            };
            let outcome = match subscriptions.iter().find(gets_it) {
                Some(other) => Outcome::BySubscription(other.name.clone()),
                None if event.level() < channel.min_level => Outcome::BelowMinLevel(channel.min_level),
                None => Outcome::Direct,
            };
            found.push(Named {
                name: name.clone(),
                channel: Some(channel.name.clone()),
                outcome,
            });
        }
    }
    found
}

/// The channel of that name or alias, or else all channels of the plugin of that name.
fn meant<'c>(config: &'c Config, name: &str) -> Vec<&'c ChannelConfig> {
    let has_it = |channel: &&ChannelConfig| channel.name == name || channel.aliases.iter().any(|alias| alias == name);
    match config.channels.iter().find(has_it) {
        Some(channel) => vec![channel],
        None => config
            .channels
            .iter()
            .filter(|channel| channel.plugin == name)
            .collect(),
    }
}

/// All that events may name.
fn names(config: &Config) -> BTreeSet<&str> {
    let names = config.channels.iter().flat_map(|channel| {
        let names = [&channel.name, &channel.plugin];
        names.into_iter().chain(&channel.aliases).map(String::as_str)
    });
    names.collect()
}
