//! One generation of everything that decides where events go.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use patchpanel_event::{Event, Level, Limits};
use patchpanel_filter::Snapshot;

use crate::event_filter;
use crate::pipeline::{Processed, Scratch, apply};
use crate::{ChannelEntry, DeliveryPlan, IngressStep, PullPlan, Start, Step, Subscription, Target, Transformer};

/// Begins the names of the routes by which events get to the channels that they name.
const DIRECT: &str = "channel:";

/// What stands for the channel of a pull subscription where routes are listed.
const PULL: &str = "pull";

/// What a [`Table`] is made from.
#[derive(Clone, Default)]
pub struct TableSpec {
    /// What every event passes before it is stored.
    pub ingress: Vec<IngressStep>,
    /// In the order in which matches are listed.
    pub subscriptions: Vec<Subscription>,
    /// What subscriptions and events may name.
    pub channels: Vec<ChannelEntry>,
    /// What transforms may make of an event.
    pub limits: Limits,
}

/// Why something cannot be part of a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Two subscriptions of one name.
    #[error("there is more than one subscription `{0}`")]
    RepeatedSubscription(String),
    /// An empty name, one of those that routes by channel name have, or one that delivery ids could not be read with.
    #[error("a subscription cannot be called `{0}`: names must not be empty, begin with `channel:` or have `/` or `#`")]
    ReservedName(String),
    /// A key or alias stands for two channels.
    #[error("`{0}` stands for more than one channel")]
    RepeatedChannel(String),
    /// A subscription's target does not exist.
    #[error("subscription `{subscription}` has the target `{channel}`, and there is no channel of that key")]
    UnknownChannel {
        /// Whose.
        subscription: String,
        /// What it names.
        channel: String,
    },
}

/// One immutable generation: ingress steps, subscriptions and channels.
///
/// Every channel also has a direct route, called `channel:<key>`, for events that name it in `channels`, whatever the
/// subscriptions say. A name stands for the channel with that key or alias, or else for all channels of the plugin of
/// that name. An event takes a direct route once however often it is named, and not at all if it is below the channel's
/// `min_level`, or if it matched a subscription that hands it to the channel just as a direct route would: as it is, for
/// nobody in particular. A subscription with transforms or recipients is another delivery, so both are made.
pub struct Table {
    ingress: Vec<Step>,
    /// Those of the subscriptions, then one for each channel.
    routes: Vec<Arc<Route>>,
    subscriptions: usize,
    by_name: HashMap<Arc<str>, usize>,
    /// The filters of the subscriptions, by the index of their routes.
    filters: Arc<Snapshot>,
    channels: Vec<Arc<ChannelEntry>>,
    /// Keys, aliases and plugin names, with the indices of channels.
    names: HashMap<String, Vec<usize>>,
    limits: Limits,
    timed: Vec<Arc<TimedStep>>,
}

/// A transform that gives events out by the clock.
pub(crate) struct TimedStep {
    pub(crate) plugin: String,
    pub(crate) handle: Arc<dyn Transformer>,
    /// The subscription whose it is; `None`: all events pass it.
    pub(crate) subscription: Option<Arc<str>>,
}

/// Where deliveries go. Its name is what the store calls a subscription.
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    /// The higher of the subscription's and the channel's.
    floor: Level,
    pub(crate) end: RouteEnd,
    pub(crate) start: Start,
    pub(crate) plan: DeliveryPlan,
}

/// Who takes what a route delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouteEnd {
    /// Index into the table's channels.
    Channel(usize),
    /// Consumers.
    Pull(PullPlan),
}

impl Route {
    /// Whether this channel gets from this route just what its direct route would hand it.
    fn stands_for_direct(&self, channel: usize) -> bool {
        self.end == RouteEnd::Channel(channel) && self.plan.transforms.is_empty() && self.plan.recipients.is_empty()
    }
}

