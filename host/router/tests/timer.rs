//! Transforms that give events out by the clock: which way those go, and what happens when something fails on it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fakes::*;
use patchpanel_event::{Event, EventParts, Outcome, Patch, TextSelector, TransformFailure};
use patchpanel_router::{
    DeliveryPlan, IngressStep, PluginFailure, PullPlan, Router, Step, Table, TableSpec, Timed, Transformer,
};
use patchpanel_store::Store;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// Gives out what is in `due`, and marks what passes it.
#[derive(Default)]
struct FakeTimed {
    due: Mutex<BTreeMap<String, EventParts>>,
    asked: Mutex<Vec<u64>>,
    stored: Mutex<Vec<String>>,
    fails_at: AtomicBool,
    fails_at_stored: AtomicBool,
}

impl FakeTimed {
    fn with(ids: &[&str]) -> Arc<FakeTimed> {
        let fake = FakeTimed::default();
        ids.iter().for_each(|id| fake.give(id, "sum"));
        Arc::new(fake)
    }

    fn give(&self, id: &str, kind: &str) {
        let parts = EventParts {
            id: id.into(),
            kind: kind.into(),
            ..EventParts::default()
        };
        self.due.lock().unwrap().insert(id.into(), parts);
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn stored(&self) -> Vec<String> {
        self.stored.lock().unwrap().clone()
    }

    async fn is_asked(&self) {
        let before = self.asked();
        while self.asked() == before {
            sleep(Duration::from_millis(100)).await;
        }
        // Asked again, so all that followed is over.
        while self.asked() == before + 1 {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn failure(reason: &str) -> PluginFailure {
    PluginFailure {
        plugin: "timed".into(),
        reason: reason.into(),
    }
}

impl Transformer for FakeTimed {
    fn transform(&self, events: &[Event]) -> Result<Vec<Result<Outcome, TransformFailure>>, PluginFailure> {
        let answer = |event: &Event| {
            Ok(Outcome::Patched(Patch {
                message: Some(format!("{}+", event.message().unwrap_or_default())),
                ..Patch::default()
            }))
        };
        Ok(events.iter().map(answer).collect())
    }

    fn timed(&self) -> Option<&dyn Timed> {
        Some(self)
    }
}

impl Timed for FakeTimed {
    fn due(&self, now: u64) -> Result<Vec<EventParts>, PluginFailure> {
        self.asked.lock().unwrap().push(now);
        match self.fails_at.load(SeqCst) {
            true => Err(failure("trap")),
            false => Ok(self.due.lock().unwrap().values().cloned().collect()),
        }
    }

    fn stored(&self, ids: &[String]) -> Result<(), PluginFailure> {
        if self.fails_at_stored.load(SeqCst) {
            return Err(failure("trap"));
        }
        for id in ids {
            self.due.lock().unwrap().remove(id);
        }
        self.stored.lock().unwrap().extend_from_slice(ids);
        Ok(())
    }
}

fn step(timed: &Arc<FakeTimed>) -> Step {
    Step::Transformer {
        plugin: "timed".into(),
        handle: timed.clone(),
    }
}

fn ingress(steps: Vec<Step>, to: &Arc<FakeChannel>) -> Table {
    let first = |step| IngressStep { priority: 0, step };
    Table::new(TableSpec {
        ingress: steps.into_iter().map(first).collect(),
        subscriptions: vec![subscription("s", "c", plan(5, 1))],
        channels: vec![channel("c", to.clone())],
        ..TableSpec::default()
    })
    .unwrap()
}

fn of_a_subscription(timed: &Arc<FakeTimed>, to: &Arc<FakeChannel>) -> Table {
    let own = DeliveryPlan {
        transforms: vec![step(timed)],
        ..plan(5, 1)
    };
    let mut digest = subscription("digest", "c", own);
    digest.filter = Some(r#"{"type": ["t"]}"#.parse().unwrap());
    table(
        vec![digest, subscription("all", "d", plan(5, 1))],
        vec![channel("c", to.clone()), channel("d", FakeChannel::new([]))],
    )
}

#[tokio::test(start_paused = true)]
async fn what_is_due_at_the_door_passes_all_of_it_and_is_matched() {
    let (timed, seen) = (FakeTimed::with(&["b", "a"]), FakeChannel::new([]));
    let started = Instant::now();
    let router = router(ingress(vec![step(&timed)], &seen));
    while timed.stored().len() < 2 {
        sleep(Duration::from_millis(100)).await;
    }
    assert!(started.elapsed() <= 2 * SECOND);
    router.idle().await;
    assert_eq!(timed.stored(), ["a", "b"]);
    assert_eq!(seen.ids(), ["a", "b"]);
    assert_eq!(
        seen.attempts()[0].event.message().as_deref(),
        Some("+"),
        "it came by itself"
    );
    timed.is_asked().await;
    assert_eq!(account(&router, "s").await.accepted, 2, "once only");
    let asked = timed.asked.lock().unwrap().clone();
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 1_000_000_000));
}

#[tokio::test(start_paused = true)]
async fn what_is_due_for_a_subscription_goes_there_alone_and_by_its_transforms() {
    let (timed, seen) = (FakeTimed::with(&["sum"]), FakeChannel::new([]));
    let router = router(of_a_subscription(&timed, &seen));
    while timed.stored().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    router.idle().await;
    assert_eq!(seen.ids(), ["sum"], "its filter is not asked");
    assert_eq!(seen.attempts()[0].event.message().as_deref(), Some("+"));
    assert_eq!(account(&router, "all").await.accepted, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_already_is_told_and_not_stored_again() {
    let (timed, seen) = (FakeTimed::with(&["known", "new"]), FakeChannel::new([]));
    timed.fails_at_stored.store(true, SeqCst);
    let router = router(ingress(vec![step(&timed)], &seen));
    router.publish(vec![event("known", "t", "")], None).await.unwrap();
    for _ in 0..3 {
        timed.is_asked().await;
    }
    assert_eq!(account(&router, "s").await.accepted, 2);
    assert!(timed.stored().is_empty());
    timed.fails_at_stored.store(false, SeqCst);
    timed.is_asked().await;
    assert_eq!(timed.stored(), ["known", "new"]);
    assert_eq!(account(&router, "s").await.accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_is_asked_again_and_holds_up_nobody() {
    let (bad, good, seen) = (FakeTimed::with(&["a"]), FakeTimed::with(&["b"]), FakeChannel::new([]));
    bad.fails_at.store(true, SeqCst);
    let router = router(ingress(vec![step(&bad), step(&good)], &seen));
    bad.is_asked().await;
    assert_eq!((bad.stored(), good.stored()), (vec![], vec!["b".to_owned()]));
    bad.fails_at.store(false, SeqCst);
    bad.is_asked().await;
    assert_eq!(bad.stored(), ["a"]);
    assert_eq!(account(&router, "s").await.accepted, 2);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_none_or_is_refused_holds_up_none_of_the_others() {
    let (timed, seen) = (FakeTimed::with(&["a", "c"]), FakeChannel::new([]));
    timed.give("none", "");
    timed.give("bad", "sum");
    timed.due.lock().unwrap().get_mut("bad").unwrap().message = "POISON".into();
    let redactor = Step::Redactor {
        plugin: "redactor".into(),
        selector: TextSelector::default(),
        report: None,
        handle: Arc::new(FakeRedactor),
    };
    let router = router(ingress(vec![redactor, step(&timed)], &seen));
    timed.is_asked().await;
    assert_eq!(timed.stored(), ["a", "c"]);
    assert_eq!(account(&router, "s").await.accepted, 2);
    let due: Vec<String> = timed.due.lock().unwrap().keys().cloned().collect();
    assert_eq!(due, ["bad", "none"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_table_brings_its_own_and_ends_those_of_the_old_one() {
    let (first, second, seen) = (FakeTimed::with(&[]), FakeTimed::with(&["a"]), FakeChannel::new([]));
    let router = router(ingress(vec![step(&first)], &seen));
    first.is_asked().await;
    router.swap(ingress(vec![], &seen));
    sleep(5 * SECOND).await;
    let asked = first.asked();
    sleep(60 * SECOND).await;
    assert_eq!(first.asked(), asked, "it is in no table");
    router.swap(ingress(vec![step(&second)], &seen));
    second.is_asked().await;
    assert_eq!((second.stored(), first.asked()), (vec!["a".to_owned()], asked));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_while_nothing_is_taken_in() {
    let (timed, seen) = (FakeTimed::with(&[]), FakeChannel::new([]));
    let fake = FakeStore::new();
    let store: Arc<dyn Store> = fake.clone();
    let router = router_over(ingress(vec![step(&timed)], &seen), &store);
    timed.is_asked().await;
    fake.is_full.store(true, SeqCst);
    sleep(2 * SECOND).await;
    let asked = timed.asked();
    sleep(60 * SECOND).await;
    assert_eq!(timed.asked(), asked);
    fake.is_full.store(false, SeqCst);
    timed.is_asked().await;
    router.drain(SECOND).await;
    let asked = timed.asked();
    sleep(60 * SECOND).await;
    assert_eq!(timed.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn consumers_get_what_is_due_as_well() {
    let timed = FakeTimed::with(&["sum"]);
    let mut pull = pulled("p", PullPlan::default());
    pull.plan.transforms = vec![step(&timed)];
    let router: Router = router(table(vec![pull], vec![]));
    timed.is_asked().await;
    assert_eq!(timed.stored(), ["sum"]);
    assert_eq!(account(&router, "p").await.pending, 1);
}
