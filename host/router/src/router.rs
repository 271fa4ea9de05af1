//! The router itself: takes events in, keeps its dispatchers in step with the table, drains.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patchpanel_event::Event;
use patchpanel_store::{Appended, Clock, NewEvent, Store, StoreError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use crate::generation::Generation;
use crate::inner::Inner;
use crate::pipeline::{Processed, StepFailure};
use crate::redactions::Redactions;
use crate::stats::{ChannelStats, Stats};
use crate::{Table, pipeline::Scratch};

/// Events of a request that go through the ingress transforms at once: what plugins get in one call at most.
const PIECE: usize = 256;
/// Dead letters that statistics show.
const DEAD_LETTERS: usize = 20;
/// How long dispatchers may take to end once they are told to.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// How much a router does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Calls into blocking plugins at the door, and as many for the transforms of subscriptions; the machine's cores by
    /// default.
    pub workers: NonZeroUsize,
    /// Publish calls that are under way; more are refused as busy.
    pub publishing: NonZeroUsize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            publishing: const { NonZeroUsize::new(1024).unwrap() },
        }
    }
}

/// What became of one published event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// The event's.
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

/// What is left when a drain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Deliveries that are not settled.
    pub pending: u64,
}

/// Accepts events and delivers them. Must live within a tokio runtime; dropping it stops its dispatchers.
pub struct Router {
    inner: Arc<Inner>,
    publishing: Semaphore,
    options: Options,
}

impl Router {
    /// Starts to deliver what the store holds.
    pub fn new(table: Table, store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Router {
        let inner = Arc::new(Inner {
            store,
            clock,
            generation: watch::Sender::new(Generation::new(table)),
            draining: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            dispatchers: Mutex::new(HashMap::new()),
            door: Arc::new(Semaphore::new(options.workers.get())),
            transforms: Arc::new(Semaphore::new(options.workers.get())),
            redactions: Mutex::new(Redactions::default()),
            settled: Notify::new(),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            unknown_channels: AtomicU64::new(0),
        });
        let router = Router {
            inner,
            publishing: Semaphore::new(options.publishing.get()),
            options,
        };
        router.inner.dispatch_all();
        router
    }

    /// Takes events in: all or none. They are accepted when this returns.
    ///
    /// # Errors
    /// None of the events was accepted.
    pub async fn publish(&self, events: Vec<Event>) -> Result<Vec<Acceptance>, PublishError> {
        // In this order: a drain waits for all permits, so whoever has one and sees no drain is waited for.
        let permit = self.publishing.try_acquire();
        if self.is_draining() {
            return Err(PublishError::Draining);
        }
        let _permit = permit.map_err(|_| PublishError::Busy)?;
        let count = events.len() as u64;
        let generation = self.inner.generation();
        let taken = match self.take_in(&generation.table, events).await {
            Ok(door) => self.append(&generation, door).await,
            Err(error) => Err(error),
        };
        if taken.is_err() {
            self.inner.refused.fetch_add(count, Relaxed);
        }
        taken
    }

    async fn take_in(&self, table: &Arc<Table>, events: Vec<Event>) -> Result<Door, PublishError> {
        if !table.has_ingress() {
            return Ok(Door::open(table, events));
        }
        let table = Arc::clone(table);
        self.inner
            .blocking(&self.inner.door, move |scratch| Door::pass(&table, events, scratch))
            .await
    }

    async fn append(&self, generation: &Arc<Generation>, door: Door) -> Result<Vec<Acceptance>, PublishError> {
        let matched: Vec<Arc<str>> = door.events.iter().flat_map(|new| new.matched.iter().cloned()).collect();
        if *self.inner.stop.borrow() {
            // The drain's deadline has passed, and nobody delivers any more.
            return Err(PublishError::Draining);
        }
        let appended = if door.events.is_empty() {
            Vec::new()
        } else {
            self.inner.store.append(door.events).await?
        };
        self.inner.unknown_channels.fetch_add(door.unknown_channels, Relaxed);
        let mut acceptances = door.acceptances;
        self.inner.dropped.fetch_add(
            acceptances
                .iter()
                .filter(|acceptance| acceptance.dropped.is_some())
                .count() as u64,
            Relaxed,
        );
        // An event that was split is a duplicate if all of its parts are.
        let mut fresh = vec![false; acceptances.len()];
        for (origin, appended) in door.origins.iter().zip(&appended) {
            if let Some(fresh) = fresh.get_mut(*origin) {
                *fresh |= *appended == Appended::Accepted;
            }
        }
        for (acceptance, fresh) in acceptances.iter_mut().zip(fresh) {
            acceptance.duplicate = !fresh && acceptance.dropped.is_none();
        }
        self.settle_strays(generation, &matched).await;
        Ok(acceptances)
    }

    /// Where the table was swapped while events were taken in, some of what they matched may be gone, with nobody left
    /// to deliver it.
    async fn settle_strays(&self, pinned: &Arc<Generation>, matched: &[Arc<str>]) {
        let current = self.inner.generation();
        if Arc::ptr_eq(pinned, &current) {
            return;
        }
        for name in matched.iter().filter(|name| current.find(name).is_none()) {
            if let Err(error) = self.inner.store.abandon(name, "the subscription was removed").await {
                tracing::error!(subscription = %name, %error, "deliveries of a removed subscription could not be settled");
            }
        }
        self.inner.settled.notify_waiters();
    }

    /// Puts another table into service, as a whole: events and attempts that have begun end with the old one.
    pub fn swap(&self, table: Table) {
        self.inner.generation.send_replace(Generation::new(table));
        self.inner.dispatch_all();
    }

    /// Waits until nothing is pending.
    pub async fn idle(&self) {
        loop {
            let settled = self.inner.settled.notified();
            match self.inner.store.ledger().await {
                Ok(ledger) if ledger.pending() == 0 => return,
                Ok(_) => settled.await,
                Err(error) => {
                    tracing::error!(%error, "the ledger cannot be read");
                    tokio::time::sleep(STOP_GRACE).await;
                }
            }
        }
    }

    /// Whether events are refused because the router is about to end.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(SeqCst)
    }