impl Table {
    /// Checks names and references.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn new(spec: TableSpec) -> Result<Table, Vec<TableError>> {
        let mut errors = Vec::new();
        let names = channel_names(&spec.channels, &mut errors);
        let keys: HashMap<&str, usize> = spec.channels.iter().map(|entry| entry.key.as_str()).zip(0..).collect();
        let mut seen = HashSet::new();
        let mut routes = Vec::with_capacity(spec.subscriptions.len() + spec.channels.len());
        let mut filters = event_filter::index();
        for subscription in spec.subscriptions {
            let name = &*subscription.name;
            if name.is_empty() || name.starts_with(DIRECT) || name.contains(['/', '#']) {
                errors.push(TableError::ReservedName(name.to_owned()));
            }
            if !seen.insert(name.to_owned()) {
                errors.push(TableError::RepeatedSubscription(name.to_owned()));
            }
            let (end, floor) = match subscription.target {
                Target::Pull(plan) => (RouteEnd::Pull(plan), subscription.min_level),
                Target::Channel(channel) => {
                    let index = keys.get(channel.as_str()).copied();
                    let Some((index, entry)) = index.and_then(|index| Some((index, spec.channels.get(index)?))) else {
                        errors.push(TableError::UnknownChannel {
                            subscription: name.to_owned(),
                            channel,
                        });
                        continue;
                    };
                    (RouteEnd::Channel(index), subscription.min_level.max(entry.min_level))
                }
            };
            match (u32::try_from(routes.len()), &subscription.filter) {
                (Ok(index), Some(filter)) => filters.insert(index, filter),
                (Ok(index), None) => filters.insert_any(index),
                (Err(_), _) => {}
            }
            routes.push(Arc::new(Route {
                name: subscription.name,
                floor,
                end,
                start: subscription.start,
                plan: subscription.plan,
            }));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let subscriptions = routes.len();
        let mut timed = Vec::new();
        for step in &spec.ingress {
            timed.extend(timed_step(&step.step, None));
        }
        for route in &routes {
            let transforms = route.plan.transforms.iter();
            timed.extend(transforms.filter_map(|step| timed_step(step, Some(&route.name))));
        }
        routes.extend(spec.channels.iter().enumerate().map(|(channel, entry)| {
            Arc::new(Route {
                name: format!("{DIRECT}{}", entry.key).into(),
                floor: entry.min_level,
                end: RouteEnd::Channel(channel),
                start: Start::Latest,
                plan: entry.direct.clone(),
            })
        }));
        let names_of_routes = routes.iter().map(|route| Arc::clone(&route.name));
        let mut ingress = spec.ingress;
        ingress.sort_by_key(|step| Reverse(step.priority));
        Ok(Table {
            ingress: ingress.into_iter().map(|step| step.step).collect(),
            by_name: names_of_routes.zip(0..).collect(),
            routes,
            subscriptions,
            filters: filters.snapshot(),
            channels: spec.channels.into_iter().map(Arc::new).collect(),
            names,
            limits: spec.limits,
            timed,
        })
    }

    /// Runs the ingress steps; the answers are in the order of the events. Blocks as long as the plugins do.
    pub fn ingress(&self, events: Vec<Event>, scratch: &mut Scratch) -> Vec<Processed> {
        apply(&self.ingress, events, &self.limits, scratch)
    }

    /// Whether events pass anything at all before they are stored.
    pub fn has_ingress(&self) -> bool {
        !self.ingress.is_empty()
    }

    /// The names of the routes that the event takes: those of subscriptions, then `channel:<key>`.
    pub fn matched(&self, event: &Event, scratch: &mut Scratch) -> Vec<Arc<str>> {
        let mut routes = Vec::new();
        self.matched_into(event, scratch, &mut routes);
        let names = routes.iter().filter_map(|index| self.route_name(*index));
        names.map(Arc::clone).collect()
    }

    /// As [`Table::matched`], by index for [`Table::route_name`] and without allocating; `routes` is emptied first.
    pub fn matched_into(&self, event: &Event, scratch: &mut Scratch, routes: &mut Vec<u32>) {
        // An event's text is JSON: that was checked when it was made.
        self.filters.matches_json(event.json(), &mut scratch.matching, routes);
        routes.retain(|index| {
            let route = self.routes.get(*index as usize);
            route.is_some_and(|route| event.level() >= route.floor)
        });
        if event.names_channels() {
            self.add_direct(event, routes);
        }
    }

