//! A store in memory that does a few things as a test says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use patchpanel_store::{
    Appended, DeliveriesPage, DeliveriesQuery, DeliveryRef, DeliveryStatus, EventsPage, EventsQuery, Fetch, Fetched,
    KeptValue, Ledger, NewEvent, Replay, Settlement, Store, StoreError, StoredEvent, SubscriptionName, Usage,
};
use tokio::sync::Notify;

use super::memory;

/// Says that it is durable; its disk is the memory behind it, which a second router can be put on.
pub struct FakeStore {
    store: Arc<dyn Store>,
    /// What the next settlements fail with.
    pub settle_errors: Mutex<VecDeque<StoreError>>,
    /// What the next steps of replays fail with.
    pub replay_errors: Mutex<VecDeque<StoreError>>,
    /// Early fetches, once they have leased something, tell so and wait.
    pub holds_early: AtomicBool,
    /// Other fetches, too.
    pub holds_fetches: AtomicBool,
    /// Appends tell so and wait before they begin.
    pub holds_appends: AtomicBool,
    /// It takes no events.
    pub is_full: AtomicBool,
    pub held: Notify,
    pub go: Notify,
}

impl FakeStore {
    pub fn new() -> Arc<FakeStore> {
        FakeStore::over(memory())
    }

    pub fn over(store: Arc<dyn Store>) -> Arc<FakeStore> {
        Arc::new(FakeStore {
            store,
            settle_errors: Mutex::default(),
            replay_errors: Mutex::default(),
            holds_early: AtomicBool::new(false),
            holds_fetches: AtomicBool::new(false),
            holds_appends: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            held: Notify::new(),
            go: Notify::new(),
        })
    }

    async fn hold(&self, flag: &AtomicBool) {
        if flag.load(Ordering::SeqCst) {
            self.held.notify_one();
            self.go.notified().await;
        }
    }
}

fn next(errors: &Mutex<VecDeque<StoreError>>) -> Result<(), StoreError> {
    errors.lock().unwrap().pop_front().map_or(Ok(()), Err)
}

#[async_trait]
impl Store for FakeStore {
    async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError> {
        self.hold(&self.holds_appends).await;
        self.store.append(events).await
    }
    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Fetched, StoreError> {
        let fetched = self.store.fetch(fetch).await?;
        if !fetched.deliveries.is_empty() {
            let holds = if fetch.early {
                &self.holds_early
            } else {
                &self.holds_fetches
            };
            self.hold(holds).await;
        }
        Ok(fetched)
    }
    fn work(&self, subscription: &str) -> Arc<Notify> {
        self.store.work(subscription)
    }
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        next(&self.settle_errors)?;
        self.store.settle(settlements).await
    }
    async fn redrive(&self, dead: Vec<DeliveryRef>) -> Result<u64, StoreError> {
        self.store.redrive(dead).await
    }
    async fn discard(&self, dead: Vec<DeliveryRef>) -> Result<u64, StoreError> {
        self.store.discard(dead).await
    }
    async fn ledger(&self) -> Result<Ledger, StoreError> {
        self.store.ledger().await
    }
    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.store.event(id).await
    }
    async fn events(&self, query: EventsQuery) -> Result<EventsPage, StoreError> {
        self.store.events(query).await
    }
    async fn sequence_at(&self, time: u64) -> Result<u64, StoreError> {
        self.store.sequence_at(time).await
    }
    async fn deliveries_of(&self, event_id: &str) -> Result<Option<Vec<DeliveryStatus>>, StoreError> {
        self.store.deliveries_of(event_id).await
    }
    async fn deliveries(&self, query: DeliveriesQuery) -> Result<DeliveriesPage, StoreError> {
        self.store.deliveries(query).await
    }
    async fn replays(&self) -> Result<Vec<Replay>, StoreError> {
        self.store.replays().await
    }
    async fn replay(&self, replay: Replay, sequences: Vec<u64>) -> Result<(), StoreError> {
        next(&self.replay_errors)?;
        self.store.replay(replay, sequences).await
    }
    async fn definitions(&self) -> Result<Vec<(SubscriptionName, String)>, StoreError> {
        self.store.definitions().await
    }
    async fn define(&self, name: &str, definition: Option<String>) -> Result<(), StoreError> {
        self.store.define(name, definition).await
    }
    async fn kept(&self, owner: &str) -> Result<Vec<(String, KeptValue)>, StoreError> {
        self.store.kept(owner).await
    }
    fn can_keep(&self) -> Result<(), StoreError> {
        self.store.can_keep()
    }
    fn keep(&self, owner: &str, key: &str, value: Option<KeptValue>) {
        self.store.keep(owner, key, value);
    }
    fn health(&self) -> Result<(), StoreError> {
        match self.is_full.load(Ordering::SeqCst) {
            true => Err(StoreError::Full { budget: 0 }),
            false => self.store.health(),
        }
    }
    async fn usage(&self) -> Result<Usage, StoreError> {
        self.store.usage().await
    }
    fn is_durable(&self) -> bool {
        true
    }
}
