//! The embedded store: SQLite, in a file or in memory.
//!
//! [`schema`] holds the tables and says what is assumed of the disk. One [`writer`] has the only connection that writes;
//! [`op`] is what it is asked for, [`batch`] what one transaction changes in memory, [`settle`] and [`retain`] its work on
//! deliveries and on old events. [`state`] and [`queue`] are what is known without the disk: a cursor for each
//! subscription, and what is leased. [`fetch`] leases, [`read`] answers questions; both read with connections of their own. [`kept`] is what plugins keep.

mod batch;
mod cursor_row;
mod delivery_row;
mod fetch;
mod kept;
mod live;
mod numbers;
mod op;
mod queue;
mod read;
mod retain;
mod row;
mod schema;
mod settle;
mod state;
mod state_code;
mod writer;

use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{Notify, oneshot};

use self::fetch::{Leased, Plan, lease_live};
use self::op::{Answer, DeadTo, Op};
pub use self::schema::OpenError;
use self::state::{Shared, State};
use self::writer::Writer;
use crate::{
    Appended, Clock, DeliveriesPage, DeliveriesQuery, DeliveryKey, DeliveryRef, DeliveryStatus, EventsPage,
    EventsQuery, Fetch, Fetched, KeptValue, Ledger, NewEvent, Replay, Settlement, Store, StoreError, StoredEvent,
    SubscriptionName, Usage, Verdict,
};

/// Connections that read, kept for the next one.
const READERS: usize = 4;

/// How long settled events are kept: neither older nor more than this. Pending ones are kept in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Since their acceptance.
    pub age: Option<Duration>,
    /// Of the whole store.
    pub bytes: Option<u64>,
}

/// Where a [`SqliteStore`] is and what it may take.
pub struct StoreOptions {
    /// The file; others appear beside it. `None`: in memory, and gone with the process.
    pub path: Option<PathBuf>,
    /// How long settled events are kept.
    pub retention: Retention,
    /// Bytes that the store may take; then new events are refused.
    pub budget: Option<u64>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// A [`Store`] on SQLite.
///
/// In a file, an event is synced before it is accepted. In memory nothing waits for anything: every call is done when it
/// returns, without other threads.
pub struct SqliteStore {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    budget: Option<u64>,
    backing: Backing,
}

enum Backing {
    Memory(Mutex<Writer>),
    File {
        path: PathBuf,
        /// `None` once the store is dropped.
        requests: Option<Sender<Op>>,
        writer: Option<JoinHandle<()>>,
        readers: Arc<Mutex<Vec<Connection>>>,
        /// Held as long as the store is open.
        _lock: File,
    },
}

impl SqliteStore {
    /// Opens a store, or makes one: brings an older one to the present schema and recovers what was pending. Blocks.
    ///
    /// # Errors
    /// It cannot be used; nothing of it has changed, unless a migration was under way.
    pub fn open(options: StoreOptions) -> Result<SqliteStore, OpenError> {
        let now = options.clock.now();
        let (connection, lock) = match &options.path {
            Some(path) => {
                let (connection, lock) = schema::open(path)?;
                (connection, Some((path.clone(), lock)))
            }
            None => (schema::in_memory()?, None),
        };
        let unreadable = |problem: String| OpenError::Unreadable {
            path: options.path.clone().unwrap_or_default(),
            problem,
        };
        let recovered = State::recover(&connection, now).map_err(|error| unreadable(error.to_string()))?;
        let state = recovered.map_err(|name| unreadable(format!("the row of subscription `{name}` is damaged")))?;
        let shared = Arc::new(Shared::new(state));
        let (clock, budget) = (options.clock, options.budget);
        let writer = Writer::new(connection, shared.clone(), clock.clone(), options.retention, budget);
        let backing = match lock {
            None => Backing::Memory(Mutex::new(writer)),
            Some((path, lock)) => {
                let (requests, asked) = channel();
                let thread = std::thread::Builder::new().name("store-writer".to_owned());
                let writer = thread
                    .spawn(move || writer.run(&asked))
                    .map_err(|error| OpenError::Unreadable {
                        path: path.clone(),
                        problem: error.to_string(),
                    })?;
                Backing::File {
                    path,
                    requests: Some(requests),
                    writer: Some(writer),
                    readers: Arc::default(),
                    _lock: lock,
                }
            }
        };
        Ok(SqliteStore {
            shared,
            clock,
            budget,
            backing,
        })
    }

