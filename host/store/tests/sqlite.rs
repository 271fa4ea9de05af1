//! The embedded store: the suite that every store must pass, in memory and in a file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod suite;

use std::sync::Arc;

use patchpanel_store::{Retention, SqliteStore, Store, StoreOptions};
use suite::{Made, ManualClock};

fn in_memory(clock: Arc<ManualClock>) -> Made {
    Made {
        open: Box::new(move || Arc::new(SqliteStore::in_memory(clock.clone()).unwrap())),
        survives: false,
    }
}

fn in_a_file(clock: Arc<ManualClock>) -> Made {
    let directory = tempfile::tempdir().unwrap();
    Made {
        open: Box::new(move || -> Arc<dyn Store> {
            let options = StoreOptions {
                path: Some(directory.path().join("store.db")),
                retention: Retention::default(),
                budget: None,
                clock: clock.clone(),
            };
            Arc::new(SqliteStore::open(options).unwrap())
        }),
        survives: true,
    }
}

#[tokio::test]
async fn conforms_in_memory() {
    suite::run(in_memory).await;
}

#[tokio::test]
async fn conforms_in_a_file() {
    suite::run(in_a_file).await;
}

#[test]
fn agrees_with_the_model_in_memory() {
    suite::model::run(in_memory);
}

#[test]
fn agrees_with_the_model_in_a_file() {
    suite::model::run(in_a_file);
}
