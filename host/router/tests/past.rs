//! What can be asked about the past, and what can be done to dead letters.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::time::Duration;

use fakes::*;
use patchpanel_event::{Event, Limits, Problem};
use patchpanel_router::{DeadSelection, HistoryQuery, Router};
use patchpanel_store::DeliveryState;
use tokio::time::sleep;

async fn all_pages(router: &Router, query: HistoryQuery) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let page = router.history(HistoryQuery { after, ..query.clone() }).await.unwrap();
        pages += 1;
        assert!(page.events.len() <= query.limit && page.damaged.is_empty());
        ids.extend(page.events.iter().map(|stored| stored.event.id().into_owned()));
        after = page.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

fn reversed(mut ids: Vec<String>) -> Vec<String> {
    ids.reverse();
    ids
}

#[tokio::test(start_paused = true)]
async fn history_comes_page_by_page_in_both_directions() {
    let router = router(table(vec![], vec![]));
    assert_eq!(all_pages(&router, query(5)).await, (vec![], 1), "an empty past");
    publish_numbers(&router, 0..10).await;
    sleep(Duration::from_secs(60)).await;
    publish_numbers(&router, 10..30).await;
    sleep(Duration::from_secs(60)).await;
    publish_numbers(&router, 30..40).await;
    let accepted = async |id: &str| router.event(id).await.unwrap().unwrap().accepted;
    let (second, third) = (accepted("10").await, accepted("30").await);
    for limit in [1, 7, 10, 1_000] {
        let oldest = query(limit);
        let newest = HistoryQuery {
            newest_first: true,
            ..query(limit)
        };
        let (ids, pages) = all_pages(&router, oldest.clone()).await;
        assert_eq!(ids, numbers(0..40));
        assert_eq!(pages, 40_usize.div_ceil(limit));
        assert_eq!(all_pages(&router, newest.clone()).await.0, reversed(numbers(0..40)));
        let within = |query: HistoryQuery| HistoryQuery {
            from: Some(second),
            to: Some(third),
            ..query
        };
        assert_eq!(all_pages(&router, within(oldest)).await.0, numbers(10..30));
        assert_eq!(all_pages(&router, within(newest)).await.0, reversed(numbers(10..30)));
    }
    let nothing = HistoryQuery {
        from: Some(third + 1),
        ..query(5)
    };
    assert_eq!(all_pages(&router, nothing).await.0, numbers(0..0));
}

fn query(limit: usize) -> HistoryQuery {
    HistoryQuery {
        limit,
        ..HistoryQuery::default()
    }
}

