//! Consumers that fetch: leases, their ends, and who may.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fakes::*;
use patchpanel_event::{EventParts, FieldPath, Outcome};
use patchpanel_router::{
    Consumers, LONGEST_LEASE, LeaseEnd, PullError, PullPlan, PullRequest, Pulled, Router, Step, Subscription,
};
use patchpanel_store::{DeliveryState, Store};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

fn ask(max: usize, wait: Duration) -> PullRequest {
    PullRequest {
        max,
        wait,
        lease: None,
        consumer: None,
    }
}

fn as_consumer(name: &str, wait: Duration) -> PullRequest {
    PullRequest {
        consumer: Some(name.to_owned()),
        ..ask(1, wait)
    }
}

fn of(consumers: Consumers) -> PullPlan {
    PullPlan {
        consumers,
        ..PullPlan::default()
    }
}

fn only(subscription: Subscription) -> Arc<Router> {
    Arc::new(router(table(vec![subscription], vec![])))
}

async fn now(router: &Router, max: usize) -> Vec<Pulled> {
    router.pull("p", ask(max, Duration::ZERO)).await.unwrap()
}

fn leases(pulled: &[Pulled]) -> Vec<String> {
    pulled.iter().map(|pulled| pulled.lease.clone()).collect()
}

fn ids(pulled: &[Pulled]) -> Vec<String> {
    pulled.iter().map(|pulled| pulled.event.id().into_owned()).collect()
}

fn pulling(router: &Arc<Router>, request: PullRequest) -> JoinHandle<Result<Vec<Pulled>, PullError>> {
    let router = Arc::clone(router);
    tokio::spawn(async move { router.pull("p", request).await })
}

