//! The router's public methods that are about single deliveries and about the past.

use std::time::Duration;

use patchpanel_store::{DeliveriesPage, DeliveriesQuery, DeliveryStatus, StoreError, StoredEvent};

use crate::channels::{self, ChannelCheck, ChannelStatus, CheckError};
use crate::dead_letters::{self, DeadSelection, Deed};
use crate::pull::{self, LeaseEnd, PullError, PullRequest, Pulled};
use crate::questions::{self, HistoryPage, HistoryQuery};
use crate::replay::{self, ReplayError, ReplayRequest, ReplayStatus};
use crate::router::Router;

/// Pull subscriptions.
impl Router {
    /// Hands deliveries of a pull subscription out; empty where there was nothing all the while. What a caller that
    /// leaves meanwhile would have got is given back.
    ///
    /// # Errors
    /// Nothing was handed out.
    pub async fn pull(&self, subscription: &str, request: PullRequest) -> Result<Vec<Pulled>, PullError> {
        pull::pull(&self.inner, subscription, request).await
    }

    /// Settles what is leased as delivered; durably, when this returns. One answer per lease, in order.
    ///
    /// # Errors
    /// There is no such pull subscription, or the store did not take it: then the leases have ended all the same, and what
    /// was leased is delivered again after a restart.
    pub async fn ack(&self, subscription: &str, leases: &[String]) -> Result<Vec<LeaseEnd>, PullError> {
        pull::ack(&self.inner, subscription, leases).await
    }

    /// Gives back what is leased as a failed attempt for this reason. It is due again after `delay`, up to a day, or as
    /// the subscription's retry policy says; out of attempts, it is a dead letter.
    ///
    /// # Errors
    /// As [`Router::ack`].
    pub async fn nack(
        &self,
        subscription: &str,
        leases: &[String],
        delay: Option<Duration>,
        reason: Option<String>,
    ) -> Result<Vec<LeaseEnd>, PullError> {
        pull::nack(&self.inner, subscription, leases, delay, reason).await
    }

    /// Has leases end so long after now, up to [`LONGEST_LEASE`](crate::LONGEST_LEASE); `None`: as long as the
    /// subscription says.
    ///
    /// # Errors
    /// There is no such pull subscription.
    pub async fn extend(
        &self,
        subscription: &str,
        leases: &[String],
        by: Option<Duration>,
    ) -> Result<Vec<LeaseEnd>, PullError> {
        pull::extend(&self.inner, subscription, leases, by)
    }
}

/// Channels.
impl Router {
    /// The channels in service, in the order of the table.
    pub fn channels(&self) -> Vec<ChannelStatus> {
        channels::list(&self.inner)
    }

    /// Asks the channel of this key or alias whether deliveries would work now. Nothing is delivered for that. A plugin
    /// that does not answer is an answer, too.
    ///
    /// # Errors
    /// It was not asked.
    pub async fn check_channel(&self, name: &str) -> Result<ChannelCheck, CheckError> {
        channels::check(&self.inner, name).await
    }
}

/// The past.
impl Router {
    /// What is known about deliveries, in the order of their ids; `None` for an id that no delivery has.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn delivery(&self, ids: &[String]) -> Result<Vec<Option<DeliveryStatus>>, StoreError> {
        questions::deliveries(&*self.inner.store, ids).await
    }

    /// All deliveries of an event; `None` where no event has this id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn deliveries_of(&self, event_id: &str) -> Result<Option<Vec<DeliveryStatus>>, StoreError> {
        self.inner.store.deliveries_of(event_id).await
    }

    /// Deliveries by state.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn deliveries(&self, query: DeliveriesQuery) -> Result<DeliveriesPage, StoreError> {
        self.inner.store.deliveries(query).await
    }

    /// The event of this id.
    ///
    /// # Errors
    /// The store cannot be read, or the row is damaged.
    pub async fn event(&self, id: &str) -> Result<Option<StoredEvent>, StoreError> {
        self.inner.store.event(id).await
    }

    /// Events that are kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn history(&self, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
        questions::history(&*self.inner.store, query).await
    }

    /// Puts dead letters back to pending, with a fresh count of attempts; returns how many. Those whose subscription is
    /// gone stay as they are: nobody would deliver them.
    ///
    /// # Errors
    /// The store failed on the way; what was put back until then stays so.
    pub async fn redrive(&self, selection: DeadSelection) -> Result<u64, StoreError> {
        dead_letters::change(&self.inner, selection, Deed::Redrive).await
    }

    /// Marks dead letters as discarded, so that they are not listed any more; returns how many.
    ///
    /// # Errors
    /// The store failed on the way; what was discarded until then stays so.
    pub async fn discard(&self, selection: DeadSelection) -> Result<u64, StoreError> {
        dead_letters::change(&self.inner, selection, Deed::Discard).await
    }
}

/// Replays.
impl Router {
    /// Begins to deliver events of the past once more.
    ///
    /// # Errors
    /// It does not begin.
    pub async fn start_replay(&self, request: ReplayRequest) -> Result<ReplayStatus, ReplayError> {
        replay::request(&self.inner, request).await
    }

    /// Every replay, oldest first; also those by which new subscriptions got what was there before them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn replays(&self) -> Result<Vec<ReplayStatus>, StoreError> {
        replay::list(&self.inner).await
    }

    /// Ends a replay where it is, and returns how it stands then; `None` where none has this number. Deliveries that it
    /// has made already are made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn cancel_replay(&self, number: u32) -> Result<Option<ReplayStatus>, StoreError> {
        replay::cancel(&self.inner, number).await
    }
}