    /// Refuses new events, lets publish calls that are under way end, delivers what is pending until the deadline, then
    /// stops. What is cut off then is given back to the store.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.inner.draining.store(true, SeqCst);
        let deadline = Instant::now() + deadline;
        let calls = u32::try_from(self.options.publishing.get()).unwrap_or(u32::MAX);
        let settled = async {
            let _all = self.publishing.acquire_many(calls).await;
            self.idle().await;
        };
        let _ = timeout_at(deadline, settled).await;
        self.inner.stop.send_replace(true);
        let tasks: Vec<_> = self
            .inner
            .dispatchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain()
            .map(|(_, task)| task)
            .collect();
        let ending = async {
            for task in tasks {
                if let Err(error) = task.await {
                    tracing::error!(%error, "a dispatcher ended in a panic");
                }
            }
        };
        let _ = tokio::time::timeout(STOP_GRACE, ending).await;
        let pending = self.inner.store.ledger().await.map_or(0, |ledger| ledger.pending());
        Drained { pending }
    }

    /// The sums as of now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let ledger = self.inner.store.ledger().await?;
        let dead = self.inner.store.dead_letters(DEAD_LETTERS).await?;
        let generation = self.inner.generation();
        let channel = |lane: &crate::generation::Lane| {
            (
                lane.entry.key.clone(),
                ChannelStats {
                    disabled: lane.disabled.get().cloned(),
                },
            )
        };
        Ok(Stats {
            refused: self.inner.refused.load(Relaxed),
            dropped: self.inner.dropped.load(Relaxed),
            unknown_channels: self.inner.unknown_channels.load(Relaxed),
            redactions: self
                .inner
                .redactions
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .by_label(),
            channels: generation.lanes().map(channel).collect(),
            ..Stats::of(&ledger, dead)
        })
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.inner.stop.send_replace(true);
    }
}

/// Events that have passed the door, matched and ready for the store.
struct Door {
    events: Vec<NewEvent>,
    /// For each of them the published event that it comes from.
    origins: Vec<usize>,
    /// One for each published event.
    acceptances: Vec<Acceptance>,
    unknown_channels: u64,
}

impl Door {
    fn new(count: usize) -> Door {
        Door {
            events: Vec::with_capacity(count),
            origins: Vec::with_capacity(count),
            acceptances: Vec::with_capacity(count),
            unknown_channels: 0,
        }
    }

    /// Nothing stands at the door.
    fn open(table: &Table, events: Vec<Event>) -> Door {
        let mut door = Door::new(events.len());
        let mut scratch = Scratch::default();
        for event in events {
            door.acceptances.push(Acceptance {
                id: event.id().into_owned(),
                duplicate: false,
                dropped: None,
            });
            door.admit(table, event, &mut scratch);
        }
        door
    }

    /// Through the ingress transforms.
    fn pass(table: &Table, events: Vec<Event>, scratch: &mut Scratch) -> Result<Door, PublishError> {
        let mut door = Door::new(events.len());
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
            let mut acceptance = Acceptance {
                id,
                duplicate: false,
                dropped: None,
            };
            let passed = match processed {
                Processed::Passed(event) => vec![event],
                Processed::Split(events) => events,
                Processed::Dropped { plugin, reason } => {
                    acceptance.dropped = Some(format!("{plugin}: {reason}"));
                    Vec::new()
                }
                Processed::Failed(failure) => return Err(PublishError::Ingress { index, failure }),
            };
            self.acceptances.push(acceptance);
            for event in passed {
                self.admit(table, event, scratch);
            }
        }
        Ok(())
    }

    /// Matches an event of the last acceptance.
    fn admit(&mut self, table: &Table, event: Event, scratch: &mut Scratch) {
        if event.names_channels() {
            let unknown = table.unknown_channels(&event).len() as u64;
            if unknown > 0 && self.unknown_channels == 0 {
                tracing::warn!(event = %event.id(), unknown, "the event names channels that are not there; it is routed without them");
            }
            self.unknown_channels += unknown;
        }
        let matched = table.matched(&event, scratch);
        self.events.push(NewEvent { event, matched });
        self.origins.push(self.acceptances.len().saturating_sub(1));
    }
}