#[tokio::test(start_paused = true)]
async fn what_is_acked_is_delivered_once_and_acking_again_changes_nothing() {
    let router = only(pulled("p", PullPlan::default()));
    publish_numbers(&router, 0..5).await;
    let first = now(&router, 3).await;
    assert_eq!(ids(&first), ["0", "1", "2"]);
    assert_eq!(
        (first[0].delivery_id.as_str(), first[0].attempt, first[0].replay),
        ("0/p", 1, 0)
    );
    assert_eq!(ids(&now(&router, 3).await), ["3", "4"]);
    assert!(now(&router, 3).await.is_empty(), "all are leased");
    let named = leases(&first);
    assert_eq!(router.ack("p", &named).await.unwrap(), [LeaseEnd::Done; 3]);
    assert_eq!(router.ack("p", &named).await.unwrap(), [LeaseEnd::Unknown; 3]);
    let sums = account(&router, "p").await;
    assert_eq!((sums.delivered, sums.pending), (3, 2));
    // Twice in one call is as good as in two, and nobody else's lease can be named.
    let more = now(&router, 1).await;
    assert!(more.is_empty());
    assert_eq!(
        router.ack("p", &["made up".to_owned()]).await.unwrap(),
        [LeaseEnd::Unknown]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ends_is_a_failed_attempt_and_the_last_one_is_the_end() {
    let mut twice = pulled("p", PullPlan::default());
    twice.plan.retry = retry(2);
    let router = only(twice);
    publish_numbers(&router, 0..1).await;
    let started = Instant::now();
    let first = now(&router, 1).await;
    let second = router.pull("p", ask(1, 60 * SECOND)).await.unwrap();
    assert_eq!(started.elapsed(), 30 * SECOND, "at once when the lease has ended");
    assert_eq!((second[0].attempt, second[0].delivery_id.as_str()), (2, "0/p"));
    assert_eq!(router.ack("p", &leases(&first)).await.unwrap(), [LeaseEnd::Unknown]);
    sleep(31 * SECOND).await;
    assert_eq!(account(&router, "p").await.dead, 1);
    let letters = dead_letters(&router).await;
    assert_eq!(letters[0].reason.as_deref(), Some("the lease ended"));
    assert_eq!(letters[0].attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn an_extended_lease_ends_later_or_sooner_and_never_after_the_longest() {
    let router = only(pulled("p", PullPlan::default()));
    publish_numbers(&router, 0..2).await;
    let mut request = ask(2, Duration::ZERO);
    request.lease = Some(5 * SECOND);
    let both = router.pull("p", request).await.unwrap();
    let named = leases(&both);
    sleep(4 * SECOND).await;
    let longer = &named[..1];
    assert_eq!(
        router.extend("p", longer, Some(60 * SECOND)).await.unwrap(),
        [LeaseEnd::Done]
    );
    sleep(50 * SECOND).await;
    assert_eq!(
        router.extend("p", &named, None).await.unwrap(),
        [LeaseEnd::Done, LeaseEnd::Unknown]
    );
    sleep(29 * SECOND).await;
    assert_eq!(
        router.extend("p", longer, Some(SECOND)).await.unwrap(),
        [LeaseEnd::Done]
    );
    sleep(2 * SECOND).await;
    assert_eq!(router.ack("p", longer).await.unwrap(), [LeaseEnd::Unknown]);
    let mut forever = ask(2, Duration::ZERO);
    forever.lease = Some(Duration::MAX);
    let started = now_nanos(&both[0], 5 * SECOND);
    let held = router.pull("p", forever).await.unwrap();
    let until = Duration::from_nanos(held[0].lease_until - started);
    assert!(until <= LONGEST_LEASE + 100 * SECOND, "{until:?}");
}

/// When a lease of that length began.
fn now_nanos(pulled: &Pulled, lease: Duration) -> u64 {
    pulled.lease_until - u64::try_from(lease.as_nanos()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_nack_waits_as_long_as_it_says_or_as_the_policy_does() {
    let router = only(pulled("p", PullPlan::default()));
    publish_numbers(&router, 0..1).await;
    let first = leases(&now(&router, 1).await);
    let reason = Some("not today".to_owned());
    let ends = router.nack("p", &first, Some(20 * SECOND), reason).await.unwrap();
    assert_eq!(ends, [LeaseEnd::Done]);
    let statuses = router.deliveries_of("0").await.unwrap().unwrap();
    assert_eq!(statuses[0].state, DeliveryState::Retrying);
    assert_eq!(statuses[0].reason.as_deref(), Some("not today"));
    let started = Instant::now();
    let second = leases(&router.pull("p", ask(1, 60 * SECOND)).await.unwrap());
    assert!(started.elapsed() >= 20 * SECOND && started.elapsed() < 21 * SECOND);
    router.nack("p", &second, None, None).await.unwrap();
    let started = Instant::now();
    let third = router.pull("p", ask(1, 60 * SECOND)).await.unwrap();
    assert!(started.elapsed() <= 3 * SECOND, "backoff");
    assert_eq!(third[0].attempt, 3);
    router.ack("p", &leases(&third)).await.unwrap();
    assert_eq!(account(&router, "p").await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_the_first_event_or_with_its_time() {
    let router = only(pulled("p", PullPlan::default()));
    let started = Instant::now();
    assert!(router.pull("p", ask(1, 10 * SECOND)).await.unwrap().is_empty());
    assert_eq!(started.elapsed(), 10 * SECOND);
    let waiting: Vec<_> = (0..3).map(|_| pulling(&router, ask(1, 60 * SECOND))).collect();
    sleep(5 * SECOND).await;
    publish_numbers(&router, 0..3).await;
    let mut got = Vec::new();
    for waiting in waiting {
        got.extend(ids(&waiting.await.unwrap().unwrap()));
    }
    assert_eq!(started.elapsed(), 15 * SECOND, "each of them is told");
    got.sort();
    assert_eq!(got, ["0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_leased_than_may_be() {
    let bounded = PullPlan {
        most_leased: 3.try_into().unwrap(),
        ..PullPlan::default()
    };
    let router = only(pulled("p", bounded));
    publish_numbers(&router, 0..10).await;
    let first = now(&router, 100).await;
    assert_eq!(first.len(), 3);
    assert!(now(&router, 100).await.is_empty());
    let waiting = pulling(&router, ask(100, 20 * SECOND));
    sleep(SECOND).await;
    router.ack("p", &leases(&first)[..2]).await.unwrap();
    assert_eq!(ids(&waiting.await.unwrap().unwrap()), ["3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_it_waits_takes_nothing_along() {
    let router = only(pulled("p", PullPlan::default()));
    let leaving = pulling(&router, ask(5, 60 * SECOND));
    let staying = pulling(&router, ask(5, 60 * SECOND));
    sleep(SECOND).await;
    leaving.abort();
    publish_numbers(&router, 0..1).await;
    assert_eq!(ids(&staying.await.unwrap().unwrap()), ["0"]);
    assert_eq!(account(&router, "p").await.pending, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_fetched_for_somebody_who_left_is_given_back() {
    let store = FakeStore::new();
    let shared: Arc<dyn Store> = store.clone();
    let make = || table(vec![pulled("p", PullPlan::default())], vec![]);
    let router = Arc::new(router_over(make(), &shared));
    publish_numbers(&router, 0..2).await;
    store.holds_fetches.store(true, Ordering::SeqCst);
    let leaving = pulling(&router, ask(2, 60 * SECOND));
    store.held.notified().await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    store.holds_fetches.store(false, Ordering::SeqCst);
    let staying = pulling(&router, ask(2, 60 * SECOND));
    sleep(SECOND).await;
    store.go.notify_one();
    let got = staying.await.unwrap().unwrap();
    assert_eq!((ids(&got), got[0].attempt), (vec!["0".to_owned(), "1".to_owned()], 1));
    // And where the subscription goes meanwhile, nobody is left with a lease of it.
    router
        .nack("p", &leases(&got), Some(Duration::ZERO), None)
        .await
        .unwrap();
    store.holds_fetches.store(true, Ordering::SeqCst);
    let waiting = pulling(&router, ask(2, 60 * SECOND));
    store.held.notified().await;
    router.swap(table(vec![], vec![]));
    sleep(SECOND).await;
    store.go.notify_one();
    assert!(waiting.await.unwrap().unwrap().is_empty());
    sleep(SECOND).await;
    assert_eq!(account(&router, "p").await.dead, 2);
}

#[tokio::test(start_paused = true)]
async fn ordering_holds_for_consumers_too() {
    let mut ordered = pulled("p", PullPlan::default());
    ordered.plan.ordering = Some(FieldPath::parse("type").unwrap());
    let router = only(ordered);
    publish_numbers(&router, 0..3).await;
    let first = now(&router, 10).await;
    assert_eq!(ids(&first), ["0"]);
    let waiting = pulling(&router, ask(10, 120 * SECOND));
    sleep(SECOND).await;
    router
        .nack("p", &leases(&first), Some(40 * SECOND), None)
        .await
        .unwrap();
    let again = waiting.await.unwrap().unwrap();
    assert_eq!(ids(&again), ["0"]);
    router.ack("p", &leases(&again)).await.unwrap();
    assert_eq!(ids(&now(&router, 10).await), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn transforms_run_when_events_are_fetched_and_parts_share_a_lease() {
    let part = |id: &str| EventParts {
        id: id.into(),
        kind: "part".into(),
        ..EventParts::default()
    };
    let answers = HashMap::from([
        ("drop", Ok(Outcome::Dropped("boring".into()))),
        ("split", Ok(Outcome::Split(vec![part("a"), part("b")]))),
    ]);
    let mut changing = pulled("p", PullPlan::default());
    changing.plan.transforms = vec![Step::Transformer {
        plugin: "x".into(),
        handle: Arc::new(FakeTransformer(answers)),
    }];
    let router = only(changing);
    let events = ["drop", "split", "plain"].map(|kind| event(kind, kind, ""));
    router.publish(events.to_vec(), None).await.unwrap();
    let got = now(&router, 10).await;
    assert_eq!(ids(&got), ["a", "b", "plain"]);
    assert_eq!(got[0].lease, got[1].lease);
    assert_eq!(router.ack("p", &leases(&got[1..])).await.unwrap(), [LeaseEnd::Done; 2]);
    let sums = account(&router, "p").await;
    assert_eq!((sums.delivered, sums.filtered, sums.pending), (2, 1, 0));
    // One of only what is dropped goes on until there is something else, or nothing.
    router.publish(vec![event("2", "drop", "")], None).await.unwrap();
    assert!(now(&router, 10).await.is_empty());
    assert_eq!(account(&router, "p").await.filtered, 2);
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_is_not_handed_out() {
    let mut expiring = pulled("p", PullPlan::default());
    expiring.plan.expires_after = Some(10 * SECOND);
    let router = only(expiring);
    publish_numbers(&router, 0..2).await;
    sleep(11 * SECOND).await;
    publish_numbers(&router, 2..3).await;
    assert_eq!(ids(&now(&router, 10).await), ["2"]);
    assert_eq!(account(&router, "p").await.expired, 2);
}

#[tokio::test(start_paused = true)]
async fn an_exclusive_consumer_is_the_only_one_until_it_is_gone() {
    let router = only(pulled("p", of(Consumers::Exclusive)));
    publish_numbers(&router, 0..5).await;
    let nobody = router.pull("p", ask(1, SECOND)).await.unwrap_err();
    assert_eq!(nobody, PullError::ConsumerNeeded("p".into()));
    let first = router.pull("p", as_consumer("ada", Duration::ZERO)).await.unwrap();
    let refused = || async {
        let pulled = router.pull("p", as_consumer("bob", 60 * SECOND)).await;
        pulled.unwrap_err()
    };
    let taken = PullError::Taken { consumer: "ada".into() };
    assert_eq!(refused().await, taken);
    sleep(29 * SECOND).await;
    router.ack("p", &leases(&first)).await.unwrap();
    sleep(29 * SECOND).await;
    assert_eq!(refused().await, taken, "it acked within the time of a lease");
    sleep(2 * SECOND).await;
    let bobs = router.pull("p", as_consumer("bob", SECOND)).await.unwrap();
    assert_eq!(ids(&bobs), ["1"]);
    let adas = router.pull("p", as_consumer("ada", SECOND)).await.unwrap_err();
    assert_eq!(adas, PullError::Taken { consumer: "bob".into() });
}

#[tokio::test(start_paused = true)]
async fn a_waiting_consumer_is_there_and_the_first_standby_takes_over() {
    let router = only(pulled("p", of(Consumers::Failover)));
    let active = pulling(&router, as_consumer("ada", 100 * SECOND));
    sleep(SECOND).await;
    let first = pulling(&router, as_consumer("bob", 1_000 * SECOND));
    sleep(SECOND).await;
    let second = pulling(&router, as_consumer("cyd", 1_000 * SECOND));
    sleep(90 * SECOND).await;
    publish_numbers(&router, 0..1).await;
    let adas = active.await.unwrap().unwrap();
    assert_eq!(ids(&adas), ["0"], "longer than a lease, but it was waiting");
    publish_numbers(&router, 1..2).await;
    sleep(29 * SECOND).await;
    router.ack("p", &leases(&adas)).await.unwrap();
    sleep(29 * SECOND).await;
    assert!(!first.is_finished() && !second.is_finished());
    let since = Instant::now();
    let bobs = first.await.unwrap().unwrap();
    assert!(since.elapsed() <= SECOND, "{:?}", since.elapsed());
    assert_eq!(ids(&bobs), ["1"]);
    assert!(!second.is_finished());
    // Bob is gone without an ack: its lease ends, and the next in line gets the delivery.
    let since = Instant::now();
    let cyds = second.await.unwrap().unwrap();
    assert!(since.elapsed() <= 31 * SECOND, "{:?}", since.elapsed());
    assert_eq!((ids(&cyds), cyds[0].attempt), (vec!["1".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn a_standby_gets_nothing_when_its_time_is_up() {
    let router = only(pulled("p", of(Consumers::Failover)));
    publish_numbers(&router, 0..2).await;
    let adas = router.pull("p", as_consumer("ada", Duration::ZERO)).await.unwrap();
    assert_eq!(adas.len(), 1);
    let bobs = router.pull("p", as_consumer("bob", 5 * SECOND)).await.unwrap();
    assert!(bobs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn names_that_cannot_be_fetched_from_are_told_apart() {
    let router = router(table(
        vec![subscription("s", "c", plan(1, 1))],
        vec![channel("c", FakeChannel::new([]))],
    ));
    let pull = |name: &'static str| {
        let router = &router;
        async move { router.pull(name, ask(1, SECOND)).await.unwrap_err() }
    };
    assert_eq!(pull("s").await, PullError::NotPull("s".into()));
    assert_eq!(pull("channel:c").await, PullError::NotPull("channel:c".into()));
    assert_eq!(pull("nobody").await, PullError::NoSubscription("nobody".into()));
    let acked = router.ack("nobody", &[]).await.unwrap_err();
    assert_eq!(acked, PullError::NoSubscription("nobody".into()));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_turns_from_pull_to_a_channel_and_back() {
    let fake = FakeChannel::new([]);
    let to_channel = || {
        table(
            vec![subscription("p", "c", plan(5, 1))],
            vec![channel("c", fake.clone())],
        )
    };
    let to_pull = || table(vec![pulled("p", PullPlan::default())], vec![channel("c", fake.clone())]);
    let router = Arc::new(router(to_pull()));
    publish_numbers(&router, 0..2).await;
    let held = leases(&now(&router, 1).await);
    let waiting = pulling(&router, as_consumer("ada", 60 * SECOND));
    assert_eq!(ids(&waiting.await.unwrap().unwrap()), ["1"]);
    let waiting = pulling(&router, ask(1, 60 * SECOND));
    sleep(SECOND).await;
    router.swap(to_channel());
    assert_eq!(waiting.await.unwrap().unwrap_err(), PullError::NotPull("p".into()));
    router.idle().await;
    let mut delivered = fake.ids();
    delivered.sort();
    assert_eq!(delivered, ["0", "1"], "what was leased was given back");
    router.swap(to_pull());
    assert_eq!(router.ack("p", &held).await.unwrap(), [LeaseEnd::Unknown]);
    publish_numbers(&router, 2..3).await;
    assert_eq!(ids(&router.pull("p", ask(9, SECOND)).await.unwrap()), ["2"]);
    router.swap(table(vec![], vec![]));
    router.idle().await;
    let sums = loop {
        let sums = account(&router, "p").await;
        if sums.pending == 0 {
            break sums;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((sums.delivered, sums.dead), (2, 1));
}
