//! Attempts, retries, isolation, priority, swaps and drains, under virtual time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fakes::*;
use patchpanel_event::{Event, EventParts, Outcome, Problem, TextSelector, TransformFailure};
use patchpanel_router::{Drained, IngressStep, PublishError, Step, Table, TableSpec};

#[tokio::test(start_paused = true)]
async fn retries_until_it_works_and_the_channels_wish_wins() {
    let fake = FakeChannel::new([
        Act::Say(Problem::Retry("busy".into())),
        Act::Fail,
        Act::Say(Problem::RetryAfter(120_000, "in two minutes".into())),
        Act::Panic,
        Act::Hang,
    ]);
    let router = router(table(
        vec![subscription("s", "c", plan(10, 1))],
        vec![channel("c", fake.clone())],
    ));
    router.publish(vec![event("e", "t", "")], None).await.unwrap();
    router.idle().await;
    let account = account(&router, "s").await;
    assert_eq!((account.delivered, account.dead), (1, 0));
    let times = fake.times();
    assert_eq!(times.len(), 6);
    assert!(
        times[1] <= Duration::from_secs(2) && times[3] - times[2] >= Duration::from_secs(120),
        "{times:?}"
    );
    assert!(
        times[5] - times[4] >= Duration::from_secs(30),
        "the hanging call is cut off by its deadline: {times:?}"
    );
    let seen = fake.seen.lock().unwrap();
    let numbers: Vec<u32> = seen.iter().map(|(_, attempt)| attempt.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert!(seen.iter().all(|(_, attempt)| attempt.delivery_id == "e/s"));
}

#[tokio::test(start_paused = true)]
async fn what_is_rejected_or_out_of_attempts_is_dead_with_its_reason() {
    let fake = FakeChannel::always(
        [Act::Say(Problem::Reject("no such room".into()))],
        Act::Say(Problem::Retry("down".into())),
    );
    let router = router(table(
        vec![subscription("s", "c", plan(3, 1))],
        vec![channel("c", fake.clone())],
    ));
    router
        .publish(vec![event("rejected", "t", ""), event("tired", "t", "")], None)
        .await
        .unwrap();
    router.idle().await;
    let letters = dead_letters(&router).await;
    let letters: Vec<_> = letters
        .iter()
        .map(|letter| {
            let reason = letter.reason.as_deref().unwrap_or_default();
            (letter.event_id.as_str(), letter.attempts, reason)
        })
        .collect();
    assert_eq!(letters, [("rejected", 1, "no such room"), ("tired", 3, "down")]);
    assert_eq!(account(&router, "s").await.dead, 2);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_channel_delays_no_other() {
    let (hanging, good) = (FakeChannel::always([], Act::Hang), FakeChannel::new([]));
    let subscriptions = vec![
        subscription("hangs", "h", plan(100, 1)),
        subscription("flows", "g", plan(1, 16)),
    ];
    let router = router(table(
        subscriptions,
        vec![channel("h", hanging), channel("g", good.clone())],
    ));
    for id in 0..100 {
        router
            .publish(vec![event(&id.to_string(), "t", "")], None)
            .await
            .unwrap();
    }
    while account(&router, "flows").await.delivered < 100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(good.times().iter().all(|time| *time < Duration::from_secs(1)));
    assert_eq!(account(&router, "hangs").await.pending, 100);
}

#[tokio::test(start_paused = true)]
async fn the_highest_priority_gets_the_channel_first() {
    // The first call hangs until its deadline, so that everything else queues up behind it.
    let fake = FakeChannel::new([Act::Hang]);
    let with = |name: &str, priority| {
        let mut plan = plan(1, 1);
        plan.priority = priority;
        // Enough to have the next batch waiting whenever the channel gets free.
        plan.concurrency = std::num::NonZeroUsize::new(4).unwrap();
        subscription(name, "c", plan)
    };
    let router = router(table(
        vec![with("low", -5), with("high", 5), with("middle", 0)],
        vec![channel("c", fake.clone())],
    ));
    router
        .publish(
            vec![event("1", "t", ""), event("2", "t", ""), event("3", "t", "")],
            None,
        )
        .await
        .unwrap();
    router.idle().await;
    let order: Vec<String> = fake
        .seen
        .lock()
        .unwrap()
        .iter()
        .skip(1)
        .map(|(_, attempt)| attempt.subscription.clone())
        .collect();
    let rank = |name: &String| {
        ["high", "middle", "low"]
            .iter()
            .position(|known| known == name)
            .unwrap()
    };
    assert_eq!(order.len(), 8);
    assert!(order.iter().map(rank).is_sorted(), "{order:?}");
}

#[tokio::test(start_paused = true)]
async fn transforms_of_a_subscription_change_drop_split_and_fail() {
    let part = |id: &str| EventParts {
        id: id.into(),
        kind: "part".into(),
        ..EventParts::default()
    };
    let answers = HashMap::from([
        ("drop", Ok(Outcome::Dropped("boring".into()))),
        ("split", Ok(Outcome::Split(vec![part("a"), part("")]))),
        ("never", Err(TransformFailure::InvalidEvent("odd".into()))),
        ("later", Err(TransformFailure::Retry("not yet".into()))),
    ]);
    let fake = FakeChannel::new([]);
    let mut plan = plan(2, 16);
    plan.transforms = vec![
        Step::Transformer {
            plugin: "x".into(),
            handle: Arc::new(FakeTransformer(answers)),
        },
        Step::Redactor {
            plugin: "r".into(),
            selector: TextSelector::default(),
            report: None,
            handle: Arc::new(FakeRedactor),
        },
    ];
    let router = router(table(
        vec![subscription("s", "c", plan)],
        vec![channel("c", fake.clone())],
    ));
    let kinds = ["drop", "split", "never", "later", "plain"];
    router
        .publish(kinds.iter().map(|kind| event(kind, kind, "a SECRET")).collect(), None)
        .await
        .unwrap();
    router
        .publish(vec![event("poison", "plain", "POISON")], None)
        .await
        .unwrap();
    router.idle().await;
    let sums = account(&router, "s").await;
    assert_eq!((sums.accepted, sums.delivered, sums.filtered, sums.dead), (6, 2, 1, 3));
    let mut ids = fake.ids();
    ids.sort();
    assert_eq!(ids, ["a", "plain", "split/2"]);
    assert!(
        fake.seen.lock().unwrap().iter().all(|(_, attempt)| !attempt
            .event
            .message()
            .unwrap_or_default()
            .contains("SECRET"))
    );
}

fn with_redactor(fake: &Arc<FakeChannel>) -> Table {
    let step = Step::Redactor {
        plugin: "r".into(),
        selector: TextSelector::default(),
        report: None,
        handle: Arc::new(FakeRedactor),
    };
    Table::new(TableSpec {
        ingress: vec![IngressStep { priority: 0, step }],
        subscriptions: vec![subscription("s", "c", plan(1, 16))],
        channels: vec![channel("c", fake.clone())],
        ..TableSpec::default()
    })
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_redactor_that_fails_at_the_door_keeps_the_whole_request_out() {
    let fake = FakeChannel::new([]);
    let router = router(with_redactor(&fake));
    let refused = router
        .publish(vec![event("good", "t", "SECRET"), event("bad", "t", "POISON")], None)
        .await
        .unwrap_err();
    assert!(matches!(refused, PublishError::Ingress { index: 1, .. }), "{refused:?}");
    let accepted = router
        .publish(vec![event("good", "t", "my SECRET")], None)
        .await
        .unwrap();
    assert!(!accepted[0].duplicate);
    router.idle().await;
    assert_eq!(fake.seen.lock().unwrap()[0].1.event.message().unwrap(), "my ***");
    let stats = router.stats().await.unwrap();
    assert_eq!((stats.accepted, stats.refused, stats.redactions["word"]), (1, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_disabled_channel_keeps_its_deliveries_until_a_new_table_comes() {
    let fake = FakeChannel::new([Act::Say(Problem::Disable("gone".into()))]);
    let make = || {
        table(
            vec![subscription("s", "c", plan(3, 1))],
            vec![channel("c", fake.clone())],
        )
    };
    let router = router(make());
    router
        .publish(vec![event("1", "t", ""), event("2", "t", "")], None)
        .await
        .unwrap();
    while router.stats().await.unwrap().channels["c"].disabled.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!((fake.ids().len(), account(&router, "s").await.pending), (1, 2));
    router.swap(make());
    router.idle().await;
    assert_eq!(account(&router, "s").await.delivered, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_removed_subscription_leaves_is_dead_and_the_rest_goes_on() {
    let (hanging, good) = (
        FakeChannel::always([], Act::Say(Problem::Retry("down".into()))),
        FakeChannel::new([]),
    );
    let channels = || vec![channel("h", hanging.clone()), channel("g", good.clone())];
    let router = router(table(vec![subscription("old", "h", plan(100, 1))], channels()));
    router
        .publish(vec![event("1", "t", ""), event("2", "t", "")], None)
        .await
        .unwrap();
    router.swap(table(vec![subscription("new", "g", plan(1, 1))], channels()));
    router.idle().await;
    assert_eq!(account(&router, "old").await.dead, 2);
    router.publish(vec![event("3", "t", "")], None).await.unwrap();
    router.idle().await;
    assert_eq!(account(&router, "new").await.delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn swaps_under_load_deliver_everything_once() {
    let fake = FakeChannel::new([]);
    let router = Arc::new(router(with_redactor(&fake)));
    let publisher = {
        let router = router.clone();
        tokio::spawn(async move {
            for id in 0..500 {
                router
                    .publish(vec![event(&id.to_string(), "t", "SECRET")], None)
                    .await
                    .unwrap();
            }
        })
    };
    while !publisher.is_finished() {
        router.swap(with_redactor(&fake));
        tokio::task::yield_now().await;
    }
    publisher.await.unwrap();
    router.idle().await;
    let mut ids: Vec<u32> = fake.ids().iter().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..500).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn named_channels_get_the_event_by_key_alias_and_plugin_once() {
    let (one, two) = (FakeChannel::new([]), FakeChannel::new([]));
    let router = router(table(
        vec![subscription("s", "one", plan(1, 1))],
        vec![channel("one", one.clone()), channel("two", two.clone())],
    ));
    let json = r#"{"id":"e","type":"t","channels":["one","two-alias","two-plugin","nobody"]}"#;
    router
        .publish(
            vec![Event::parse(json.into(), &patchpanel_event::Limits::default()).unwrap()],
            None,
        )
        .await
        .unwrap();
    router.idle().await;
    assert_eq!((one.ids().len(), two.ids().len()), (1, 1));
    let stats = router.stats().await.unwrap();
    assert_eq!(
        (stats.unknown_channels, stats.subscriptions["channel:two"].delivered),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_drain_delivers_what_it_can_and_says_what_is_left() {
    let (good, bad) = (
        FakeChannel::new([Act::Say(Problem::Retry("once".into()))]),
        FakeChannel::always([], Act::Hang),
    );
    let first = router(table(
        vec![subscription("s", "c", plan(5, 1))],
        vec![channel("c", good.clone())],
    ));
    first.publish(vec![event("1", "t", "")], None).await.unwrap();
    assert_eq!(first.drain(Duration::from_secs(60)).await, Drained { pending: 0 });
    assert_eq!(
        first.publish(vec![event("2", "t", "")], None).await.unwrap_err(),
        PublishError::Draining
    );
    let second = router(table(vec![subscription("s", "c", plan(5, 1))], vec![channel("c", bad)]));
    second.publish(vec![event("1", "t", "")], None).await.unwrap();
    assert_eq!(second.drain(Duration::from_secs(5)).await, Drained { pending: 1 });
}
