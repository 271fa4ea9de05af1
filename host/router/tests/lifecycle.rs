//! Starts, drains and stores that fail; and what publishers hear of requests that they repeat.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use patchpanel_event::{EventParts, Outcome, Problem};
use patchpanel_router::{IngressStep, PublishError, PullError, PullPlan, PullRequest, Router, Step, Table, TableSpec};
use patchpanel_store::{Store, StoreError};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn to(fake: &Arc<FakeChannel>, names: &[&str]) -> Table {
    let subscriptions = names.iter().map(|name| subscription(name, "c", plan(5, 1)));
    table(subscriptions.collect(), vec![channel("c", fake.clone())])
}

fn durable() -> (Arc<FakeStore>, Arc<dyn Store>) {
    let store = FakeStore::new();
    (store.clone(), store)
}

#[tokio::test(start_paused = true)]
async fn what_is_pending_for_nobody_is_dead_at_the_start() {
    let (_, store) = durable();
    let down = FakeChannel::always([], Act::Say(Problem::RetryAfter(3_600_000, "down".into())));
    let first = router_over(to(&down, &["s", "gone"]), &store);
    publish_numbers(&first, 0..1_200).await;
    while down.ids().len() < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(first.drain(SECOND).await.pending, 2_400);
    let good = FakeChannel::new([]);
    let second = router_over(to(&good, &["s"]), &store);
    second.idle().await;
    assert_eq!(account(&second, "s").await.delivered, 1_200);
    assert_eq!(account(&second, "gone").await.dead, 1_200);
    let letters = dead_letters(&second).await;
    assert!(
        letters
            .iter()
            .all(|letter| letter.reason.as_deref() == Some("the subscription was removed"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_a_durable_store_waits_for_what_is_in_flight_and_for_nothing_else() {
    let (_, store) = durable();
    let slow = FakeChannel::new([Act::Say(Problem::RetryAfter(60_000, "later".into()))]);
    let router = router_over(to(&slow, &["s"]), &store);
    publish_numbers(&router, 0..1).await;
    while slow.ids().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    assert_eq!(router.drain(300 * SECOND).await.pending, 1);
    assert!(started.elapsed() < SECOND, "a retry in a minute is the next run's");
    let again = router_over(to(&slow, &["s"]), &store);
    again.idle().await;
    assert_eq!(account(&again, "s").await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_a_durable_store_lets_calls_end_and_cuts_off_those_that_hang() {
    let (_, store) = durable();
    // Its deadline is thirty seconds.
    let fake = FakeChannel::new([Act::Hang]);
    let router = router_over(to(&fake, &["s"]), &store);
    publish_numbers(&router, 0..3).await;
    while fake.ids().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    assert_eq!(router.drain(300 * SECOND).await.pending, 3);
    assert!(started.elapsed() > 29 * SECOND, "until the channel's deadline");
    assert_eq!(fake.ids().len(), 1, "nothing new is begun");
    let hanging = FakeChannel::new([Act::Hang]);
    let again = router_over(to(&hanging, &["s"]), &store);
    while hanging.ids().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let started = Instant::now();
    assert_eq!(again.drain(5 * SECOND).await.pending, 3);
    assert_eq!(started.elapsed().as_secs(), 5);
    let good = FakeChannel::new([]);
    let last = router_over(to(&good, &["s"]), &store);
    last.idle().await;
    assert_eq!(account(&last, "s").await.delivered, 3);
    let mut numbers: Vec<u32> = good
        .seen
        .lock()
        .unwrap()
        .iter()
        .map(|(_, attempt)| attempt.number)
        .collect();
    // Whether the retry is due before the others are sent off depends on its jitter.
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 1, 2], "only the call that came to its end counts");
}

fn ask(wait: Duration) -> PullRequest {
    PullRequest {
        max: 10,
        wait,
        lease: None,
        consumer: None,
    }
}

#[tokio::test(start_paused = true)]
async fn consumers_hold_no_drain_and_what_they_leased_is_given_back() {
    for (is_durable, expected) in [(true, Duration::ZERO), (false, 61 * SECOND)] {
        let store = if is_durable { durable().1 } else { memory() };
        let fake = FakeChannel::new([Act::Say(Problem::RetryAfter(61_000, "later".into()))]);
        let make = || {
            table(
                vec![subscription("s", "c", plan(5, 1)), pulled("p", PullPlan::default())],
                vec![channel("c", fake.clone())],
            )
        };
        let router = Arc::new(router_over(make(), &store));
        publish_numbers(&router, 0..1).await;
        while fake.ids().is_empty() {
            sleep(Duration::from_millis(1)).await;
        }
        let held = router.pull("p", ask(Duration::ZERO)).await.unwrap();
        assert_eq!(held.len(), 1);
        let waiting = {
            let router = Arc::clone(&router);
            tokio::spawn(async move { router.pull("p", ask(600 * SECOND)).await })
        };
        sleep(SECOND).await;
        let started = Instant::now();
        let left = router.drain(300 * SECOND).await.pending;
        assert_eq!(left, if is_durable { 2 } else { 1 });
        let took = started.elapsed();
        assert!(took + 2 * SECOND >= expected && took <= expected + SECOND, "{took:?}");
        assert_eq!(waiting.await.unwrap().unwrap_err(), PullError::Draining);
        drop(router);
        let again = router_over(make(), &store);
        let pulled = again.pull("p", ask(SECOND)).await.unwrap();
        // A lease that ended before the drain did counts; one that the drain ended does not.
        assert_eq!(pulled[0].attempt, if is_durable { 1 } else { 2 });
        account(&again, "p").await;
    }
}

#[tokio::test(start_paused = true)]
async fn settlements_are_repeated_until_there_is_space() {
    let (fake_store, store) = durable();
    let fake = FakeChannel::new([]);
    let router = router_over(to(&fake, &["s"]), &store);
    let full = || StoreError::DiskFull("no space".into());
    fake_store
        .settle_errors
        .lock()
        .unwrap()
        .extend([full(), full(), full()]);
    let started = Instant::now();
    publish_numbers(&router, 0..1).await;
    router.idle().await;
    assert_eq!(started.elapsed().as_secs(), 3);
    assert_eq!(account(&router, "s").await.delivered, 1);
    assert_eq!(fake.ids().len(), 1, "delivered once");
    assert_eq!(router.health(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_has_failed_ends_all_deliveries_and_says_so() {
    let (fake_store, store) = durable();
    let fake = FakeChannel::new([]);
    let router = router_over(to(&fake, &["s", "t"]), &store);
    let failed = || StoreError::Failed("sync".into());
    fake_store
        .settle_errors
        .lock()
        .unwrap()
        .extend(std::iter::repeat_with(failed).take(10));
    publish_numbers(&router, 0..10).await;
    while router.health().is_ok() {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(router.health(), Err(failed()));
    sleep(60 * SECOND).await;
    assert!(fake.ids().len() <= 2, "{:?}", fake.ids());
    let refused = router.publish(vec![event("x", "t", "")], None).await.unwrap_err();
    assert_eq!(refused, PublishError::Store(failed()));
    assert_eq!(
        timeout(60 * SECOND, router.drain(5 * SECOND)).await.unwrap().pending,
        20
    );
}

/// Splits events of type `split` in two.
fn splitting(fake: &Arc<FakeChannel>) -> Table {
    let part = || EventParts {
        kind: "part".into(),
        ..EventParts::default()
    };
    let answers = HashMap::from([
        ("split", Ok(Outcome::Split(vec![part(), part()]))),
        ("drop", Ok(Outcome::Dropped("dull".into()))),
    ]);
    let step = Step::Transformer {
        plugin: "x".into(),
        handle: Arc::new(FakeTransformer(answers)),
    };
    Table::new(TableSpec {
        ingress: vec![IngressStep { priority: 0, step }],
        subscriptions: vec![subscription("s", "c", plan(5, 1))],
        channels: vec![channel("c", fake.clone())],
        ..TableSpec::default()
    })
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_again_under_its_key_changes_nothing() {
    let fake = FakeChannel::new([]);
    let router = router(splitting(&fake));
    let request = |name: &str| {
        ["plain", "drop", "split"]
            .map(|kind| event(&format!("{name}-{kind}"), kind, ""))
            .to_vec()
    };
    let first = router.publish(request("a"), Some("key")).await.unwrap();
    assert!(first.iter().all(|acceptance| !acceptance.duplicate));
    // As from a publisher that lets the router choose the ids.
    let second = router.publish(request("b"), Some("key")).await.unwrap();
    let told: Vec<_> = second
        .iter()
        .map(|acceptance| (acceptance.id.as_str(), acceptance.duplicate))
        .collect();
    assert_eq!(told, [("a-plain", true), ("b-drop", false), ("b-split", true)]);
    let other = router.publish(request("c"), Some("another")).await.unwrap();
    assert!(other.iter().all(|acceptance| !acceptance.duplicate));
    router.idle().await;
    let mut ids = fake.ids();
    ids.sort();
    assert_eq!(
        ids,
        ["a-plain", "a-split/1", "a-split/2", "c-plain", "c-split/1", "c-split/2"]
    );
    assert_eq!(account(&router, "s").await.delivered, 6);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_dropped_leaves_its_deliveries_to_the_next_one() {
    let (_, store) = durable();
    let hanging = FakeChannel::always([], Act::Hang);
    let first: Router = router_over(to(&hanging, &["s"]), &store);
    publish_numbers(&first, 0..2).await;
    while hanging.ids().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    drop(first);
    sleep(SECOND).await;
    let good = FakeChannel::new([]);
    let second = router_over(to(&good, &["s"]), &store);
    second.idle().await;
    assert_eq!(account(&second, "s").await.delivered, 2);
}
