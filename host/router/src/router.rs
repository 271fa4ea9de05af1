//! The router itself: takes events in, keeps its dispatchers in step with the table, drains.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use patchpanel_event::Event;
use patchpanel_store::{Clock, Store, StoreError};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::door::{Acceptance, PublishError};
use crate::generation::Generation;
use crate::inner::{Inner, Phase, STORE_AGAIN};
use crate::keeper::keep_all;
use crate::publish::publish;
use crate::recover::recover;
use crate::stats::Stats;
use crate::{Start, Table, pull, replay, timer};

/// How long tasks may take to end once they are cut off.
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

/// What is left when a drain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Deliveries that are not settled.
    pub pending: u64,
}

/// Accepts events and delivers them. Must live within a tokio runtime; dropping it stops its tasks.
pub struct Router {
    pub(crate) inner: Arc<Inner>,
    options: Options,
}

impl Router {
    /// Starts to deliver what the store holds. Replays that ran go on; what is pending of routes that the table does not
    /// have is settled as dead.
    ///
    /// A subscription of this table, or of a later one, is new if neither the store nor a table of this router has had it
    /// before; then it begins where its [`Start`] says.
    pub fn new(table: Table, store: Arc<dyn Store>, clock: Arc<dyn Clock>, options: Options) -> Router {
        let generation = Generation::new(table, None);
        let table = Arc::clone(&generation.table);
        let inner = Arc::new(Inner {
            store,
            clock,
            generation: watch::Sender::new(generation),
            older: Mutex::default(),
            phase: watch::Sender::new(Phase::Running),
            recovered: watch::Sender::new(None),
            keepers: Mutex::default(),
            served: Mutex::default(),
            publishing: Arc::new(Semaphore::new(options.publishing.get())),
            door: Arc::new(Semaphore::new(options.workers.get())),
            transforms: Arc::new(Semaphore::new(options.workers.get())),
            pulls: pull::Pulls::default(),
            jobs: replay::Jobs::default(),
            redactions: Mutex::default(),
            settled: Notify::new(),
            failed: OnceLock::new(),
            refused: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            unknown_channels: AtomicU64::new(0),
        });
        keep_all(&inner);
        tokio::spawn(recover(Arc::clone(&inner), table));
        tokio::spawn(timer::keep(Arc::clone(&inner)));
        Router { inner, options }
    }

    /// Takes events in: all or none. They are accepted when this returns.
    ///
    /// `key` is the publisher's name for the request: events that come again under the same one, at the same place, are
    /// duplicates, whatever their ids.
    ///
    /// # Errors
    /// None of the events was accepted.
    pub async fn publish(&self, events: Vec<Event>, key: Option<&str>) -> Result<Vec<Acceptance>, PublishError> {
        let count = events.len() as u64;
        let taken = publish(&self.inner, events, key).await;
        if taken.is_err() {
            self.inner.refused.fetch_add(count, Relaxed);
        }
        taken
    }

    /// Puts another table into service, as a whole: events and attempts that have begun end with the old one.
    pub fn swap(&self, table: Table) {
        let mut older = self.inner.older.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.inner.generation();
        let new = Generation::new(table, Some(&old));
        self.inner.generation.send_replace(Arc::clone(&new));
        let mut served = self.inner.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.extend(old.table.routes().iter().map(|route| Arc::clone(&route.name)));
        older.push(old);
        older.retain(|generation| generation.is_publishing());
        keep_all(&self.inner);
        for route in new.table.routes() {
            if route.start != Start::Latest && !served.contains(&route.name) {
                tokio::spawn(replay::begin(Arc::clone(&self.inner), Arc::clone(route), older.clone()));
            }
        }
    }

    /// Waits until nothing is pending of what the router hands to channels. What consumers have yet to fetch is their
    /// affair.
    pub async fn idle(&self) {
        loop {
            let settled = self.inner.settled.notified();
            let generation = self.inner.generation();
            let waits_for_us = |name: &str| generation.to_consumers(name).is_none();
            match self.inner.store.ledger().await {
                Ok(ledger) => {
                    let mut accounts = ledger.accounts.iter();
                    if accounts.all(|(name, account)| account.pending == 0 || !waits_for_us(name)) {
                        return;
                    }
                    settled.await;
                }
                Err(error) => {
                    self.inner.is_worth_another_try("the ledger cannot be read", &error);
                    tokio::time::sleep(STORE_AGAIN).await;
                }
            }
        }
    }

    /// Whether events are refused because the router is about to end.
    pub fn is_draining(&self) -> bool {
        self.inner.phase() > Phase::Running
    }

    /// Whether events can be taken now.
    ///
    /// # Errors
    /// Why not. After [`StoreError::Failed`] nothing is delivered either, and only a restart helps.
    pub fn health(&self) -> Result<(), StoreError> {
        match self.inner.failed.get() {
            Some(error) => Err(error.clone()),
            None => self.inner.store.health(),
        }
    }

    /// Refuses new events, lets publish calls that are under way end, and stops by the deadline.
    ///
    /// A durable store keeps what is pending, so only the attempts that are under way are waited for. From one in memory
    /// everything that can be is delivered. What is cut off at the deadline is given back to the store, as is what
    /// consumers have leased.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        let deadline = Instant::now() + deadline;
        let phase = if self.inner.store.is_durable() {
            Phase::Landing
        } else {
            Phase::Draining
        };
        self.inner.enter(phase);
        let calls = u32::try_from(self.options.publishing.get()).unwrap_or(u32::MAX);
        let mut keepers = Vec::new();
        let settled = async {
            let _all = self.inner.publishing.acquire_many(calls).await;
            if phase == Phase::Draining {
                self.idle().await;
                self.inner.enter(Phase::Landing);
            }
            self.ended(&mut keepers).await;
        };
        if timeout_at(deadline, settled).await.is_err() {
            self.inner.enter(Phase::Stopped);
            let _ = timeout(STOP_GRACE, self.ended(&mut keepers)).await;
        }
        self.inner.enter(Phase::Stopped);
        let _ = timeout(STOP_GRACE, pull::release_all(&self.inner)).await;
        let pending = self.inner.store.ledger().await.map_or(0, |ledger| ledger.pending());
        Drained { pending }
    }

    /// Waits until every keeper has ended. Those that have not are left in the list, for another wait.
    async fn ended(&self, waiting: &mut Vec<JoinHandle<()>>) {
        waiting.extend(self.inner.take_keepers());
        while let Some(keeper) = waiting.last_mut() {
            if let Err(error) = keeper.await {
                tracing::error!(%error, "a dispatcher ended in a panic");
            }
            waiting.pop();
        }
    }

    /// The sums as of now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        Stats::of(&self.inner).await
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        self.inner.enter(Phase::Stopped);
    }
}
