//! Subscriptions that consumers fetch from: leases with deadlines, instead of a channel.
//!
//! A pull leases deliveries from the store and hands them out under lease ids. Each lease ends by an ack, by a nack, or at
//! its deadline, which counts as a failed attempt. Leases live in this process, as the store's do: after a restart
//! whatever was leased is pending again, with no attempt counted.

mod consumers;
mod ends;
mod keeper;
mod leases;
mod poll;
mod state;
mod take;

use std::time::Duration;

use patchpanel_event::Event;
use patchpanel_store::StoreError;
use serde::Serialize;

pub(crate) use ends::{ack, extend, nack};
pub(crate) use keeper::{keep, release_all};
pub(crate) use poll::pull;
pub(crate) use state::Pulls;

/// Longest lease; whoever asks for more gets this.
pub const LONGEST_LEASE: Duration = Duration::from_secs(12 * 60 * 60);

/// What a consumer asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    /// At most so many deliveries; at least 1 is taken for granted. What is leased already bounds it, too.
    pub max: usize,
    /// How long to wait where there is nothing; zero: not at all.
    pub wait: Duration,
    /// How long the consumer has for each of them, up to [`LONGEST_LEASE`]; `None`: as the subscription says.
    pub lease: Option<Duration>,
    /// Who asks. Needed where the subscription has one consumer at a time.
    pub consumer: Option<String>,
}

/// A delivery in the hands of a consumer. Where a transform split the event, several have the same lease, and end with it.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// To ack, nack or extend it.
    pub lease: String,
    /// The idempotency key.
    pub delivery_id: String,
    /// 1 for the first.
    pub attempt: u32,
    /// The number of the replay that it belongs to; 0: none.
    pub replay: u32,
    /// When the lease ends, in nanoseconds since the Unix epoch.
    pub lease_until: u64,
    /// What is delivered.
    pub event: Event,
}

/// What became of a lease that a consumer named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseEnd {
    /// It was there, and it is as the consumer asked.
    Done,
    /// It has ended already, or there never was one.
    Unknown,
}

/// Why a consumer gets nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    /// No subscription has that name.
    #[error("there is no subscription `{0}`")]
    NoSubscription(String),
    /// It delivers to a channel.
    #[error("subscription `{0}` delivers to a channel; only those with `pull` can be fetched from")]
    NotPull(String),
    /// It has one consumer at a time, and this one gave no name.
    #[error("subscription `{0}` has one consumer at a time, so each must say its name as `consumer`")]
    ConsumerNeeded(String),
    /// It has another consumer.
    #[error("consumer `{consumer}` has the subscription until it stops to pull and its leases have ended")]
    Taken {
        /// Which.
        consumer: String,
    },
    /// Too many pulls of the subscription are waiting.
    #[error("too many pulls of the subscription are under way; try again")]
    TooMany,
    /// The router is about to end.
    #[error("the router is draining and hands out nothing more")]
    Draining,
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
}
