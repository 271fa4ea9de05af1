//! The harness of the end-to-end tests: starts the real binary, talks to it over HTTP, receives what it delivers.
//!
//! Nothing here sleeps for a time that is hoped to be enough: everything waits for a condition, up to a deadline that is
//! far beyond what any machine needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support"
)]

mod generate;
mod guests;
mod page;
mod receiver;
mod router;
mod tools;

pub use generate::{Generator, write_events};
pub use guests::{component, revision};
pub use page::Page;
pub use receiver::{Received, Receiver};
pub use router::{Output, Router, binary, command, run};
pub use tools::{certificate, python, skipped, tools};

use std::time::{Duration, Instant};

/// Beyond what any machine needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives something.
///
/// # Panics
/// Where it does not within [`PATIENCE`]; `what` says what was waited for.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
