//! The bundled channels against receivers that know their ecosystems: official libraries where there are some, else what the
//! public references demand. The configurations are those of `docs/channels/`, with other addresses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod audit;
mod chat;
mod daemon;
mod desktop;
mod every;
mod failures;
mod files;
mod health;
mod hook;
mod journal;
mod mail;
mod mail_server;
mod masks;
mod page;
mod providers;
mod script;
mod slack;
mod syslog;
mod webhook;

use std::path::Path;

use patchpanel_tests::{Router, wait_for};
use serde_json::{Value, json};

/// A running router with its directory.
struct Running {
    directory: tempfile::TempDir,
    router: Router,
}

/// Starts a router with this configuration and these variables, to which secrets refer.
fn start(config: &str, environment: &[(&str, &str)]) -> Running {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("patchpanel.toml"), config).unwrap();
    let environment: Vec<(&str, &Path)> = environment
        .iter()
        .map(|(name, value)| (*name, Path::new(*value)))
        .collect();
    let router = Router::spawn_with(directory.path(), &["run", "--listen", "127.0.0.1:0"], &environment);
    Running { directory, router }
}

impl Running {
    /// Why the only dead letter is one.
    fn reason(&self) -> String {
        self.router.settled();
        let letters = self.router.get("/v1/dead-letters").1;
        letters["dead_letters"][0]["reason"]
            .as_str()
            .unwrap_or_else(|| panic!("no dead letter: {letters}"))
            .to_owned()
    }

    /// Why the first attempt at a delivery failed, as soon as it has.
    fn failure(&self, delivery: &str) -> String {
        wait_for("a failed attempt", || {
            let (_, delivery) = self.router.get(&format!("/v1/deliveries/{delivery}"));
            delivery["failures"][0]["reason"].as_str().map(str::to_owned)
        })
    }

    /// How many deliveries of a subscription ended so.
    fn count(&self, subscription: &str, outcome: &str) -> u64 {
        self.router.settled()["subscriptions"][subscription][outcome]
            .as_u64()
            .unwrap_or_default()
    }
}

/// What mail, logs and terminals would act on.
const HOSTILE: &str = "a\r\nBcc: eve@example.com\r\n\r\n<script>\u{202e}\u{1b}[31m ü <0>1 - - - - - forged";

/// An event that is full of it.
fn hostile(id: &str) -> Value {
    json!({"id": id, "type": "backup.failed", "level": "error", "subject": id, "message": HOSTILE, "correlation_id": "night-7"})
}

/// The body of a request as JSON.
fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}"))
}
