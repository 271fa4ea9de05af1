//! The router without HTTP.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{Event, Level, Limits};
use patchpanel_router::{DeliveryPlan, Options, PullPlan, Router, Start, Subscription, Table, TableSpec, Target};
use patchpanel_store::{Retention, SqliteStore, SteadyClock, StoreOptions};
use tokio::runtime::Runtime;

use crate::{Figures, event, publish};

pub(crate) const SUBSCRIPTIONS: [&str; 3] = ["first", "second", "third"];

pub(crate) fn run(runtime: &Runtime, directory: &Path, publishers: usize, time: Duration) -> Figures {
    let clock = Arc::new(SteadyClock::default());
    let store = SqliteStore::open(StoreOptions {
        path: Some(directory.join("store.db")),
        retention: Retention {
            age: Some(Duration::from_secs(24 * 60 * 60)),
            bytes: None,
        },
        budget: Some(1 << 40),
        clock: clock.clone(),
    })
    .unwrap();
    let subscription = |name: &str| Subscription {
        name: name.into(),
        filter: None,
        min_level: Level::Debug,
        target: Target::Pull(PullPlan::default()),
        start: Start::Latest,
        plan: DeliveryPlan::default(),
    };
    let table = Table::new(TableSpec {
        subscriptions: SUBSCRIPTIONS.map(subscription).to_vec(),
        ..TableSpec::default()
    })
    .unwrap();
    let _entered = runtime.enter();
    let router = Arc::new(Router::new(table, Arc::new(store), clock, Options::default()));
    runtime.block_on(publish(publishers, time, |publisher| {
        let router = router.clone();
        move |number| {
            let router = router.clone();
            async move {
                let event = Event::parse(event(publisher, number).into(), &Limits::default()).unwrap();
                let accepted = router.publish(vec![event], None).await.unwrap();
                assert!(!accepted[0].duplicate);
            }
        }
    }))
}
