//! Throttles, expiry and the age at which retries end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use patchpanel_event::Problem;
use patchpanel_router::{DeliveryPlan, Router, Throttle, WhenExceeded};
use patchpanel_store::DeliveryState;

fn throttled(rate: u32, burst: u32, when_exceeded: WhenExceeded) -> DeliveryPlan {
    DeliveryPlan {
        throttle: Some(Throttle {
            rate: rate.try_into().unwrap(),
            per: Duration::from_secs(1),
            burst: burst.try_into().unwrap(),
            when_exceeded,
        }),
        ..plan(3, 4)
    }
}

async fn over(plan: DeliveryPlan, fake: &Arc<FakeChannel>, events: usize) -> Router {
    let router = router(table(
        vec![subscription("s", "c", plan)],
        vec![channel("c", fake.clone())],
    ));
    publish_numbers(&router, 0..events).await;
    router
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_delays_delivers_everything_at_its_rate() {
    let fake = FakeChannel::new([]);
    let router = over(throttled(2, 3, WhenExceeded::Delay), &fake, 11).await;
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 11);
    let expected: Vec<u128> = [0, 0, 0].into_iter().chain((1..=8).map(|half| half * 500)).collect();
    let times: Vec<u128> = fake.times().iter().map(Duration::as_millis).collect();
    assert_eq!(times, expected);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_stays_as_empty_as_it_is_when_the_table_is_swapped() {
    let fake = FakeChannel::new([]);
    let make = || {
        table(
            vec![subscription("s", "c", throttled(1, 2, WhenExceeded::Delay))],
            vec![channel("c", fake.clone())],
        )
    };
    let router = router(make());
    publish_numbers(&router, 0..4).await;
    while fake.times().len() < 2 {
        tokio::task::yield_now().await;
    }
    router.swap(make());
    router.idle().await;
    let times: Vec<u64> = fake.times().iter().map(Duration::as_secs).collect();
    assert_eq!(times, [0, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_drops_settles_what_is_above_it() {
    let fake = FakeChannel::new([]);
    let router = over(throttled(1, 2, WhenExceeded::Drop), &fake, 5).await;
    router.idle().await;
    let sums = account(&router, "s").await;
    assert_eq!((sums.accepted, sums.delivered, sums.throttled), (5, 2, 3));
    tokio::time::sleep(Duration::from_secs(1)).await;
    publish_numbers(&router, 5..6).await;
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 3);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_channel_changes_nothing_about_what_is_above_a_throttle() {
    let fake = FakeChannel::new([Act::Panic]);
    let router = over(throttled(1, 1, WhenExceeded::Drop), &fake, 4).await;
    tokio::time::timeout(Duration::from_secs(60), router.idle())
        .await
        .unwrap();
    let sums = account(&router, "s").await;
    assert!(sums.throttled >= 3, "{sums:?}");
}

#[tokio::test(start_paused = true)]
async fn a_throttle_that_buries_says_so_and_counts_no_attempt() {
    let fake = FakeChannel::new([]);
    let router = over(throttled(7, 1, WhenExceeded::DeadLetter), &fake, 2).await;
    router.idle().await;
    let sums = account(&router, "s").await;
    assert_eq!((sums.delivered, sums.dead), (1, 1));
    let letters = dead_letters(&router).await;
    assert_eq!(
        letters[0].reason.as_deref(),
        Some("the throttle of 7 per 1s was exceeded")
    );
    assert_eq!(letters[0].attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_expires_when_it_does_and_not_at_its_next_attempt() {
    let mut expiring = plan(10, 4);
    expiring.expires_after = Some(Duration::from_secs(30));
    // In an hour, which would be long after it has expired.
    let fake = FakeChannel::always([], Act::Say(Problem::RetryAfter(3_600_000, "closed".into())));
    let started = tokio::time::Instant::now();
    let router = over(expiring, &fake, 2).await;
    router.idle().await;
    let sums = account(&router, "s").await;
    assert_eq!((sums.expired, sums.dead, sums.delivered), (2, 0, 0));
    assert_eq!(fake.ids().len(), 2, "attempted once each");
    assert_eq!(started.elapsed().as_secs(), 30);
    let statuses = router.deliveries_of("0").await.unwrap().unwrap();
    assert_eq!(statuses[0].state, DeliveryState::Expired);
}

#[tokio::test(start_paused = true)]
async fn what_a_throttle_holds_too_long_expires() {
    let mut slow = throttled(1, 1, WhenExceeded::Delay);
    slow.expires_after = Some(Duration::from_millis(2_500));
    let fake = FakeChannel::new([]);
    let router = over(slow, &fake, 6).await;
    router.idle().await;
    let sums = account(&router, "s").await;
    assert_eq!((sums.delivered, sums.expired), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_the_first_failure_beyond_the_age() {
    let mut aging = plan(1_000, 1);
    aging.retry.max_age = Some(Duration::from_secs(100));
    let fake = FakeChannel::always([], Act::Say(Problem::RetryAfter(30_000, "closed".into())));
    let router = over(aging, &fake, 1).await;
    router.idle().await;
    assert_eq!(account(&router, "s").await.dead, 1);
    let times: Vec<u64> = fake.times().iter().map(Duration::as_secs).collect();
    assert_eq!(times, [0, 30, 60, 90, 120]);
    let letters = dead_letters(&router).await;
    assert_eq!((letters[0].attempts, letters[0].reason.as_deref()), (5, Some("closed")));
}
