//! The door: published events through the ingress steps, and matched.

use std::sync::Arc;

use patchpanel_event::Event;
use patchpanel_store::{Appended, NewEvent, StoreError};

use crate::Table;
use crate::pipeline::{Processed, Scratch, StepFailure};

/// Events of a request that go through the ingress transforms at once: what plugins get in one call at most.
const PIECE: usize = 256;

/// What became of one published event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The event's. For a duplicate, the id of the event that is kept; where events are split at the door, the one that
    /// was given, because only the parts are kept.
    pub id: String,
    /// It had been accepted before, and this one was forgotten.
    pub duplicate: bool,
    /// A transform at the door dropped it: which, and why.
    pub dropped: Option<String>,
}

/// Why none of the published events was accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The router is about to end.
    #[error("the router is draining and accepts nothing more")]
    Draining,
    /// Too many publish calls are under way.
    #[error("too many requests are under way; try again")]
    Busy,
    /// An ingress transform failed for one of the events.
    #[error("event {index} was refused at the door: {failure}")]
    Ingress {
        /// Which of the events, from 0.
        index: usize,
        /// Why.
        failure: StepFailure,
    },
    /// The store did not take them.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PublishError {
    /// Whether the same events may be accepted a little later.
    pub fn is_overload(&self) -> bool {
        match self {
            PublishError::Busy => true,
            PublishError::Store(error) => error.is_temporary(),
            PublishError::Draining | PublishError::Ingress { .. } => false,
        }
    }
}

/// Events that have passed the door, matched and ready for the store.
pub(crate) struct Door {
    pub(crate) events: Vec<NewEvent>,
    /// For each of them where it comes from.
    origins: Vec<Origin>,
    /// One for each published event.
    acceptances: Vec<Acceptance>,
    pub(crate) unknown_channels: u64,
    /// What the publisher calls the request.
    key: Option<Arc<str>>,
}

/// Where an event comes from.
#[derive(Clone, Copy)]
struct Origin {
    /// The published one, from 0.
    index: usize,
    /// Which part of it, from 0, if it was split.
    part: Option<usize>,
}

impl Door {
    fn new(count: usize, key: Option<Arc<str>>) -> Door {
        Door {
            events: Vec::with_capacity(count),
            origins: Vec::with_capacity(count),
            acceptances: Vec::with_capacity(count),
            unknown_channels: 0,
            key,
        }
    }

    /// Nothing stands at the door.
    pub(crate) fn open(table: &Table, events: Vec<Event>, key: Option<Arc<str>>) -> Door {
        let mut door = Door::new(events.len(), key);
        let mut scratch = Scratch::default();
        for (index, event) in events.into_iter().enumerate() {
            door.acceptances.push(accepted(event.id().into_owned()));
            door.admit(table, event, Origin { index, part: None }, &mut scratch);
        }
        door
    }

    /// For one route, whatever it matches.
    pub(crate) fn addressed(events: Vec<Event>, route: &Arc<str>) -> Door {
        let mut door = Door::new(events.len(), None);
        for (index, event) in events.into_iter().enumerate() {
            door.acceptances.push(accepted(event.id().into_owned()));
            door.events.push(NewEvent {
                event,
                matched: vec![Arc::clone(route)],
                key: None,
            });
            door.origins.push(Origin { index, part: None });
        }
        door
    }

    /// Through the ingress transforms.
    pub(crate) fn pass(
        table: &Table,
        events: Vec<Event>,
        key: Option<Arc<str>>,
        scratch: &mut Scratch,
    ) -> Result<Door, PublishError> {
        let mut door = Door::new(events.len(), key);
        let mut events = events.into_iter();
        loop {
            // Piece by piece: one event that fails refuses the whole request, so those behind it need not be tried.
            let piece: Vec<Event> = events.by_ref().take(PIECE).collect();
            if piece.is_empty() {
                return Ok(door);
            }
            door.pass_piece(table, piece, scratch)?;
        }
    }

    fn pass_piece(&mut self, table: &Table, events: Vec<Event>, scratch: &mut Scratch) -> Result<(), PublishError> {
        let first = self.acceptances.len();
        let ids: Vec<String> = events.iter().map(|event| event.id().into_owned()).collect();
        for (index, (processed, id)) in (first..).zip(table.ingress(events, scratch).into_iter().zip(ids)) {
            let mut acceptance = accepted(id);
            match processed {
                Processed::Passed(event) => self.admit(table, event, Origin { index, part: None }, scratch),
                Processed::Split(events) => {
                    for (part, event) in events.into_iter().enumerate() {
                        let part = Some(part);
                        self.admit(table, event, Origin { index, part }, scratch);
                    }
                }
                Processed::Dropped { plugin, reason } => acceptance.dropped = Some(format!("{plugin}: {reason}")),
                Processed::Failed(failure) => return Err(PublishError::Ingress { index, failure }),
            }
            self.acceptances.push(acceptance);
        }
        Ok(())
    }

    /// Matches an event.
    fn admit(&mut self, table: &Table, event: Event, origin: Origin, scratch: &mut Scratch) {
        if event.names_channels() {
            let unknown = table.unknown_channels(&event).len() as u64;
            if unknown > 0 && self.unknown_channels == 0 {
                tracing::warn!(event = %event.id(), unknown, "the event names channels that are not there; it is routed without them");
            }
            self.unknown_channels += unknown;
        }
        let matched = table.matched(&event, scratch);
        let key = self.key.as_ref().map(|key| match origin.part {
            None => format!("{key}#{}", origin.index).into(),
            Some(part) => format!("{key}#{}.{part}", origin.index).into(),
        });
        self.events.push(NewEvent { event, matched, key });
        self.origins.push(origin);
    }

    /// How many of the published events were dropped.
    pub(crate) fn dropped(&self) -> u64 {
        let dropped = |acceptance: &&Acceptance| acceptance.dropped.is_some();
        self.acceptances.iter().filter(dropped).count() as u64
    }

    /// One for each published event, with what the store says about what became of it.
    pub(crate) fn acceptances(mut self, appended: Vec<Appended>) -> Vec<Acceptance> {
        // An event that was split is a duplicate if all of its parts are.
        let mut fresh = vec![false; self.acceptances.len()];
        for (origin, appended) in self.origins.iter().zip(appended) {
            match appended {
                Appended::Accepted => {
                    if let Some(fresh) = fresh.get_mut(origin.index) {
                        *fresh = true;
                    }
                }
                Appended::Duplicate { id } => {
                    let acceptance = self.acceptances.get_mut(origin.index);
                    if let Some(acceptance) = acceptance.filter(|_| origin.part.is_none()) {
                        acceptance.id = id;
                    }
                }
            }
        }
        for (acceptance, fresh) in self.acceptances.iter_mut().zip(fresh) {
            acceptance.duplicate = !fresh && acceptance.dropped.is_none();
        }
        self.acceptances
    }
}

fn accepted(id: String) -> Acceptance {
    Acceptance {
        id,
        duplicate: false,
        dropped: None,
    }
}
