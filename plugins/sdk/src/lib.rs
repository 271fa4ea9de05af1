//! Write Patchpanel plugins in Rust: one trait, one export macro.
//!
//! A plugin is a `cdylib` crate, built with `cargo build --target wasm32-wasip2`. Pick the kind:
//!
//! | kind | trait | macro | what it may do |
//! | --- | --- | --- | --- |
//! | redactor | [`Redactor`] | [`export_redactor!`] | replace text in the fields that the operator lets it see |
//! | transform | [`Transform`] | [`export_transform!`] | change, drop or split events |
//! | the same | [`Timer`] besides | [`export_timed_transform!`] | give out events when it is time, too |
//! | channel | [`Channel`] | [`export_channel!`] | deliver events outward |
//!
//! All of a redactor:
//!
//! ```
//! use patchpanel_plugin::{ConfigError, NoConfig, Redactor, export_redactor};
//!
//! struct Shorten;
//!
//! impl Redactor for Shorten {
//!     type Config = NoConfig;
//!
//!     fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
//!         Ok(Shorten)
//!     }
//!
//!     fn redact(&mut self, path: &str, text: &str) -> Option<String> {
//!         (path == "payload.comment" && text.len() > 9).then(|| text.chars().take(9).collect())
//!     }
//! }
//!
//! export_redactor!(Shorten);
//! # fn main() {}
//! ```
//!
//! Everything compiles natively too, so plugins have ordinary unit tests: [`testing`] makes the router's calls. The
//! export macros add a test of their own: that the declaration is JSON and that a redactor meets its examples.
//!
//! The router calls with batches and plain buffers, because crossing into WebAssembly with a list of strings costs an
//! allocation per string. The traits hide it; [`Redactor::edits`] is the form without any allocation per text.

mod bindings;
mod canonical;
mod channel;
mod clock;
mod config;
mod declaration;
mod draft;
mod edits;
mod event;
mod export;
pub mod http;
mod human;
pub mod kv;
pub mod log;
pub mod mail;
pub mod notify;
mod path;
mod redactor;
pub mod secrets;
pub mod testing;
mod transform;

pub use canonical::{canonical_json, fingerprint};
pub use channel::{Channel, Delivery, Problem, Receipt};
pub use clock::now;
pub use config::{ConfigError, NoConfig};
pub use draft::Draft;
pub use edits::Edits;
pub use event::{Event, Level};
pub use human::{ByteSize, HumanDuration};
pub use path::{Path, by_path};
pub use redactor::Redactor;
pub use transform::{Failure, Outcome, Patch, Timer, Transform};

/// What the export macros expand to. No part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{channel, lifecycle, redactor, timer, transformer};
    pub use crate::config::ConfigError;
    pub use crate::declaration::Declaration;
    pub use crate::export::Slot;
}
