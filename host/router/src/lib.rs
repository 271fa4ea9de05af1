//! Ingest, route, dispatch, attempt, retry, drain.
//!
//! A [`Table`] is one immutable generation of everything that decides where events go. A [`Router`] takes events in
//! through its table's ingress steps, stores them with what they matched, and has one keeper per route: to a channel it
//! dispatches, and where consumers fetch it watches over their leases. Once a second it takes in what transforms give out by
//! the clock. Plugins are behind ports ([`Redactor`],
//! [`Transformer`], [`Channel`]), so nothing here knows how they run; HTTP is not known here either.

mod api;
mod attempt;
mod breaker;
mod channels;
mod dead_letters;
mod dispatch;
mod door;
mod event_filter;
mod gate;
mod generation;
mod inner;
mod isolate;
mod keeper;
mod leftovers;
mod pipeline;
mod plan;
mod ports;
mod publish;
mod pull;
mod questions;
mod recover;
mod redactions;
mod replay;
mod retry;
mod router;
mod split;
mod stats;
mod table;
mod throttle;
mod timer;
mod verdict;

pub use channels::{ChannelCheck, ChannelStatus, CheckError};
pub use dead_letters::DeadSelection;
pub use door::{Acceptance, PublishError};
pub use pipeline::{Processed, Scratch, StepFailure};
pub use plan::{
    BreakerPolicy, ChannelEntry, Consumers, DeliveryPlan, IngressStep, PullPlan, Start, Step, Subscription, Target,
    Throttle, WhenExceeded,
};
pub use ports::{Channel, PluginFailure, Redactor, Timed, Transformer};
pub use pull::{LONGEST_LEASE, LeaseEnd, PullError, PullRequest, Pulled};
pub use questions::{HistoryPage, HistoryQuery};
pub use replay::{MOST_REPLAYS, ReplayError, ReplayRequest, ReplayStatus};
pub use retry::RetryPolicy;
pub use router::{Drained, Options, Router};
pub use stats::{ChannelStats, Stats};
pub use table::{Table, TableError, TableSpec};
