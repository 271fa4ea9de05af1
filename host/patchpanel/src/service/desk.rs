//! Where requests meet the one task that owns the configuration: what is wanted goes in, how it went comes back.

use std::sync::Arc;

use patchpanel_runtime::DeedError;
use patchpanel_store::StoreError;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Mistakes;

/// Requests that may wait for the task; more wait for room.
const WAITING: usize = 64;

/// A subscription as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    /// What its entry in a file could say.
    pub(crate) entry: Map<String, Value>,
    /// Why it is out of service.
    pub(crate) invalid: Option<String>,
}

/// Where a subscription comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The configuration file.
    File,
    /// A request.
    Api,
}

impl Origin {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Origin::File => "configuration",
            Origin::Api => "api",
        }
    }
}

/// Why a subscription was not created or removed. Everything is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the definition is wrong: {}", .0.in_a_line())]
    Mistakes(Mistakes),
    #[error("its transforms cannot be started as configured: {0}")]
    Plugins(String),
    #[error("there is no subscription `{0}`")]
    Unknown(String),
    #[error("subscription `{0}` is one of the configuration file; take it out there and send SIGHUP to the router")]
    OfTheFile(String),
    #[error(transparent)]
    Plugin(#[from] DeedError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the router is about to end")]
    Ending,
}

/// What the task is asked for.
pub(super) enum Order {
    Create {
        definition: Map<String, Value>,
        answer: oneshot::Sender<Result<Shown, Refusal>>,
    },
    Remove {
        name: String,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
    Plugin {
        name: String,
        deed: PluginDeed,
        answer: oneshot::Sender<Result<(), Refusal>>,
    },
}

/// What an operator decides about a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PluginDeed {
    /// The revision in the shadow takes over.
    Promote,
    /// The revision in the shadow is not wanted.
    Discard,
    /// Quarantine ends, and content that was refused is tried again.
    Release,
}

/// The requests' side.
#[derive(Clone)]
pub(crate) struct Desk {
    orders: mpsc::Sender<Order>,
    shown: watch::Receiver<Arc<[Shown]>>,
}

/// The task's side.
pub(super) struct Back {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) shown: watch::Sender<Arc<[Shown]>>,
}

impl Desk {
    pub(super) fn new() -> (Desk, Back) {
        let (sender, orders) = mpsc::channel(WAITING);
        let (shown, seen) = watch::channel(Arc::from([]));
        let desk = Desk {
            orders: sender,
            shown: seen,
        };
        (desk, Back { orders, shown })
    }

    /// All subscriptions, in the order in which they are matched; those out of service last.
    pub(crate) fn shown(&self) -> Arc<[Shown]> {
        self.shown.borrow().clone()
    }

    /// Puts a subscription into service and keeps it over restarts.
    pub(crate) async fn create(&self, definition: Map<String, Value>) -> Result<Shown, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.ask(Order::Create { definition, answer }).await?;
        answered.await.unwrap_or(Err(Refusal::Ending))
    }

    /// Takes a subscription out of service and forgets it.
    pub(crate) async fn remove(&self, name: String) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.ask(Order::Remove { name, answer }).await?;
        answered.await.unwrap_or(Err(Refusal::Ending))
    }

    /// Decides about a plugin.
    pub(crate) async fn decide(&self, name: String, deed: PluginDeed) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.ask(Order::Plugin { name, deed, answer }).await?;
        answered.await.unwrap_or(Err(Refusal::Ending))
    }

    async fn ask(&self, order: Order) -> Result<(), Refusal> {
        self.orders.send(order).await.map_err(|_| Refusal::Ending)
    }
}