#[tokio::test(start_paused = true)]
async fn history_selects_by_pattern_and_correlation_id_over_bounded_steps() {
    let router = router(table(vec![], vec![]));
    for part in 0..25 {
        let events = (part * 500..part * 500 + 500).map(|number| {
            let kind = if number % 1_000 == 3 { "rare" } else { "common" };
            let correlation = if number % 100 == 3 { "x" } else { "y" };
            let json = serde_json::json!({
                "id": number.to_string(), "type": kind, "correlation_id": correlation
            });
            Event::parse(json.to_string().into(), &Limits::default()).unwrap()
        });
        router.publish(events.collect(), None).await.unwrap();
    }
    let rare = HistoryQuery {
        filter: Some(r#"{"type": ["rare"], "level": ["info"]}"#.parse().unwrap()),
        ..query(100)
    };
    let expected: Vec<String> = (0..13).map(|thousand| (thousand * 1_000 + 3).to_string()).collect();
    let expected = &expected[..expected.len() - usize::from(12_500 <= 12_003)];
    let first = router.history(rare.clone()).await.unwrap();
    assert!(
        first.scanned <= 10_000 && first.next.is_some(),
        "one call looks at so many only"
    );
    assert_eq!(all_pages(&router, rare.clone()).await.0, expected);
    let both = HistoryQuery {
        correlation_id: Some("x".into()),
        newest_first: true,
        ..rare
    };
    assert_eq!(all_pages(&router, both).await.0, reversed(expected.to_vec()));
    let correlated = HistoryQuery {
        correlation_id: Some("x".into()),
        ..query(50)
    };
    assert_eq!(all_pages(&router, correlated).await.0.len(), 125);
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_found_by_their_ids() {
    let fake = FakeChannel::new([]);
    let router = router(table(
        vec![subscription("s", "c", plan(1, 1)), subscription("t", "c", plan(1, 1))],
        vec![channel("c", fake)],
    ));
    router
        .publish(vec![event("a/b", "t", ""), event("c", "t", "")], None)
        .await
        .unwrap();
    router.idle().await;
    let ids = ["a/b/s", "a/b/t", "c/s", "c/nobody", "nobody/s", "a/b/s#1", "nonsense"].map(str::to_owned);
    let found = router.delivery(&ids).await.unwrap();
    let states: Vec<_> = found
        .iter()
        .map(|status| status.as_ref().map(|status| status.state))
        .collect();
    let delivered = Some(DeliveryState::Delivered);
    assert_eq!(states, [delivered, delivered, delivered, None, None, None, None]);
    assert_eq!(router.deliveries_of("a/b").await.unwrap().unwrap().len(), 2);
    assert!(router.deliveries_of("nobody").await.unwrap().is_none());
    assert!(router.event("nobody").await.unwrap().is_none());
}

/// One dead letter for each of these events, for each of two subscriptions.
async fn with_dead_letters(events: usize) -> (Router, std::sync::Arc<FakeChannel>) {
    let rejections = (0..events * 2).map(|_| Act::Say(Problem::Reject("no".into())));
    let fake = FakeChannel::new(rejections);
    let router = router(table(
        vec![subscription("s", "c", plan(5, 16)), subscription("t", "c", plan(5, 16))],
        vec![channel("c", fake.clone())],
    ));
    let kind = |number: usize| if number.is_multiple_of(2) { "even" } else { "odd" };
    let events = (0..events).map(|number| event(&number.to_string(), kind(number), ""));
    router.publish(events.collect(), None).await.unwrap();
    router.idle().await;
    (router, fake)
}

fn matching(subscription: Option<&str>, filter: Option<&str>) -> DeadSelection {
    DeadSelection::Matching {
        subscription: subscription.map(str::to_owned),
        filter: filter.map(|filter| filter.parse().unwrap()),
    }
}

#[tokio::test(start_paused = true)]
async fn redriven_letters_start_afresh() {
    let (router, fake) = with_dead_letters(4).await;
    assert_eq!(dead_letters(&router).await.len(), 8);
    let ids = DeadSelection::Ids(vec!["0/s".into(), "0/s".into(), "9/s".into()]);
    assert_eq!(router.redrive(ids).await.unwrap(), 1);
    let odd = matching(Some("t"), Some(r#"{"type": ["odd"]}"#));
    assert_eq!(router.redrive(odd.clone()).await.unwrap(), 2);
    router.idle().await;
    assert_eq!(router.redrive(odd).await.unwrap(), 0);
    for (name, delivered) in [("s", 1), ("t", 2)] {
        let sums = account(&router, name).await;
        assert_eq!((sums.delivered, sums.dead), (delivered, 4 - delivered), "{name}");
    }
    let seen = fake.seen.lock().unwrap();
    assert!(seen.iter().all(|(_, attempt)| attempt.number == 1));
}

#[tokio::test(start_paused = true)]
async fn discarded_letters_are_out_of_sight_and_still_counted() {
    let (router, _) = with_dead_letters(1_200).await;
    assert_eq!(router.discard(matching(Some("s"), None)).await.unwrap(), 1_200);
    assert_eq!(account(&router, "s").await.dead, 1_200);
    let ids = DeadSelection::Ids(vec!["3/t".into(), "3/s".into()]);
    assert_eq!(
        router.discard(ids).await.unwrap(),
        1,
        "the other one is discarded already"
    );
    let status = router.delivery(&["3/t".into()]).await.unwrap().remove(0).unwrap();
    assert_eq!(status.state, DeliveryState::Discarded);
    assert_eq!(router.redrive(matching(None, None)).await.unwrap(), 1_199);
    router.idle().await;
    assert_eq!(account(&router, "t").await.delivered, 1_199);
    assert!(dead_letters(&router).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn letters_of_a_subscription_that_is_gone_are_left_but_can_be_discarded() {
    let (router, fake) = with_dead_letters(2).await;
    router.swap(table(
        vec![subscription("t", "c", plan(5, 16))],
        vec![channel("c", fake)],
    ));
    assert_eq!(router.redrive(matching(None, None)).await.unwrap(), 2);
    router.idle().await;
    assert_eq!(account(&router, "t").await.delivered, 2);
    assert_eq!(account(&router, "s").await.dead, 2);
    assert_eq!(router.discard(matching(None, None)).await.unwrap(), 2);
    assert!(dead_letters(&router).await.is_empty());
}
