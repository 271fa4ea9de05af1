//! Ingest, route, dispatch, attempt, retry, drain.
//!
//! A [`Table`] is one immutable generation of everything that decides where events go. A [`Router`] takes events in
//! through its table's ingress steps, stores them with what they matched, and has one dispatcher per route that hands
//! them to channels. Plugins are behind ports ([`Redactor`], [`Transformer`], [`Channel`]), so nothing here knows how they
//! run; HTTP is not known here either.

mod attempt;
mod dispatch;
mod gate;
mod generation;
mod inner;
mod isolate;
mod pipeline;
mod plan;
mod ports;
mod redactions;
mod retry;
mod router;
mod split;
mod stats;
mod table;

pub use pipeline::{Processed, Scratch, StepFailure};
pub use plan::{ChannelEntry, DeliveryPlan, IngressStep, Step, Subscription};
pub use ports::{Channel, PluginFailure, Redactor, Transformer};
pub use retry::RetryPolicy;
pub use router::{Acceptance, Drained, Options, PublishError, Router};
pub use stats::{ChannelStats, DeadLetterStats, Stats};
pub use table::{Table, TableError, TableSpec};
