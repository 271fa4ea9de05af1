//! What one channel does is no business of another's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fakes::*;
use patchpanel_event::{Attempt, Problem, Receipt};
use patchpanel_router::{BreakerPolicy, Channel, ChannelEntry, PluginFailure, PullPlan, Router};
use patchpanel_store::Account;
use tokio::time::{Instant, sleep};

const EVENTS: usize = 200;

/// Takes its time for each call.
struct Slow(Duration);

#[async_trait]
impl Channel for Slow {
    async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure> {
        sleep(self.0).await;
        Ok(batch.iter().map(|_| Ok(Receipt::default())).collect())
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn entry(key: &str, handle: Arc<dyn Channel>) -> ChannelEntry {
    ChannelEntry {
        breaker: BreakerPolicy::default(),
        ..channel(key, handle)
    }
}

/// When the last one had everything.
async fn delivered(router: &Router, names: &[&str]) -> Duration {
    let started = Instant::now();
    publish_numbers(router, 0..EVENTS).await;
    for name in names {
        while account(router, name).await.delivered < EVENTS as u64 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn others_deliver_everything_as_quickly_as_they_would_alone() {
    let work = Duration::from_millis(5);
    let healthy = || {
        (
            vec![subscription("a", "a", plan(5, 8)), subscription("b", "b", plan(5, 8))],
            vec![entry("a", Arc::new(Slow(work))), entry("b", Arc::new(Slow(work)))],
        )
    };
    let (subscriptions, channels) = healthy();
    let alone = delivered(&router(table(subscriptions, channels)), &["a", "b"]).await;

    let (mut subscriptions, mut channels) = healthy();
    for name in ["hangs", "fails", "panics", "slow", "disabled"] {
        subscriptions.push(subscription(name, name, plan(1_000, 1)));
    }
    subscriptions.push(pulled("nobody-pulls", PullPlan::default()));
    channels.extend([
        entry("hangs", FakeChannel::always([], Act::Hang)),
        entry("fails", FakeChannel::always([], Act::Fail)),
        entry("panics", FakeChannel::always([], Act::Panic)),
        entry("slow", Arc::new(Slow(Duration::from_secs(20)))),
        entry(
            "disabled",
            FakeChannel::always([], Act::Say(Problem::Disable("gone".into()))),
        ),
    ]);
    let router = router(table(subscriptions, channels));
    let together = delivered(&router, &["a", "b"]).await;
    assert!(
        together <= alone + Duration::from_millis(5),
        "{together:?} instead of {alone:?}"
    );

    let stats = router.stats().await.unwrap();
    for name in ["hangs", "fails", "panics", "disabled", "nobody-pulls"] {
        let sums: Account = stats.subscriptions[name];
        assert_eq!((sums.accepted, sums.delivered), (EVENTS as u64, 0), "{name}");
    }
}
