use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{
    Appended, DeliveriesPage, DeliveriesQuery, DeliveryRef, DeliveryStatus, EventsPage, EventsQuery, Fetch, Fetched,
    KeptValue, Ledger, NewEvent, Replay, Settlement, StoreError, StoredEvent, SubscriptionName, Usage,
};

/// Keeps events until every one of their deliveries is settled, and beyond that as long as its retention says.
///
/// Every method may be called from many tasks at once. Dropping a future that was polled once leaves open whether it
/// takes effect.
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes events over, all or none, and answers for each in order. They are accepted when this returns, not before:
    /// a durable store has synced them by then. An id or a key that is known already, from this call or an earlier one,
    /// is a [`Appended::Duplicate`]; they are known as long as the event is kept.
    ///
    /// # Errors
    /// None of the events was taken.
    async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError>;

    /// Leases deliveries of a subscription, fewer where their events are large. Leases end with the process.
    ///
    /// # Errors
    /// Nothing was leased.
    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Fetched, StoreError>;

    /// Notified (`notify_one`) when something that [`Store::fetch`] should look at may have come for the subscription:
    /// after an append, a retry, a release. Where several tasks wait on it, each notification wakes one of them.
    fn work(&self, subscription: &str) -> Arc<Notify>;

    /// Records how leased deliveries ended. What is not leased, because it is unknown or settled already, is ignored:
    /// the same settlements may be given again.
    ///
    /// # Errors
    /// None of the settlements took effect.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError>;

    /// Puts dead letters back to pending, with a fresh count of attempts; returns how many of the named ones were dead.
    ///
    /// # Errors
    /// None of them was put back.
    async fn redrive(&self, dead: Vec<DeliveryRef>) -> Result<u64, StoreError>;

    /// Marks dead letters as discarded, so that they are not listed any more; returns how many of the named ones were dead.
    ///
    /// # Errors
    /// None of them was discarded.
    async fn discard(&self, dead: Vec<DeliveryRef>) -> Result<u64, StoreError>;

    /// The sums as of now; those of one account are of the same moment.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn ledger(&self) -> Result<Ledger, StoreError>;

    /// The event of this id.
    ///
    /// # Errors
    /// The store cannot be read, or the row is damaged.
    async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError>;

    /// Events by sequence number; a page may be short where its events are large.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn events(&self, query: EventsQuery) -> Result<EventsPage, StoreError>;

    /// The first sequence number of those accepted at this time (nanoseconds since the Unix epoch) or later; one more
    /// than the last if there is none.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn sequence_at(&self, time: u64) -> Result<u64, StoreError>;

    /// All deliveries of an event; `None` where no event has this id.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn deliveries_of(&self, event_id: &str) -> Result<Option<Vec<DeliveryStatus>>, StoreError>;

    /// Deliveries by state.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn deliveries(&self, query: DeliveriesQuery) -> Result<DeliveriesPage, StoreError>;

    /// Every replay, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn replays(&self) -> Result<Vec<Replay>, StoreError>;

    /// In one step: remembers how far a replay has come (or that there is one), and makes a delivery of it for each of
    /// these events to its subscription.
    ///
    /// # Errors
    /// Nothing has changed.
    async fn replay(&self, replay: Replay, sequences: Vec<u64>) -> Result<(), StoreError>;

    /// What was kept under [`Store::define`], by name.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn definitions(&self) -> Result<Vec<(SubscriptionName, String)>, StoreError>;

    /// Keeps the definition of a subscription, as JSON; `None` forgets it.
    ///
    /// # Errors
    /// Nothing has changed.
    async fn define(&self, name: &str, definition: Option<String>) -> Result<(), StoreError>;

    /// What a plugin keeps under this owner, by key, without what has expired. A value that is damaged is told in the log
    /// and left out.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn kept(&self, owner: &str) -> Result<Vec<(String, KeptValue)>, StoreError>;

    /// Whether [`Store::keep`] may be called now; waits a little where too much waits to be written. Blocks.
    ///
    /// # Errors
    /// Why not.
    fn can_keep(&self) -> Result<(), StoreError>;

    /// Takes over what a plugin keeps under a key; `None` forgets it. Does not wait until that is durable: it is so before,
    /// or together with, everything that is appended or settled afterwards, and otherwise within a second.
    fn keep(&self, owner: &str, key: &str, value: Option<KeptValue>);

    /// Whether events can be taken now.
    ///
    /// # Errors
    /// Why not.
    fn health(&self) -> Result<(), StoreError>;

    /// The room that is taken.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn usage(&self) -> Result<Usage, StoreError>;

    /// Whether what was accepted survives the process.
    fn is_durable(&self) -> bool;
}
