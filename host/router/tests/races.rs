//! What must hold when a table, a drain or a publisher goes while something is under way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fakes::*;
use patchpanel_event::{Edits, Event, EventParts, Outcome, Problem, TextBatch, TextSelector, TransformFailure};
use patchpanel_router::{
    IngressStep, Options, PluginFailure, PublishError, Redactor, Router, Step, Table, TableSpec, Transformer,
};
use patchpanel_store::{Fetch, Store};
use tokio::time::{Instant, timeout};

/// Long in virtual time: whatever takes longer has hung.
const HUNG: Duration = Duration::from_secs(3_600);

/// Tells that it was called, then blocks its thread until it is let go.
struct Blocking {
    called: tokio::sync::mpsc::UnboundedSender<()>,
    go: Mutex<mpsc::Receiver<()>>,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Blocking {
    fn new() -> (
        Arc<Blocking>,
        tokio::sync::mpsc::UnboundedReceiver<()>,
        mpsc::Sender<()>,
    ) {
        let (called, calls) = tokio::sync::mpsc::unbounded_channel();
        let (go, wait) = mpsc::channel();
        let blocking = Blocking {
            called,
            go: Mutex::new(wait),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        };
        (Arc::new(blocking), calls, go)
    }

    fn block(&self) {
        self.most
            .fetch_max(self.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.called.send(()).unwrap();
        self.go.lock().unwrap().recv().unwrap();
        self.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Redactor for Blocking {
    fn redact(&self, _: &TextBatch) -> Result<Edits, PluginFailure> {
        self.block();
        Ok(Edits::default())
    }
}

impl Transformer for Blocking {
    fn transform(&self, events: &[Event]) -> Result<Vec<Result<Outcome, TransformFailure>>, PluginFailure> {
        self.block();
        Ok(vec![Ok(Outcome::Unchanged); events.len()])
    }
}

fn redacting(handle: Arc<dyn Redactor>) -> Step {
    Step::Redactor {
        plugin: "r".into(),
        selector: TextSelector::default(),
        report: None,
        handle,
    }
}

fn at_the_door(step: Step, fake: &Arc<FakeChannel>) -> Table {
    Table::new(TableSpec {
        ingress: vec![IngressStep { priority: 0, step }],
        subscriptions: vec![subscription("s", "c", plan(3, 1))],
        channels: vec![channel("c", fake.clone())],
        ..TableSpec::default()
    })
    .unwrap()
}

fn one_worker(table: Table, store: Arc<dyn Store>) -> Arc<Router> {
    let options = Options {
        workers: NonZeroUsize::MIN,
        ..Options::default()
    };
    Arc::new(Router::new(table, store, Arc::new(VirtualClock::new()), options))
}

#[tokio::test(start_paused = true)]
async fn what_is_accepted_while_a_drain_begins_is_still_delivered() {
    let (blocking, mut called, go) = Blocking::new();
    let fake = FakeChannel::new([]);
    let router = one_worker(at_the_door(redacting(blocking), &fake), memory());
    let publishing = tokio::spawn({
        let router = router.clone();
        async move { router.publish(vec![event("1", "t", "x")], None).await }
    });
    called.recv().await.unwrap();
    let draining = tokio::spawn({
        let router = router.clone();
        async move { router.drain(HUNG).await }
    });
    while !router.is_draining() {
        tokio::task::yield_now().await;
    }
    let late = router.publish(vec![event("2", "t", "x")], None).await.unwrap_err();
    assert_eq!(late, PublishError::Draining);
    go.send(()).unwrap();
    assert_eq!(publishing.await.unwrap().unwrap().len(), 1);
    assert_eq!(draining.await.unwrap().pending, 0);
    assert_eq!(fake.ids(), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_leaves_does_not_make_room_for_more_plugin_calls() {
    let (blocking, mut called, go) = Blocking::new();
    let fake = FakeChannel::new([]);
    let router = one_worker(at_the_door(redacting(blocking.clone()), &fake), memory());
    let publish = |id: &str| {
        let (router, event) = (router.clone(), event(id, "t", "x"));
        tokio::spawn(async move { router.publish(vec![event], None).await })
    };
    let leaving = publish("1");
    called.recv().await.unwrap();
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    let staying = publish("2");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    go.send(()).unwrap();
    staying.await.unwrap().unwrap();
    assert_eq!(blocking.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_transform_of_a_subscription_does_not_close_the_door() {
    let (blocking, mut called, go) = Blocking::new();
    let fake = FakeChannel::new([]);
    let mut slow = plan(3, 1);
    slow.transforms = vec![Step::Transformer {
        plugin: "slow".into(),
        handle: blocking,
    }];
    let table = Table::new(TableSpec {
        ingress: vec![IngressStep {
            priority: 0,
            step: redacting(Arc::new(FakeRedactor)),
        }],
        subscriptions: vec![subscription("s", "c", slow)],
        channels: vec![channel("c", fake.clone())],
        ..TableSpec::default()
    });
    let router = one_worker(table.unwrap(), memory());
    router.publish(vec![event("1", "t", "x")], None).await.unwrap();
    called.recv().await.unwrap();
    let publishing = tokio::spawn({
        let router = router.clone();
        async move { router.publish(vec![event("2", "t", "x")], None).await }
    });
    // Real time, which only matters where this fails: the blocked thread holds virtual time.
    let started = std::time::Instant::now();
    while !publishing.is_finished() && started.elapsed() < Duration::from_secs(10) {
        tokio::task::yield_now().await;
    }
    let accepted = publishing.is_finished();
    go.send(()).unwrap();
    go.send(()).unwrap();
    assert!(accepted, "one worker's plugin waits for another's");
    publishing.await.unwrap().unwrap();
    router.idle().await;
    assert_eq!(fake.ids(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_disabled_channel_is_not_called_by_those_that_queued_for_it() {
    let fake = FakeChannel::new([Act::Say(Problem::Disable("gone".into()))]);
    let mut wide = plan(3, 1);
    wide.concurrency = NonZeroUsize::new(4).unwrap();
    let router = router(table(
        vec![subscription("s", "c", wide), subscription("t", "c", plan(3, 1))],
        vec![channel("c", fake.clone())],
    ));
    let events = ["1", "2", "3", "4"].map(|id| event(id, "t", ""));
    router.publish(events.to_vec(), None).await.unwrap();
    while router.stats().await.unwrap().channels["c"].disabled.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(HUNG).await;
    assert_eq!(fake.ids().len(), 1);
    let stats = router.stats().await.unwrap();
    let pending: BTreeMap<_, _> = stats
        .subscriptions
        .iter()
        .map(|(name, account)| (name.as_str(), account.pending))
        .collect();
    assert_eq!(pending, BTreeMap::from([("s", 4), ("t", 4)]));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_comes_back_while_it_is_being_removed_is_served() {
    let store = FakeStore::new();
    let fake = FakeChannel::new([Act::Say(Problem::Retry("down".into()))]);
    let with = || {
        table(
            vec![subscription("s", "c", plan(3, 1))],
            vec![channel("c", fake.clone())],
        )
    };
    let router = one_worker(with(), store.clone());
    router.publish(vec![event("1", "t", "")], None).await.unwrap();
    while fake.ids().is_empty() {
        tokio::task::yield_now().await;
    }
    store.holds_early.store(true, Ordering::SeqCst);
    router.swap(table(vec![], vec![channel("c", fake.clone())]));
    store.held.notified().await;
    router.swap(with());
    store.go.notify_one();
    router.publish(vec![event("2", "t", "")], None).await.unwrap();
    timeout(HUNG, router.idle()).await.unwrap();
    // What was pending when it was back in service is its own again.
    assert_eq!(account(&router, "s").await.delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn a_drain_gives_back_what_it_cuts_off() {
    let store = memory();
    let hanging = FakeChannel::always([], Act::Hang);
    let table = table(vec![subscription("s", "c", plan(3, 8))], vec![channel("c", hanging)]);
    let router = one_worker(table, store.clone());
    router
        .publish(vec![event("1", "t", ""), event("2", "t", "")], None)
        .await
        .unwrap();
    let started = Instant::now();
    assert_eq!(router.drain(Duration::from_secs(5)).await.pending, 2);
    assert!(started.elapsed() < Duration::from_secs(7));
    let left = store.fetch(Fetch::due("s", 9)).await.unwrap().deliveries;
    assert_eq!(left.len(), 2, "their leases are given back");
    assert!(left.iter().all(|delivery| delivery.attempts == 0));
}

/// Splits every event in two.
struct InTwo;

impl Transformer for InTwo {
    fn transform(&self, events: &[Event]) -> Result<Vec<Result<Outcome, TransformFailure>>, PluginFailure> {
        let part = || EventParts {
            kind: "part".into(),
            ..EventParts::default()
        };
        Ok(vec![Ok(Outcome::Split(vec![part(), part()])); events.len()])
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_part_does_not_end_the_retries_of_its_sibling() {
    let fake = FakeChannel::new([
        Act::Say(Problem::Reject("this one never".into())),
        Act::Say(Problem::Retry("this one later".into())),
    ]);
    let mut split = plan(5, 1);
    split.transforms = vec![Step::Transformer {
        plugin: "two".into(),
        handle: Arc::new(InTwo),
    }];
    let router = router(table(
        vec![subscription("s", "c", split)],
        vec![channel("c", fake.clone())],
    ));
    router.publish(vec![event("1", "t", "")], None).await.unwrap();
    router.idle().await;
    assert_eq!(fake.ids(), ["1/1", "1/2", "1/1", "1/2"]);
    assert_eq!(account(&router, "s").await.delivered, 1);
}
