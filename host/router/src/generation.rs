//! A table with what belongs to its channels while it is in service.

use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use crate::gate::Gate;
use crate::table::Route;
use crate::{ChannelEntry, Table};

/// One table in service. A new table brings new lanes, so a disabled channel is tried again.
pub(crate) struct Generation {
    pub(crate) table: Arc<Table>,
    lanes: Vec<Arc<Lane>>,
}

/// The way to one channel.
pub(crate) struct Lane {
    pub(crate) entry: Arc<ChannelEntry>,
    pub(crate) gate: Arc<Gate>,
    /// Why the channel takes nothing any more.
    pub(crate) disabled: OnceLock<String>,
}

impl Generation {
    pub(crate) fn new(table: Table) -> Arc<Generation> {
        let lane = |entry: &Arc<ChannelEntry>| {
            let concurrency: NonZeroUsize = entry.concurrency;
            Arc::new(Lane {
                entry: Arc::clone(entry),
                gate: Gate::new(concurrency),
                disabled: OnceLock::new(),
            })
        };
        let lanes = table.channels().iter().map(lane).collect();
        Arc::new(Generation {
            table: Arc::new(table),
            lanes,
        })
    }

    /// The route of that name, with the way to its channel.
    pub(crate) fn find(&self, name: &str) -> Option<(Arc<Route>, Arc<Lane>)> {
        let (route, channel) = self.table.routes().find(|(route, _)| *route.name == *name)?;
        Some((Arc::clone(route), Arc::clone(self.lanes.get(channel)?)))
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().map(AsRef::as_ref)
    }
}
