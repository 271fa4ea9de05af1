//! Everything at once, on several threads and in real time: nothing is lost, and the ledger balances.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use fakes::*;
use patchpanel_event::{Attempt, FieldPath, Problem, Receipt};
use patchpanel_router::{
    Channel, Consumers, DeliveryPlan, Options, PluginFailure, PullPlan, PullRequest, ReplayRequest, RetryPolicy,
    Router, Table,
};
use patchpanel_store::{SqliteStore, SystemClock};

const EVENTS: usize = 4_000;

/// Fails now and then, in every way.
struct Moody;

#[async_trait]
impl Channel for Moody {
    async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure> {
        tokio::task::yield_now().await;
        assert!(fastrand::u32(..200) > 0, "told to");
        if fastrand::u32(..50) == 0 {
            return Err(PluginFailure {
                plugin: "moody".into(),
                reason: "trap".into(),
            });
        }
        let answer = |_| match fastrand::u32(..30) {
            0 => Err(Problem::Retry("busy".into())),
            1 => Err(Problem::RetryAfter(1, "soon".into())),
            _ => Ok(Receipt::default()),
        };
        Ok(batch.iter().map(answer).collect())
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn make() -> Table {
    let quick = |ordering: Option<&str>| DeliveryPlan {
        retry: RetryPolicy {
            attempts: u32::MAX.try_into().unwrap(),
            base: Duration::from_millis(1),
            cap: Duration::from_millis(4),
            max_age: None,
        },
        ordering: ordering.map(|path| FieldPath::parse(path).unwrap()),
        concurrency: 4.try_into().unwrap(),
        ..plan(1, 16)
    };
    let mut consumed = pulled(
        "pulled",
        PullPlan {
            consumers: Consumers::Shared,
            ..PullPlan::default()
        },
    );
    consumed.plan = quick(None);
    table(
        vec![
            subscription("plain", "moody", quick(None)),
            subscription("ordered", "moody", quick(Some("message"))),
            subscription("steady", "steady", quick(None)),
            consumed,
        ],
        vec![
            channel("moody", Arc::new(Moody)),
            channel("steady", FakeChannel::new([])),
        ],
    )
}

async fn consume(router: Arc<Router>, done: Arc<AtomicBool>) -> HashSet<String> {
    let mut acked = HashSet::new();
    loop {
        let request = PullRequest {
            max: 10,
            wait: Duration::from_millis(20),
            lease: None,
            consumer: None,
        };
        let over = done.load(Ordering::SeqCst);
        let pulled = router.pull("pulled", request).await.unwrap();
        if pulled.is_empty() && over {
            return acked;
        }
        let (good, bad): (Vec<_>, Vec<_>) = pulled.into_iter().partition(|_| fastrand::u32(..20) > 0);
        let lease = |pulled: &patchpanel_router::Pulled| pulled.lease.clone();
        let bad: Vec<String> = bad.iter().map(lease).collect();
        router.nack("pulled", &bad, Some(Duration::ZERO), None).await.unwrap();
        let leases: Vec<String> = good.iter().map(lease).collect();
        router.ack("pulled", &leases).await.unwrap();
        for pulled in good {
            assert!(acked.insert(pulled.delivery_id), "acked, and handed out again");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_while_everything_happens() {
    let store = Arc::new(SqliteStore::in_memory(Arc::new(SystemClock)).unwrap());
    let router = Arc::new(Router::new(make(), store, Arc::new(SystemClock), Options::default()));
    let done = Arc::new(AtomicBool::new(false));
    let consumers: Vec<_> = (0..3)
        .map(|_| tokio::spawn(consume(Arc::clone(&router), Arc::clone(&done))))
        .collect();
    let publishers: Vec<_> = (0..4)
        .map(|part| {
            let router = Arc::clone(&router);
            tokio::spawn(async move {
                for number in (part * EVENTS / 4..(part + 1) * EVENTS / 4).step_by(10) {
                    let events = (number..number + 10).map(|number| {
                        let key = (number % 17).to_string();
                        event(&number.to_string(), "t", &key)
                    });
                    router.publish(events.collect(), None).await.unwrap();
                }
            })
        })
        .collect();
    let swapping = {
        let (router, done) = (Arc::clone(&router), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::SeqCst) {
                router.swap(make());
                tokio::task::yield_now().await;
            }
        })
    };
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let replay = router
        .start_replay(ReplayRequest {
            subscription: "steady".into(),
            from: None,
            to: None,
            filter: None,
            rate: None,
        })
        .await
        .unwrap();
    while router.replays().await.unwrap()[0].ended.is_none() {
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::SeqCst);
    swapping.await.unwrap();
    let mut acked = HashSet::new();
    for consumer in consumers {
        acked.extend(consumer.await.unwrap());
    }
    router.idle().await;
    let events = EVENTS as u64;
    assert_eq!(replay.to_sequence, Some(events));
    for (name, delivered) in [("plain", events), ("ordered", events), ("steady", 2 * events)] {
        assert_eq!(account(&router, name).await.delivered, delivered, "{name}");
    }
    let pulled = account(&router, "pulled").await;
    assert_eq!((pulled.delivered, pulled.dead, pulled.pending), (events, 0, 0));
    assert_eq!(acked.len(), EVENTS);
}
