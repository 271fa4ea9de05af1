//! Replays: events of the past that are delivered once more, by jobs that survive restarts.
//!
//! A job goes through a range of sequence numbers once and makes a delivery for each event that it selects. The store
//! keeps how far it has come together with the deliveries, so a job that is taken up again neither repeats nor skips any.
//! The same jobs give a new subscription the events that were there before it.

mod jobs;
mod order;
mod run;
mod running;
mod start;

use std::num::NonZeroU32;

use patchpanel_filter::Mistake;
use patchpanel_store::StoreError;
use serde::Serialize;
use serde_json::Value;

pub(crate) use jobs::{cancel, list, request, resume};
pub(crate) use running::Jobs;
pub(crate) use start::{begin, record};

/// Most replays that run at once, those of new subscriptions not counted.
pub const MOST_REPLAYS: usize = 16;

/// What is to be delivered once more.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRequest {
    /// To whom.
    pub subscription: String,
    /// Events that were accepted at this time or later, in nanoseconds since the Unix epoch; `None`: from the oldest on.
    pub from: Option<u64>,
    /// Events that were accepted before this time; `None`: up to the newest one there is now.
    pub to: Option<u64>,
    /// The JSON of an event pattern that selects them. `None`: what the subscription matches, at its level.
    pub filter: Option<Value>,
    /// Deliveries per second at most.
    pub rate: Option<NonZeroU32>,
}

/// How a replay stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayStatus {
    /// Ascends from 1; deliveries of the replay carry it.
    pub number: u32,
    /// To whom.
    pub subscription: String,
    /// The first sequence number that it looks at.
    pub from_sequence: u64,
    /// The last one; `None` for a moment at the begin of a new subscription.
    pub to_sequence: Option<u64>,
    /// The last one that it has looked at; one less than the first before it begins.
    pub position: u64,
    /// Deliveries that it has made so far; they may be pending still.
    pub enqueued: u64,
    /// `None` while it runs; then how it ended: `completed`, `cancelled`, or why it could not go on.
    pub ended: Option<String>,
    /// What was asked for; times in RFC 3339.
    pub request: Value,
}

/// Why a replay does not begin.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// No subscription has that name.
    #[error("there is no subscription `{0}`")]
    NoSubscription(String),
    /// The filter is no event pattern.
    #[error("the filter is no event pattern: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Filter(Vec<Mistake>),
    /// Too many run already.
    #[error("{MOST_REPLAYS} replays are running; wait for one, or cancel one")]
    TooMany,
    /// The router is about to end.
    #[error("the router is draining and begins no replays")]
    Draining,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
