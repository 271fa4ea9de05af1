//! Events against filters. Every filter of a router knows the same defaults, wherever it is used.

use std::sync::Arc;

use patchpanel_event::{Event, Level};
use patchpanel_filter::{Index, Pattern, Scratch, Snapshot};

/// An empty index for filters of events.
pub(crate) fn index() -> Index {
    Index::with_defaults([("level", Level::default().as_str())])
}

/// One pattern that events are held against, one after the other.
pub(crate) struct EventFilter {
    snapshot: Arc<Snapshot>,
    scratch: Scratch,
    matched: Vec<u32>,
}

impl EventFilter {
    pub(crate) fn new(pattern: &Pattern) -> EventFilter {
        let mut index = index();
        index.insert(0, pattern);
        EventFilter {
            snapshot: index.snapshot(),
            scratch: Scratch::default(),
            matched: Vec::new(),
        }
    }

    pub(crate) fn matches(&mut self, event: &Event) -> bool {
        // An event's text is JSON: that was checked when it was made.
        self.snapshot
            .matches_json(event.json(), &mut self.scratch, &mut self.matched);
        !self.matched.is_empty()
    }
}
