use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{Appended, DeadLetter, Fetched, Ledger, NewEvent, Settlement, StoreError};

/// Keeps events until every one of their deliveries is settled.
///
/// Every method may be called from many tasks at once. Dropping a future that was polled once leaves open whether it
/// takes effect.
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes events over, all or none, and answers for each in order. They are accepted when this returns, not before:
    /// a durable store has synced them by then. An id that is known already, from this call or an earlier one, is a
    /// [`Appended::Duplicate`]; how long ids are remembered after an event is settled is the store's own bound.
    ///
    /// # Errors
    /// None of the events was taken.
    async fn append(&self, events: Vec<NewEvent>) -> Result<Vec<Appended>, StoreError>;

    /// Leases up to `max` of a subscription's deliveries that are due, oldest first.
    ///
    /// # Errors
    /// Nothing was leased.
    async fn fetch(&self, subscription: &str, max: usize) -> Result<Fetched, StoreError>;

    /// Notified (`notify_one`) when something that [`Store::fetch`] should look at may have come for the subscription:
    /// after an append, a retry, a release. One task per subscription may wait on it.
    fn work(&self, subscription: &str) -> Arc<Notify>;

    /// Records how leased deliveries ended. What is not leased, because it is unknown or settled already, is ignored:
    /// the same settlements may be given again.
    ///
    /// # Errors
    /// None of the settlements took effect.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError>;

    /// Settles as dead, for this reason, all that is pending for a subscription and not leased; returns how many.
    ///
    /// # Errors
    /// Nothing was settled.
    async fn abandon(&self, subscription: &str, reason: &str) -> Result<u64, StoreError>;

    /// The sums as of now; those of one account are of the same moment.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn ledger(&self) -> Result<Ledger, StoreError>;

    /// The last dead letters, newest first, at most `max`.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn dead_letters(&self, max: usize) -> Result<Vec<DeadLetter>, StoreError>;
}
