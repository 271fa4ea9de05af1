//! The store: what owns an event from its acceptance until its last delivery is settled.
//!
//! [`Store`] is the interface, [`MemoryStore`] keeps everything in memory and forgets it at exit. The interface is cut
//! for what comes behind it next, so nothing in it knows how it is kept:
//!
//! * [`Store::append`] is one group commit: all or nothing, and an event is accepted only once it returns.
//! * [`Store::fetch`] leases deliveries. Leases live in this process only: after a crash whatever was leased is pending
//!   again, which is why delivery is at least once. A lease has no deadline, because its holder lives in the same process.
//! * [`Store::settle`] takes many settlements, so that they ride in the same commits as new events do.
//! * A delivery is called by its subscription and by a sequence number: a row's id, or a stream's.
//!
//! At all times `accepted = pending + delivered + filtered + throttled + expired + dead`, for every subscription
//! ([`Account`]).
//!
//! ```
//! use std::sync::Arc;
//!
//! use patchpanel_event::{Event, Limits, Receipt};
//! use patchpanel_store::{MemoryLimits, MemoryStore, NewEvent, Settlement, Store, SystemClock, Verdict};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(MemoryLimits::default(), Arc::new(SystemClock));
//! let event = Event::parse(r#"{"type": "git.commit"}"#.into(), &Limits::default())?;
//! store.append(vec![NewEvent { event, matched: vec!["audit".into()] }]).await?;
//!
//! let fetched = store.fetch("audit", 10).await?;
//! let settlements = fetched.deliveries.iter().map(|delivery| Settlement {
//!     subscription: "audit".into(),
//!     sequence: delivery.sequence,
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
mod ledger;
mod memory;
mod queue;
mod seen;
mod store;

pub use clock::{Clock, SystemClock};
pub use delivery::{Appended, DeadLetter, Delivery, Fetched, NewEvent, Settlement, SubscriptionName, Verdict};
pub use error::StoreError;
pub use ledger::{Account, Ledger};
pub use memory::{MemoryLimits, MemoryStore};
pub use store::Store;