    /// An empty store in memory without bounds.
    ///
    /// # Errors
    /// SQLite cannot be used.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(StoreOptions {
            path: None,
            retention: Retention::default(),
            budget: None,
            clock,
        })
    }

    async fn ask<T>(&self, op: impl FnOnce(Answer<T>) -> Op) -> Result<T, StoreError> {
        let ended = || StoreError::Failed("its writer has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        let op = op(answer);
        match &self.backing {
            Backing::Memory(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.commit(vec![op]);
                writer.maintain();
            }
            Backing::File { requests, .. } => {
                let sent = requests.as_ref().map(|requests| requests.send(op));
                sent.and_then(Result::ok).ok_or_else(ended)?;
            }
        }
        answered.await.map_err(|_| ended())?
    }

    /// Has the writer take what waits in [`kept`], without an answer.
    fn wake(&self) {
        match &self.backing {
            Backing::Memory(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.commit(Vec::new());
            }
            Backing::File { requests, .. } => {
                // A writer that has ended takes nothing any more, and everybody is told so.
                drop(requests.as_ref().map(|requests| requests.send(Op::Wake(None))));
            }
        }
    }

    /// Reads without holding up the writer, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Shared) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        match &self.backing {
            Backing::Memory(writer) => {
                let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                read(&writer.connection, &shared).map_err(|error| problem(&error))
            }
            Backing::File { path, readers, .. } => {
                let (path, readers) = (path.clone(), readers.clone());
                let reading = tokio::task::spawn_blocking(move || {
                    let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
                    let connection = idle.map_or_else(|| schema::reader(&path), Ok)?;
                    let result = read(&connection, &shared)?;
                    let mut readers = readers.lock().unwrap_or_else(PoisonError::into_inner);
                    if readers.len() < READERS {
                        readers.push(connection);
                    }
                    Ok(result)
                });
                match reading.await {
                    Ok(result) => result.map_err(|error: rusqlite::Error| problem(&error)),
                    Err(error) => Err(StoreError::Unavailable(error.to_string())),
                }
            }
        }
    }

    /// Leases once; nothing in the result although more could be leased: everything there was has to wait for its turn.
    async fn lease(&self, index: usize, fetch: &Fetch<'_>) -> Result<Leased, StoreError> {
        let plan = {
            let mut state = self.shared.lock();
            let committed = state.totals.sequence;
            let Some(queue) = state.queue_mut(index) else {
                return Ok(Leased::default());
            };
            match Plan::make(queue, index, fetch.max, self.clock.now(), fetch.early, committed) {
                Some(plan) => plan,
                None => {
                    let ordering = fetch.ordering.filter(|_| !fetch.early);
                    return Ok(lease_live(queue, index, fetch.max, ordering));
                }
            }
        };
        let (plan, found) = self
            .read(move |connection, shared| {
                let found = plan.read(connection, shared)?;
                Ok((plan, found))
            })
            .await?;
        let mut state = self.shared.lock();
        Ok(match state.queue_mut(index) {
            Some(queue) => plan.lease(queue, found, fetch.ordering),
            None => Leased::default(),
        })
    }

    /// Sees to what was leased but cannot be handed out.
    async fn set_aside(&self, leased: Leased, subscription: &SubscriptionName) -> Result<(), StoreError> {
        if leased.missing > 0 {
            self.shared.lock().damaged += leased.missing;
            tracing::error!(
                %subscription,
                count = leased.missing,
                "the store is damaged: deliveries are pending by the sums, and cannot be found"
            );
        }
        let done = self.write_aside(&leased, subscription).await;
        if done.is_err() {
            let mut state = self.shared.lock();
            if let Some(queue) = state.find(subscription).and_then(|index| state.queue_mut(index)) {
                leased.put_down(queue);
            }
        }
        done
    }

    async fn write_aside(&self, leased: &Leased, subscription: &SubscriptionName) -> Result<(), StoreError> {
        if !leased.held.is_empty() {
            self.ask(|answer| Op::Hold(leased.held.clone(), answer)).await?;
        }
        if !leased.damaged.is_empty() {
            let settlement = |(key, error): &(DeliveryKey, StoreError)| Settlement {
                subscription: subscription.clone(),
                key: *key,
                verdict: Verdict::Dead {
                    reason: error.to_string(),
                    attempted: false,
                },
            };
            self.settle(leased.damaged.iter().map(settlement).collect()).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError> {
        self.ask(|answer| Op::Append(events, answer)).await
    }

    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Fetched, StoreError> {
        let (index, subscription, fetching) = {
            let state = self.shared.lock();
            let index = state.find(fetch.subscription);
            match index.and_then(|index| Some((index, state.queue(index)?))) {
                Some((index, queue)) => (index, queue.name.clone(), queue.fetching.clone()),
                None => return Ok(Fetched::default()),
            }
        };
        let _turn = fetching.lock().await;
        loop {
            let mut leased = if fetch.max == 0 {
                Leased::default()
            } else {
                self.lease(index, &fetch).await?
            };
            let deliveries = std::mem::take(&mut leased.deliveries);
            let was_empty = leased.is_empty();
            if let Err(error) = self.set_aside(leased, &subscription).await {
                // They come again, and what can be handed out need not wait for them.
                tracing::error!(%error, subscription = %subscription, "deliveries could not be set aside");
                if deliveries.is_empty() {
                    return Err(error);
                }
            }
            let now = self.clock.now();
            let state = self.shared.lock();
            let queue = state.queue(index);
            let next_due = queue.and_then(|queue| if queue.has_new() { Some(now) } else { queue.row_due });
            if !deliveries.is_empty() || fetch.max == 0 || (was_empty && next_due.is_none_or(|due| due > now)) {
                return Ok(Fetched { deliveries, next_due });
            }
        }
    }

    fn work(&self, subscription: &str) -> Arc<Notify> {
        let mut state = self.shared.lock();
        let index = state.find_or_add(&subscription.into());
        state.queue(index).map(|queue| queue.work.clone()).unwrap_or_default()
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.ask(|answer| Op::Settle(settlements, answer)).await
    }

    async fn redrive(&self, dead: Vec<DeliveryRef>) -> Result<u64, StoreError> {
        self.ask(|answer| Op::Dead(dead, DeadTo::Pending, answer)).await
    }

    async fn discard(&self, dead: Vec<DeliveryRef>) -> Result<u64, StoreError> {
        self.ask(|answer| Op::Dead(dead, DeadTo::Discarded, answer)).await
    }

    async fn ledger(&self) -> Result<Ledger, StoreError> {
        Ok(self.shared.lock().ledger())
    }

    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection, shared| read::event(connection, shared, &id))
            .await?
    }

    async fn events(&self, query: EventsQuery) -> Result<EventsPage, StoreError> {
        self.read(move |connection, shared| read::events(connection, shared, &query))
            .await
    }

    async fn sequence_at(&self, time: u64) -> Result<u64, StoreError> {
        self.read(move |connection, shared| read::sequence_at(connection, shared, time))
            .await
    }

    async fn deliveries_of(&self, event_id: &str) -> Result<Option<Vec<DeliveryStatus>>, StoreError> {
        let id = event_id.to_owned();
        self.read(move |connection, shared| read::deliveries_of(connection, shared, &id))
            .await
    }

    async fn deliveries(&self, query: DeliveriesQuery) -> Result<DeliveriesPage, StoreError> {
        self.read(move |connection, shared| read::deliveries(connection, shared, &query))
            .await
    }

    async fn replays(&self) -> Result<Vec<Replay>, StoreError> {
        self.read(|connection, _| read::replays(connection)).await
    }

    async fn replay(&self, replay: Replay, sequences: Vec<u64>) -> Result<(), StoreError> {
        self.ask(|answer| Op::Replay(replay, sequences, answer)).await
    }

    async fn definitions(&self) -> Result<Vec<(SubscriptionName, String)>, StoreError> {
        self.read(|connection, _| read::definitions(connection)).await
    }

    async fn define(&self, name: &str, definition: Option<String>) -> Result<(), StoreError> {
        self.ask(|answer| Op::Define(name.to_owned(), definition, answer)).await
    }

    async fn kept(&self, owner: &str) -> Result<Vec<(String, KeptValue)>, StoreError> {
        // Changes that wait have to be in the tables first.
        self.ask(|answer| Op::Wake(Some(answer))).await?;
        let (owner, now) = (owner.to_owned(), self.clock.now());
        self.read(move |connection, shared| kept::read(connection, shared, &owner, now))
            .await
    }

    fn can_keep(&self) -> Result<(), StoreError> {
        let trouble = self.shared.lock().trouble.clone();
        match trouble {
            Some(error) => Err(error),
            None if self.shared.kept.has_room() => Ok(()),
            None => Err(StoreError::Unavailable(
                "more waits to be written than may wait".to_owned(),
            )),
        }
    }

    fn keep(&self, owner: &str, key: &str, value: Option<KeptValue>) {
        if self.shared.kept.add(owner, key, value) {
            self.wake();
        }
    }

    fn health(&self) -> Result<(), StoreError> {
        let state = self.shared.lock();
        state.trouble.clone().or_else(|| state.full.clone()).map_or(Ok(()), Err)
    }

    async fn usage(&self) -> Result<Usage, StoreError> {
        let budget = self.budget;
        self.read(move |connection, shared| read::usage(connection, shared, budget))
            .await
    }

    fn is_durable(&self) -> bool {
        matches!(self.backing, Backing::File { .. })
    }
}

impl Drop for SqliteStore {
    /// Waits until what was asked for is written.
    fn drop(&mut self) {
        if let Backing::File { requests, writer, .. } = &mut self.backing {
            requests.take();
            if let Some(writer) = writer.take()
                && writer.join().is_err()
            {
                tracing::error!("the writer of the store ended in a panic");
            }
        }
    }
}

/// What an error of SQLite means for those who asked.
fn problem(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::DiskFull(error.to_string()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Unavailable(error.to_string()),
        // Above all a write or a sync that did not work: what the disk holds now is known after the next start only.
        _ => StoreError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
