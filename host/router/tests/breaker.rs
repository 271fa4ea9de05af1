//! A channel that fails is left alone, and no attempts are used up on it meanwhile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use patchpanel_event::{Outcome, Problem};
use patchpanel_router::{BreakerPolicy, ChannelEntry, ChannelStats, Router, Step, Throttle, WhenExceeded};
use tokio::time::sleep;

fn with_breaker(key: &str, fake: &Arc<FakeChannel>, failures: u32) -> ChannelEntry {
    ChannelEntry {
        breaker: BreakerPolicy {
            failures: failures.try_into().unwrap(),
            base: Duration::from_secs(10),
            cap: Duration::from_secs(20),
        },
        ..channel(key, fake.clone())
    }
}

fn down() -> Act {
    Act::Say(Problem::Retry("down".into()))
}

async fn stats(router: &Router) -> ChannelStats {
    router.stats().await.unwrap().channels["c"].clone()
}

#[tokio::test(start_paused = true)]
async fn opens_probes_with_one_delivery_and_closes() {
    let fake = FakeChannel::new([down(), down(), down(), down(), down()]);
    let router = router(table(
        vec![subscription("s", "c", plan(10, 1)), subscription("t", "c", plan(10, 1))],
        vec![with_breaker("c", &fake, 3)],
    ));
    assert_eq!(stats(&router).await.breaker, "closed");
    publish_numbers(&router, 0..50).await;
    while stats(&router).await.breaker == "closed" {
        sleep(Duration::from_millis(1)).await;
    }
    let open = stats(&router).await;
    assert_eq!(open.breaker, "open");
    assert!(open.retry_at.is_some());
    assert_eq!(fake.ids().len(), 3);
    router.idle().await;
    let closed = stats(&router).await;
    assert_eq!((closed.breaker, closed.retry_at), ("closed", None));
    let times = fake.times();
    assert_eq!(times.len(), 105, "five failures and one success for each");
    assert_eq!((times[3] - times[2]).as_secs(), 10, "the first probe");
    assert_eq!((times[4] - times[3]).as_secs(), 20, "the second one");
    assert_eq!((times[5] - times[4]).as_secs(), 20, "the third one, after the cap");
    assert!((times[104] - times[5]).as_secs() < 5, "then all goes on");
    for name in ["s", "t"] {
        assert_eq!(account(&router, name).await.delivered, 50);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_uses_up_one_attempt_for_each_probe_only() {
    let fake = FakeChannel::always([], Act::Fail);
    let router = router(table(
        vec![subscription("s", "c", plan(3, 1))],
        vec![with_breaker("c", &fake, 2)],
    ));
    publish_numbers(&router, 0..1_000).await;
    sleep(Duration::from_secs(200)).await;
    let calls = fake.ids().len();
    assert!((10..=14).contains(&calls), "{calls}");
    let sums = account(&router, "s").await;
    assert!(sums.dead <= 4 && sums.pending >= 996, "{sums:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_queued_for_the_channel_are_not_made_once_it_is_open() {
    let fake = FakeChannel::always([], down());
    let mut wide = plan(5, 1);
    wide.concurrency = 8.try_into().unwrap();
    let router = router(table(
        vec![subscription("s", "c", wide)],
        vec![with_breaker("c", &fake, 1)],
    ));
    publish_numbers(&router, 0..8).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(fake.ids().len(), 1);
    let attempts = |id: u32| {
        let router = &router;
        async move { router.deliveries_of(&id.to_string()).await.unwrap().unwrap()[0].attempts }
    };
    let mut used = 0;
    for id in 0..8 {
        used += attempts(id).await;
    }
    assert_eq!(used, 1);
}

#[tokio::test(start_paused = true)]
async fn rejections_are_answers() {
    let fake = FakeChannel::always([], Act::Say(Problem::Reject("no".into())));
    let router = router(table(
        vec![subscription("s", "c", plan(5, 1))],
        vec![with_breaker("c", &fake, 2)],
    ));
    publish_numbers(&router, 0..20).await;
    router.idle().await;
    assert_eq!(stats(&router).await.breaker, "closed");
    assert_eq!(account(&router, "s").await.dead, 20);
}

#[tokio::test(start_paused = true)]
async fn a_new_table_keeps_a_breaker_unless_the_channel_is_another() {
    let fake = FakeChannel::always([], down());
    let make = |failures| {
        table(
            vec![subscription("s", "c", plan(100, 1))],
            vec![with_breaker("c", &fake, failures)],
        )
    };
    let router = router(make(1));
    publish_numbers(&router, 0..1).await;
    while stats(&router).await.breaker == "closed" {
        sleep(Duration::from_millis(1)).await;
    }
    router.swap(make(1));
    assert_eq!(stats(&router).await.breaker, "open");
    router.swap(make(5));
    assert_eq!(stats(&router).await.breaker, "closed");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_subscription_probes_when_its_throttle_lets_it() {
    let fake = FakeChannel::new([down()]);
    let mut throttled = plan(10, 4);
    throttled.throttle = Some(Throttle {
        rate: 1.try_into().unwrap(),
        per: Duration::from_secs(60),
        burst: 1.try_into().unwrap(),
        when_exceeded: WhenExceeded::Delay,
    });
    let router = router(table(
        vec![subscription("s", "c", throttled)],
        vec![with_breaker("c", &fake, 1)],
    ));
    publish_numbers(&router, 0..3).await;
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 3);
    let times: Vec<u64> = fake.times().iter().map(Duration::as_secs).collect();
    assert_eq!(times, [0, 60, 120, 180]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_comes_to_no_call_leaves_the_next_one_to_others() {
    let fake = FakeChannel::new([down(), down()]);
    let drops = HashMap::from([("t", Ok(Outcome::Dropped("dull".into())))]);
    let mut dropping = plan(10, 1);
    dropping.transforms = vec![Step::Transformer {
        plugin: "x".into(),
        handle: Arc::new(FakeTransformer(drops)),
    }];
    let router = router(table(
        vec![
            subscription("drops", "c", dropping),
            subscription("s", "c", plan(10, 1)),
        ],
        vec![with_breaker("c", &fake, 1)],
    ));
    publish_numbers(&router, 0..1).await;
    while stats(&router).await.breaker != "open" {
        sleep(Duration::from_millis(1)).await;
    }
    publish_numbers(&router, 1..5).await;
    router.idle().await;
    assert_eq!(account(&router, "drops").await.filtered, 5);
    assert_eq!(account(&router, "s").await.delivered, 5);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_or_panics_has_failed() {
    let fake = FakeChannel::new([down(), Act::Hang, Act::Panic]);
    let router = router(table(
        vec![subscription("s", "c", plan(10, 1))],
        vec![with_breaker("c", &fake, 1)],
    ));
    publish_numbers(&router, 0..3).await;
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 3);
    let times = fake.times();
    // Thirty seconds is the channel's deadline.
    let waits: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(waits[..3], [10, 50, 20]);
}
