//! The store: what owns an event from its acceptance until its last delivery is settled, and what is asked about it later.
//!
//! [`Store`] is the interface, [`SqliteStore`] the embedded store behind it: in a file, where nothing accepted is lost, or
//! in memory, where it is forgotten at exit. Nothing in the interface knows how things are kept:
//!
//! * [`Store::append`] is one group commit: all or nothing, and an event is accepted only once it returns.
//! * [`Store::fetch`] leases deliveries. Leases live in this process only: after a crash whatever was leased is pending
//!   again, which is why delivery is at least once. A lease has no deadline, because its holder lives in the same process.
//! * [`Store::settle`] takes many settlements, so that they ride in the same commits as new events do.
//! * [`Store::keep`] takes what plugins keep, which is durable no later than what is appended or settled afterwards.
//! * A delivery is called by its subscription and by a sequence number: a row's id, or a stream's.
//!
//! At all times `accepted = pending + delivered + filtered + throttled + expired + dead`, for every subscription
//! ([`Account`]).
//!
//! ```
//! use std::sync::Arc;
//!
//! use patchpanel_event::{Event, Limits, Receipt};
//! use patchpanel_store::{Fetch, NewEvent, Settlement, SqliteStore, Store, SystemClock, Verdict};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqliteStore::in_memory(Arc::new(SystemClock))?;
//! let event = Event::parse(r#"{"type": "git.commit"}"#.into(), &Limits::default())?;
//! let matched = vec!["audit".into()];
//! store.append(vec![NewEvent { event, matched, key: None }]).await?;
//!
//! let fetched = store.fetch(Fetch::due("audit", 10)).await?;
//! let settlements = fetched.deliveries.iter().map(|delivery| Settlement {
//!     subscription: "audit".into(),
//!     key: delivery.key,
//!     verdict: Verdict::Delivered(Receipt::default()),
//! });
//! store.settle(settlements.collect()).await?;
//! assert_eq!(store.ledger().await?.accounts["audit"].delivered, 1);
//! # Ok(())
//! # }
//! ```

mod clock;
mod delivery;
mod error;
mod history;
mod kept;
mod ledger;
mod sqlite;
mod store;

pub use clock::{Clock, SteadyClock, SystemClock};
pub use delivery::{
    Appended, Delivery, DeliveryKey, DeliveryRef, Fetch, Fetched, NewEvent, Settlement, SubscriptionName, Verdict,
};
pub use error::StoreError;
pub use history::{
    DeliveriesPage, DeliveriesQuery, DeliveryState, DeliveryStatus, EventsPage, EventsQuery, FailedAttempt, Replay,
    StoredEvent, Usage,
};
pub use kept::KeptValue;
pub use ledger::{Account, Ledger};
pub use sqlite::{OpenError, Retention, SqliteStore, StoreOptions};
pub use store::Store;
