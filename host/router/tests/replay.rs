//! The past once more: replays, and where new subscriptions begin.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fakes::*;
use patchpanel_event::{Attempt, Problem};
use patchpanel_router::{
    MOST_REPLAYS, PullPlan, ReplayError, ReplayRequest, ReplayStatus, Router, Start, Subscription, Table,
};
use patchpanel_store::{DeliveryState, Store, StoreError};
use serde_json::json;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

fn all(subscription: &str) -> ReplayRequest {
    ReplayRequest {
        subscription: subscription.to_owned(),
        from: None,
        to: None,
        filter: None,
        rate: None,
    }
}

async fn ended(router: &Router, number: u32) -> ReplayStatus {
    loop {
        let replays = router.replays().await.unwrap();
        let replay = replays.into_iter().find(|replay| replay.number == number);
        match replay {
            Some(replay) if replay.ended.is_some() => return replay,
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
}

fn replayed(fake: &FakeChannel) -> Vec<Attempt> {
    let mut attempts = fake.attempts();
    attempts.retain(|attempt| attempt.replay == 1);
    attempts
}

fn of_type(kind: &str, name: &str) -> Subscription {
    Subscription {
        filter: Some(format!(r#"{{"type": ["{kind}"]}}"#).parse().unwrap()),
        ..subscription(name, "c", plan(5, 16))
    }
}

fn with(subscriptions: Vec<Subscription>, fake: &Arc<FakeChannel>) -> Table {
    table(subscriptions, vec![channel("c", fake.clone())])
}

/// Odd ones are of type `odd`, even ones of type `even`.
async fn publish_kinds(router: &Router, count: usize) {
    let kind = |number: usize| if number.is_multiple_of(2) { "even" } else { "odd" };
    let events = (0..count).map(|number| event(&number.to_string(), kind(number), ""));
    router.publish(events.collect(), None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replay_delivers_what_the_subscription_matches_and_says_that_it_is_one() {
    let fake = FakeChannel::new([]);
    let router = router(with(vec![of_type("odd", "s")], &fake));
    publish_kinds(&router, 1_000).await;
    router.idle().await;
    let begun = router.start_replay(all("s")).await.unwrap();
    assert_eq!(
        (begun.number, begun.from_sequence, begun.to_sequence),
        (1, 1, Some(1_000))
    );
    let done = ended(&router, 1).await;
    assert_eq!(
        (done.ended.as_deref(), done.enqueued, done.position),
        (Some("completed"), 500, 1_000)
    );
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 1_000);
    let replayed = replayed(&fake);
    assert_eq!((fake.ids().len(), replayed.len()), (1_000, 500));
    assert_eq!(replayed[0].delivery_id, "1/s#1");
}

#[tokio::test(start_paused = true)]
async fn a_filter_and_times_select_and_mistakes_are_told() {
    let fake = FakeChannel::new([]);
    let router = router(with(vec![of_type("odd", "s")], &fake));
    publish_kinds(&router, 10).await;
    sleep(60 * SECOND).await;
    publish_kinds_from(&router, 10).await;
    sleep(60 * SECOND).await;
    publish_kinds_from(&router, 20).await;
    let accepted = |id: &str| {
        let (router, id) = (&router, id.to_owned());
        async move { router.event(&id).await.unwrap().unwrap().accepted }
    };
    let request = ReplayRequest {
        from: Some(accepted("10").await),
        to: Some(accepted("20").await),
        filter: Some(json!({"type": ["even"]})),
        ..all("s")
    };
    let begun = router.start_replay(request).await.unwrap();
    assert_eq!((begun.from_sequence, begun.to_sequence), (11, Some(20)));
    assert_eq!(begun.request["filter"], json!({"type": ["even"]}));
    assert_eq!(ended(&router, 1).await.enqueued, 5);
    router.idle().await;
    let ids: Vec<_> = replayed(&fake)
        .iter()
        .map(|attempt| attempt.event.id().into_owned())
        .collect();
    assert_eq!(ids, ["10", "12", "14", "16", "18"]);
    let refused = |request: ReplayRequest| {
        let router = &router;
        async move { router.start_replay(request).await.unwrap_err() }
    };
    assert_eq!(
        refused(all("channel:c")).await,
        ReplayError::NoSubscription("channel:c".into())
    );
    let wrong = ReplayRequest {
        filter: Some(json!({"type": "odd"})),
        ..all("s")
    };
    assert!(matches!(refused(wrong).await, ReplayError::Filter(mistakes) if mistakes.len() == 1));
}

async fn publish_kinds_from(router: &Router, first: usize) {
    let kind = |number: usize| if number.is_multiple_of(2) { "even" } else { "odd" };
    let events = (first..first + 10).map(|number| event(&number.to_string(), kind(number), ""));
    router.publish(events.collect(), None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_replay_goes_no_faster_than_its_rate_and_can_be_cancelled() {
    let fake = FakeChannel::new([]);
    let router = router(with(vec![subscription("s", "c", plan(5, 16))], &fake));
    publish_numbers(&router, 0..400).await;
    router.idle().await;
    let slow = ReplayRequest {
        rate: NonZeroU32::new(20),
        ..all("s")
    };
    let started = Instant::now();
    router.start_replay(slow.clone()).await.unwrap();
    ended(&router, 1).await;
    let took = started.elapsed();
    assert!(took >= 19 * SECOND && took <= 21 * SECOND, "{took:?}");
    router.start_replay(slow).await.unwrap();
    sleep(5 * SECOND).await;
    let cancelled = router.cancel_replay(2).await.unwrap().unwrap();
    assert_eq!(cancelled.ended.as_deref(), Some("cancelled"));
    assert!((95..=105).contains(&cancelled.enqueued), "{cancelled:?}");
    sleep(60 * SECOND).await;
    assert_eq!(ended(&router, 2).await, cancelled);
    assert_eq!(router.cancel_replay(2).await.unwrap().unwrap(), cancelled);
    assert_eq!(router.cancel_replay(3).await.unwrap(), None);
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 800 + cancelled.enqueued);
}

#[tokio::test(start_paused = true)]
async fn a_replay_goes_on_where_it_was_after_a_restart() {
    let fake = FakeChannel::new([]);
    let store = memory();
    let make = || with(vec![subscription("s", "c", plan(5, 16))], &fake);
    let first = router_over(make(), &store);
    publish_numbers(&first, 0..300).await;
    first.idle().await;
    let slow = ReplayRequest {
        rate: NonZeroU32::new(20),
        ..all("s")
    };
    first.start_replay(slow).await.unwrap();
    sleep(5 * SECOND).await;
    first.drain(60 * SECOND).await;
    let paused = first.replays().await.unwrap().remove(0);
    assert!(paused.ended.is_none() && paused.enqueued > 90 && paused.enqueued < 110);
    let second = router_over(make(), &store);
    assert_eq!(ended(&second, 1).await.enqueued, 300);
    second.idle().await;
    let mut replayed: Vec<u32> = replayed(&fake)
        .iter()
        .map(|attempt| attempt.event.id().parse().unwrap())
        .collect();
    replayed.sort_unstable();
    assert_eq!(replayed, (0..300).collect::<Vec<_>>(), "neither twice nor never");
    assert_eq!(account(&second, "s").await.delivered, 600);
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_while_too_much_is_pending() {
    let router = router(table(vec![pulled("p", PullPlan::default())], vec![]));
    for first in 0..24 {
        publish_numbers(&router, first * 500..first * 500 + 500).await;
    }
    router.start_replay(all("p")).await.unwrap();
    sleep(60 * SECOND).await;
    let waiting = router.replays().await.unwrap().remove(0);
    assert_eq!((waiting.enqueued, waiting.ended), (0, None), "12,000 are pending");
}

#[tokio::test(start_paused = true)]
async fn a_replay_ends_with_its_subscription_and_only_so_many_run() {
    let router = router(table(
        vec![pulled("p", PullPlan::default()), pulled("q", PullPlan::default())],
        vec![],
    ));
    publish_numbers(&router, 0..500).await;
    let slow = |name: &str| ReplayRequest {
        rate: NonZeroU32::new(1),
        ..all(name)
    };
    for _ in 0..MOST_REPLAYS {
        router.start_replay(slow("p")).await.unwrap();
    }
    assert_eq!(router.start_replay(slow("p")).await.unwrap_err(), ReplayError::TooMany);
    router.swap(table(vec![pulled("q", PullPlan::default())], vec![]));
    let first = ended(&router, 1).await;
    assert_eq!(first.ended.as_deref(), Some("the subscription was removed"));
    router.drain(SECOND).await;
    assert_eq!(router.start_replay(slow("q")).await.unwrap_err(), ReplayError::Draining);
}

fn starting(name: &str, start: Start) -> Subscription {
    Subscription {
        start,
        ..subscription(name, "c", plan(5, 16))
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_subscription_begins_where_it_says() {
    let fake = FakeChannel::new([]);
    let router = router(with(vec![], &fake));
    publish_numbers(&router, 0..10).await;
    sleep(60 * SECOND).await;
    publish_numbers(&router, 10..20).await;
    let time = router.event("10").await.unwrap().unwrap().accepted;
    router.swap(with(
        vec![
            starting("latest", Start::Latest),
            starting("earliest", Start::Earliest),
            starting("sequence", Start::Sequence(16)),
            starting("time", Start::Time(time)),
        ],
        &fake,
    ));
    publish_numbers(&router, 20..25).await;
    for number in 1..=3 {
        ended(&router, number).await;
    }
    router.idle().await;
    for (name, delivered) in [("latest", 5), ("earliest", 25), ("sequence", 10), ("time", 15)] {
        assert_eq!(account(&router, name).await.delivered, delivered, "{name}");
    }
    assert!(fake.attempts().iter().all(|attempt| {
        let id: usize = attempt.event.id().parse().unwrap();
        (attempt.replay > 0) == (id < 20)
    }));
}

#[tokio::test(start_paused = true)]
async fn a_start_happens_once_whatever_comes_after_it() {
    let fake = FakeChannel::new([]);
    let store = memory();
    let nobody = router_over(with(vec![], &fake), &store);
    publish_numbers(&nobody, 0..10).await;
    nobody.drain(SECOND).await;
    let make = || with(vec![starting("s", Start::Earliest)], &fake);
    // At the start of a router, then after a swap, after it was gone for a while, and at another start.
    let first = router_over(make(), &store);
    publish_numbers(&first, 10..11).await;
    assert_eq!(ended(&first, 1).await.enqueued, 10);
    first.swap(make());
    first.swap(with(vec![], &fake));
    first.swap(make());
    first.idle().await;
    first.drain(SECOND).await;
    let second = router_over(make(), &store);
    publish_numbers(&second, 11..12).await;
    sleep(60 * SECOND).await;
    second.idle().await;
    assert_eq!(second.replays().await.unwrap().len(), 1);
    assert_eq!(account(&second, "s").await.delivered, 12);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_the_store_knows_does_not_begin_again() {
    let fake = FakeChannel::new([]);
    let store = memory();
    let first = router_over(with(vec![starting("s", Start::Latest)], &fake), &store);
    publish_numbers(&first, 0..10).await;
    first.idle().await;
    first.drain(SECOND).await;
    let second = router_over(with(vec![starting("s", Start::Earliest)], &fake), &store);
    publish_numbers(&second, 10..11).await;
    second.idle().await;
    assert!(second.replays().await.unwrap().is_empty());
    assert_eq!(account(&second, "s").await.delivered, 11);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_on_its_way_when_the_subscription_came_is_not_missed() {
    let fake = FakeChannel::new([]);
    let store = FakeStore::new();
    let shared: Arc<dyn Store> = store.clone();
    let router = Arc::new(router_over(with(vec![], &fake), &shared));
    publish_numbers(&router, 0..5).await;
    store.holds_appends.store(true, Ordering::SeqCst);
    let late = {
        let router = Arc::clone(&router);
        tokio::spawn(async move { publish_numbers(&router, 5..6).await })
    };
    store.held.notified().await;
    store.holds_appends.store(false, Ordering::SeqCst);
    // Matched by a table without the subscription, and stored after the one with it came into service.
    router.swap(with(vec![starting("s", Start::Earliest)], &fake));
    publish_numbers(&router, 6..7).await;
    sleep(60 * SECOND).await;
    assert!(router.replays().await.unwrap()[0].to_sequence.is_none());
    // Whoever published it need not wait for that.
    late.abort();
    store.go.notify_one();
    assert_eq!(ended(&router, 1).await.enqueued, 6);
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 7);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_of_replays_are_redriven_as_what_they_are() {
    let fake = FakeChannel::new([Act::Take, Act::Say(Problem::Reject("no".into()))]);
    let router = router(with(vec![subscription("s", "c", plan(5, 1))], &fake));
    publish_numbers(&router, 0..1).await;
    router.idle().await;
    router.start_replay(all("s")).await.unwrap();
    ended(&router, 1).await;
    router.idle().await;
    let statuses = router.deliveries_of("0").await.unwrap().unwrap();
    let states: Vec<_> = statuses
        .iter()
        .map(|status| (status.key.replay, status.state))
        .collect();
    assert_eq!(states, [(0, DeliveryState::Delivered), (1, DeliveryState::Dead)]);
    let selection = patchpanel_router::DeadSelection::Ids(vec!["0/s".into(), "0/s#1".into(), "nonsense".into()]);
    assert_eq!(router.redrive(selection).await.unwrap(), 1);
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 2);
    assert_eq!(fake.seen.lock().unwrap()[2].1.delivery_id, "0/s#1");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_full_for_a_while_delays_a_replay_and_no_more() {
    let fake = FakeChannel::new([]);
    let store = FakeStore::new();
    let shared: Arc<dyn Store> = store.clone();
    let router = router_over(with(vec![subscription("s", "c", plan(5, 16))], &fake), &shared);
    publish_numbers(&router, 0..3).await;
    router.idle().await;
    let full = || StoreError::DiskFull("no space".into());
    store.replay_errors.lock().unwrap().extend([full(), full()]);
    router.start_replay(all("s")).await.unwrap_err();
    router.start_replay(all("s")).await.unwrap_err();
    router.start_replay(all("s")).await.unwrap();
    store.replay_errors.lock().unwrap().extend([full(), full()]);
    assert_eq!(ended(&router, 1).await.enqueued, 3);
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 6);
}
