//! A router with very many pending deliveries, and a store with as many that have failed once.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use patchpanel_event::{Event, FieldPath, Limits};
use patchpanel_store::{
    Clock as _, Fetch, NewEvent, Retention, Settlement, SqliteStore, SteadyClock, Store as _, StoreOptions,
    SystemClock, Verdict,
};
use patchpanel_tests::Router;
use serde_json::json;

use crate::{empty_directory, event, http};

/// Events in one request.
const BATCH: usize = 1_000;

pub(crate) fn run(events: usize) {
    let directory = empty_directory();
    let router = Router::start(&directory, &http::config());
    println!("| events | pending | resident memory, MB |\n| ---: | ---: | ---: |");
    let show = |router: &Router, sent: usize| {
        let (_, stats) = router.get("/v1/stats");
        let accounts = stats["subscriptions"].as_object().cloned().unwrap_or_default();
        let pending: u64 = accounts
            .values()
            .map(|account| account["pending"].as_u64().unwrap())
            .sum();
        println!("| {sent} | {pending} | {:.1} |", resident(router.id()));
    };
    show(&router, 0);
    for batch in 0..events / BATCH {
        let lines: Vec<String> = (0..BATCH)
            .map(|number| event(0, (batch * BATCH + number) as u64))
            .collect();
        let (status, answer) = router.post(&[("content-type", "application/x-ndjson")], lines.join("\n"));
        assert_eq!(status, 202, "{answer}");
        let sent = (batch + 1) * BATCH;
        if sent.is_power_of_two() || sent.is_multiple_of((events / 10).max(1)) {
            show(&router, sent);
        }
    }
    router.crash();
    let killed = Instant::now();
    let router = Router::start(&directory, &http::config());
    println!(
        "\nanswers {:.2} s after it was started again",
        killed.elapsed().as_secs_f64()
    );
    show(&router, events);
    for name in ["first", "second"] {
        let mut pulled = 0;
        let started = Instant::now();
        for _ in 0..50 {
            let path = format!("/v1/subscriptions/{name}/pull");
            let (status, answer) = router.post_to(&path, &json!({"max": 100}));
            assert_eq!(status, 200, "{answer}");
            let deliveries = answer["deliveries"].as_array().unwrap();
            let leases: Vec<_> = deliveries.iter().map(|delivery| &delivery["lease"]).collect();
            pulled += leases.len();
            let (status, answer) = router.post_to(&format!("/v1/subscriptions/{name}/ack"), &json!({"leases": leases}));
            assert_eq!(status, 200, "{answer}");
        }
        println!(
            "{pulled} pulled and acknowledged by one consumer of `{name}` in {:.2} s",
            started.elapsed().as_secs_f64()
        );
    }
    show(&router, events);
    drop(router);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for ordering in [None, Some(FieldPath::parse("payload.number").unwrap())] {
        runtime.block_on(retrying(&empty_directory(), events, ordering.as_ref()));
    }
    let _ = std::fs::remove_dir_all(directory);
}

/// All of them wait for a retry, which is what takes a row each; with an ordering, each has a key of its own besides.
async fn retrying(directory: &Path, events: usize, ordering: Option<&FieldPath>) {
    let open = || {
        SqliteStore::open(StoreOptions {
            path: Some(directory.join("store.db")),
            retention: Retention::default(),
            budget: None,
            clock: Arc::new(SteadyClock::default()),
        })
        .unwrap()
    };
    let store = open();
    let due = SystemClock.now() + 3_600_000_000_000;
    for batch in 0..events / BATCH {
        let new = |number: usize| NewEvent {
            event: Event::parse(event(0, (batch * BATCH + number) as u64).into(), &Limits::default()).unwrap(),
            matched: vec!["failing".into()],
            key: None,
        };
        store.append((0..BATCH).map(new).collect()).await.unwrap();
        let fetch = Fetch {
            ordering,
            ..Fetch::due("failing", BATCH)
        };
        let settlement = |delivery: &patchpanel_store::Delivery| Settlement {
            subscription: "failing".into(),
            key: delivery.key,
            verdict: Verdict::Retry {
                due,
                reason: "503 Service Unavailable".into(),
            },
        };
        let leased = store.fetch(fetch).await.unwrap().deliveries;
        store.settle(leased.iter().map(settlement).collect()).await.unwrap();
    }
    drop(store);
    let opening = Instant::now();
    let store = open();
    println!(
        "{} deliveries that wait for a retry, {}: opened in {:.2} s",
        store.ledger().await.unwrap().pending(),
        if ordering.is_some() {
            "each with its ordering key"
        } else {
            "in no order"
        },
        opening.elapsed().as_secs_f64()
    );
}

/// Megabytes.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}
