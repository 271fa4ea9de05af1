//! A table with what belongs to its channels while it is in service.

use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, watch};

use crate::breaker::Breaker;
use crate::gate::Gate;
use crate::table::{Route, RouteEnd};
use crate::{ChannelEntry, PullPlan, Table};

/// One table in service. A new table brings new lanes, so a disabled channel is tried again.
pub(crate) struct Generation {
    pub(crate) table: Arc<Table>,
    lanes: Vec<Arc<Lane>>,
    /// One receiver for each publish call that matches events against this table.
    publishing: watch::Sender<()>,
}

/// The way to one channel.
pub(crate) struct Lane {
    pub(crate) entry: Arc<ChannelEntry>,
    pub(crate) gate: Arc<Gate>,
    /// Why the channel takes nothing any more.
    pub(crate) disabled: OnceLock<String>,
    pub(crate) breaker: Arc<Breaker>,
    /// Held by whoever asks the channel how it is.
    pub(crate) checking: Mutex<()>,
}

/// How deliveries of a route get away.
pub(crate) enum Way {
    Channel(Arc<Lane>),
    Pull(PullPlan),
}

impl Generation {
    /// Takes over from `previous` what is known about channels that fail.
    pub(crate) fn new(table: Table, previous: Option<&Generation>) -> Arc<Generation> {
        let lane = |entry: &Arc<ChannelEntry>| {
            let same = previous.and_then(|previous| previous.lanes.iter().find(|lane| lane.is_same(entry)));
            Arc::new(Lane {
                entry: Arc::clone(entry),
                gate: Gate::new(entry.concurrency),
                disabled: OnceLock::new(),
                checking: Mutex::default(),
                breaker: match same {
                    Some(lane) => Arc::clone(&lane.breaker),
                    None => Breaker::new(entry.breaker, &entry.key),
                },
            })
        };
        Arc::new(Generation {
            lanes: table.channels().iter().map(lane).collect(),
            table: Arc::new(table),
            publishing: watch::Sender::new(()),
        })
    }

    /// The route of that name, with the way that its deliveries take.
    pub(crate) fn find(&self, name: &str) -> Option<(Arc<Route>, Way)> {
        let route = self.table.route(name)?;
        let way = match route.end {
            RouteEnd::Channel(channel) => Way::Channel(Arc::clone(self.lanes.get(channel)?)),
            RouteEnd::Pull(plan) => Way::Pull(plan),
        };
        Some((Arc::clone(route), way))
    }

    /// The route of that name, if it leads to a channel.
    pub(crate) fn to_channel(&self, name: &str) -> Option<(Arc<Route>, Arc<Lane>)> {
        match self.find(name)? {
            (route, Way::Channel(lane)) => Some((route, lane)),
            (_, Way::Pull(_)) => None,
        }
    }

    /// The route of that name, if consumers fetch from it.
    pub(crate) fn to_consumers(&self, name: &str) -> Option<(Arc<Route>, PullPlan)> {
        match self.find(name)? {
            (route, Way::Pull(plan)) => Some((route, plan)),
            (_, Way::Channel(_)) => None,
        }
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().map(AsRef::as_ref)
    }

    /// To be held by a publish call as long as it may store what it matched here.
    pub(crate) fn publishing(&self) -> watch::Receiver<()> {
        self.publishing.subscribe()
    }

    /// Whether a publish call that matched here is under way.
    pub(crate) fn is_publishing(&self) -> bool {
        self.publishing.receiver_count() > 0
    }

    /// Returns when none is.
    pub(crate) async fn published(&self) {
        self.publishing.closed().await;
    }
}

impl Lane {
    fn is_same(&self, entry: &ChannelEntry) -> bool {
        self.entry.key == entry.key && self.entry.plugin == entry.plugin && self.breaker.policy() == entry.breaker
    }
}