    /// The name of the route that [`Table::matched_into`] gave this index.
    pub fn route_name(&self, index: u32) -> Option<&Arc<str>> {
        self.routes.get(index as usize).map(|route| &route.name)
    }

    /// The name of every route with the key of its channel, in the order of the indices; `pull` where consumers fetch.
    pub fn route_targets(&self) -> impl Iterator<Item = (&str, &str)> {
        let target = |route: &Route| match route.end {
            RouteEnd::Channel(channel) => self.channels.get(channel).map_or("", |entry| entry.key.as_str()),
            RouteEnd::Pull(_) => PULL,
        };
        self.routes.iter().map(move |route| (&*route.name, target(route)))
    }

    /// Runs the transforms of the route with this index; the answers are in the order of the events. Blocks as long as
    /// the plugins do.
    pub fn transformed(&self, index: u32, events: Vec<Event>, scratch: &mut Scratch) -> Vec<Processed> {
        let transforms = self
            .routes
            .get(index as usize)
            .map_or(&[] as &[Step], |route| &route.plan.transforms);
        apply(transforms, events, &self.limits, scratch)
    }

    /// What the event names in `channels` and nothing here is called; such an event is routed without them.
    pub fn unknown_channels(&self, event: &Event) -> Vec<String> {
        let mut named = event.channels();
        named.retain(|name| !self.names.contains_key(name));
        named
    }

    /// The channels, in the order in which they were given.
    pub fn channels(&self) -> &[Arc<ChannelEntry>] {
        &self.channels
    }

    fn add_direct(&self, event: &Event, routes: &mut Vec<u32>) {
        let by_subscription = routes.len();
        for name in event.channels() {
            for &channel in self.names.get(&name).into_iter().flatten() {
                let place = self.subscriptions + channel;
                let (Some(direct), Ok(index)) = (self.routes.get(place), u32::try_from(place)) else {
                    continue;
                };
                let mut matched = routes.iter().take(by_subscription);
                let has_it = matched.any(|index| {
                    let route = self.routes.get(*index as usize);
                    route.is_some_and(|route| route.stands_for_direct(channel))
                });
                if event.level() >= direct.floor && !has_it && !routes.contains(&index) {
                    routes.push(index);
                }
            }
        }
    }

    /// Every transform that gives events out by the clock.
    pub(crate) fn timed(&self) -> &[Arc<TimedStep>] {
        &self.timed
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Every route.
    pub(crate) fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route of that name.
    pub(crate) fn route(&self, name: &str) -> Option<&Arc<Route>> {
        self.routes.get(*self.by_name.get(name)?)
    }

    /// The route of the subscription of that name.
    pub(crate) fn subscription(&self, name: &str) -> Option<&Arc<Route>> {
        let place = self.by_name.get(name)?;
        self.routes.get(*place).filter(|_| *place < self.subscriptions)
    }

    pub(crate) fn has_route(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }
}

fn timed_step(step: &Step, subscription: Option<&Arc<str>>) -> Option<Arc<TimedStep>> {
    let Step::Transformer { plugin, handle } = step else {
        return None;
    };
    handle.timed()?;
    Some(Arc::new(TimedStep {
        plugin: plugin.clone(),
        handle: Arc::clone(handle),
        subscription: subscription.cloned(),
    }))
}

fn channel_names(channels: &[ChannelEntry], errors: &mut Vec<TableError>) -> HashMap<String, Vec<usize>> {
    let mut names: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, entry) in channels.iter().enumerate() {
        for name in std::iter::once(&entry.key).chain(&entry.aliases) {
            if names.insert(name.clone(), vec![index]).is_some() {
                errors.push(TableError::RepeatedChannel(name.clone()));
            }
        }
    }
    let own: HashSet<String> = names.keys().cloned().collect();
    for (index, entry) in channels.iter().enumerate() {
        if !own.contains(&entry.plugin) {
            names.entry(entry.plugin.clone()).or_default().push(index);
        }
    }
    names
}
