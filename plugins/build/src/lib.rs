//! Builds plugin crates to WebAssembly components from a build script.
//!
//! ```no_run
//! use guest_build::{Error, Guest};
//!
//! fn main() -> Result<(), Error> {
//!     guest_build::bundle(&[
//!         Guest { name: "redact", package: "plugin-redact", dir: "plugins/redact" },
//!         Guest { name: "console", package: "plugin-console", dir: "plugins/console" },
//!     ])
//! }
//! ```
//!
//! and in the crate: `include!(concat!(env!("OUT_DIR"), "/bundled.rs"));`, which declares
//! `pub static BUNDLED: &[(&str, &[u8])]`.
//!
//! Two things make this more than one call of cargo. A build script that runs cargo in its own target directory waits
//! for a lock that its parent holds, so guests have a target directory of their own, `<target>/guests`. And what the
//! outer build was told about its target (flags, wrappers, coverage) must not reach the guests, which are for another.

mod cargo;
mod error;
mod place;
mod write;

pub use error::Error;

use place::Place;
use std::path::PathBuf;

/// A crate of this workspace that becomes a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guest<'a> {
    /// The name under which the component is known afterwards.
    pub name: &'a str,
    /// The Cargo package.
    pub package: &'a str,
    /// Its directory, from the root of the workspace: a change in there builds it anew.
    pub dir: &'a str,
}

/// The plugins that are part of the binary.
pub const BUNDLED: [Guest<'static>; 18] = [
    Guest {
        name: "redact",
        package: "plugin-redact",
        dir: "plugins/redact",
    },
    Guest {
        name: "console",
        package: "plugin-console",
        dir: "plugins/console",
    },
    Guest {
        name: "log",
        package: "plugin-log",
        dir: "plugins/log",
    },
    Guest {
        name: "webhook",
        package: "plugin-webhook",
        dir: "plugins/webhook",
    },
    Guest {
        name: "slack",
        package: "plugin-slack",
        dir: "plugins/slack",
    },
    Guest {
        name: "discord",
        package: "plugin-discord",
        dir: "plugins/discord",
    },
    Guest {
        name: "teams",
        package: "plugin-teams",
        dir: "plugins/teams",
    },
    Guest {
        name: "pagerduty",
        package: "plugin-pagerduty",
        dir: "plugins/pagerduty",
    },
    Guest {
        name: "ntfy",
        package: "plugin-ntfy",
        dir: "plugins/ntfy",
    },
    Guest {
        name: "telegram",
        package: "plugin-telegram",
        dir: "plugins/telegram",
    },
    Guest {
        name: "email",
        package: "plugin-email",
        dir: "plugins/email",
    },
    Guest {
        name: "system",
        package: "plugin-system",
        dir: "plugins/system",
    },
    Guest {
        name: "enrich",
        package: "plugin-enrich",
        dir: "plugins/enrich",
    },
    Guest {
        name: "changed",
        package: "plugin-changed",
        dir: "plugins/changed",
    },
    Guest {
        name: "dedupe",
        package: "plugin-dedupe",
        dir: "plugins/dedupe",
    },
    Guest {
        name: "digest",
        package: "plugin-digest",
        dir: "plugins/digest",
    },
    Guest {
        name: "sample",
        package: "plugin-sample",
        dir: "plugins/sample",
    },
    Guest {
        name: "template",
        package: "plugin-template",
        dir: "plugins/template",
    },
];

/// Builds the guests and returns their components, in the order of `guests`.
///
/// Tells Cargo to run the build script again when the guests, what they are made of, or their lock file change.
///
/// # Errors
/// When not run by a build script, or when the inner build fails; the text says what to do.
pub fn build(guests: &[Guest<'_>]) -> Result<Vec<PathBuf>, Error> {
    let place = Place::of_build_script()?;
    place.watch(guests);
    cargo::build(&place, guests)?;
    guests.iter().map(|guest| place.component(guest)).collect()
}

/// [`build`], then writes `$OUT_DIR/bundled.rs` with the components' bytes:
/// `pub static BUNDLED: &[(&str, &[u8])]`, name and bytes.
///
/// # Errors
/// As [`build`], or when `OUT_DIR` cannot be written.
pub fn bundle(guests: &[Guest<'_>]) -> Result<(), Error> {
    let components = build(guests)?;
    write::bytes(&Place::of_build_script()?, guests, &components)
}

/// [`build`], then writes `$OUT_DIR/guests.rs` with the components' files, for tests that put them into directories:
/// `pub static GUESTS: &[(&str, &str)]`, name and absolute path.
///
/// # Errors
/// As [`build`], or when `OUT_DIR` cannot be written.
pub fn list(guests: &[Guest<'_>]) -> Result<(), Error> {
    let components = build(guests)?;
    write::paths(&Place::of_build_script()?, guests, &components)
}
