//! The bundled channels against receivers that know their ecosystems: official libraries where there are some, else what the
//! public references demand. The configurations are those of `docs/channels/`, with other addresses.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod audit;
mod chat;
mod every;
mod failures;
mod health;
mod hook;
mod local;
mod masks;
mod page;
mod script;
mod slack;
mod webhook;

use std::path::Path;

use patchpanel_tests::Router;
use serde_json::Value;

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

    /// How many deliveries of a subscription ended so.
    fn count(&self, subscription: &str, outcome: &str) -> u64 {
        self.router.settled()["subscriptions"][subscription][outcome]
            .as_u64()
            .unwrap_or_default()
    }
}

/// The body of a request as JSON.
fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {body}"))
}
