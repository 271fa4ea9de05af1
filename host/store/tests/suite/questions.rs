//! What can be asked about the past.

use patchpanel_store::{
    DeliveriesQuery, DeliveryKey, DeliveryState, DeliveryStatus, EventsQuery, Replay, Store, Verdict,
};

use super::{ManualClock, dead, delivered, fetch, new_event, retry, settle_next, settlement};

pub async fn run(store: &dyn Store, clock: &ManualClock) {
    // Ten events, one each at 100, 110, ... 190; the even ones for `b`, too.
    clock.set(100);
    for number in 1..=10 {
        let matched: &[&str] = if number % 2 == 0 { &["a", "b"] } else { &["a"] };
        store
            .append(vec![new_event(&number.to_string(), matched)])
            .await
            .unwrap();
        clock.advance(10);
    }
    pages_through_events(store).await;
    finds_by_time(store).await;
    tells_how_deliveries_stand(store, clock).await;
    replays(store).await;
}

fn query(from: u64, to: u64, limit: usize) -> EventsQuery {
    EventsQuery {
        from,
        to,
        newest_first: false,
        limit,
        correlation_id: None,
    }
}

async fn pages_through_events(store: &dyn Store) {
    let page = store.events(query(0, u64::MAX, 4)).await.unwrap();
    let ids: Vec<String> = page
        .events
        .iter()
        .map(|stored| stored.event.id().into_owned())
        .collect();
    assert_eq!((ids.join(" "), page.last), ("1 2 3 4".to_owned(), Some(4)));
    assert_eq!(page.events[1].accepted, 110);
    let matched: Vec<&str> = page.events[1].matched.iter().map(|name| &**name).collect();
    assert_eq!(matched, ["a", "b"]);
    let rest = store.events(query(5, u64::MAX, 9)).await.unwrap();
    assert_eq!((rest.events.len(), rest.last), (6, None));
    let newest = EventsQuery {
        newest_first: true,
        ..query(u64::MAX, 3, 2)
    };
    let page = store.events(newest).await.unwrap();
    let sequences: Vec<u64> = page.events.iter().map(|stored| stored.sequence).collect();
    assert_eq!((sequences, page.last), (vec![10, 9], Some(9)));
    let nobody = EventsQuery {
        correlation_id: Some("c".into()),
        ..query(0, u64::MAX, 9)
    };
    assert!(store.events(nobody).await.unwrap().events.is_empty());
    assert_eq!(store.event("3").await.unwrap().unwrap().sequence, 3);
    assert!(store.event("unknown").await.unwrap().is_none());
}

async fn finds_by_time(store: &dyn Store) {
    for (time, sequence) in [
        (0, 1),
        (100, 1),
        (101, 2),
        (150, 6),
        (190, 10),
        (191, 11),
        (u64::MAX, 11),
    ] {
        assert_eq!(store.sequence_at(time).await.unwrap(), sequence, "{time}");
    }
}

async fn status(store: &dyn Store, event: &str, subscription: &str) -> DeliveryStatus {
    let statuses = store.deliveries_of(event).await.unwrap().unwrap();
    statuses
        .into_iter()
        .find(|status| &*status.subscription == subscription)
        .unwrap()
}

async fn tells_how_deliveries_stand(store: &dyn Store, clock: &ManualClock) {
    clock.set(1_000);
    assert!(store.deliveries_of("unknown").await.unwrap().is_none());
    assert_eq!(status(store, "1", "a").await.state, DeliveryState::Waiting);
    let first = fetch(store, "a", 1).await[0].key;
    assert_eq!(status(store, "1", "a").await.state, DeliveryState::InFlight);
    store.settle(vec![settlement("a", first, retry(1_500))]).await.unwrap();
    let retrying = status(store, "1", "a").await;
    assert_eq!(
        (retrying.state, retrying.due, retrying.attempts),
        (DeliveryState::Retrying, Some(1_500), 1)
    );
    assert_eq!((retrying.since, retrying.changed), (100, Some(1_000)));

    settle_next(store, "a", delivered()).await;
    assert_eq!(status(store, "2", "a").await.state, DeliveryState::Delivered);
    assert_eq!(status(store, "2", "b").await.state, DeliveryState::Waiting);
    settle_next(store, "a", Verdict::Filtered("not for us".into())).await;
    let filtered = status(store, "3", "a").await;
    assert_eq!(
        (filtered.state, filtered.reason.as_deref()),
        (DeliveryState::Filtered, Some("not for us"))
    );

    clock.set(2_000);
    assert_eq!(
        settle_next(store, "a", dead("rejected")).await,
        first,
        "it was due again"
    );
    let letter = status(store, "1", "a").await;
    let failures: Vec<(u64, &str)> = letter
        .failures
        .iter()
        .map(|failed| (failed.time, failed.reason.as_str()))
        .collect();
    assert_eq!(failures, [(1_000, "try again"), (2_000, "rejected")]);
    assert_eq!(
        (letter.state, letter.attempts, letter.since),
        (DeliveryState::Dead, 2, 100)
    );

    let dead_letters = DeliveriesQuery {
        subscription: None,
        state: DeliveryState::Dead,
        after: None,
        limit: 1,
    };
    let page = store.deliveries(dead_letters.clone()).await.unwrap();
    assert_eq!(page.deliveries, [letter]);
    let after = DeliveriesQuery {
        after: page.next,
        ..dead_letters.clone()
    };
    let page = store.deliveries(after).await.unwrap();
    assert_eq!((page.deliveries.len(), page.next), (0, None));
    let of_b = DeliveriesQuery {
        subscription: Some("b".into()),
        ..dead_letters
    };
    assert!(store.deliveries(of_b).await.unwrap().deliveries.is_empty());
}

async fn replays(store: &dyn Store) {
    let replay = Replay {
        number: 1,
        subscription: "b".into(),
        request: r#"{"from":1}"#.into(),
        position: 3,
        enqueued: 2,
        ended: None,
    };
    store.replay(replay.clone(), vec![2, 3, 3, 99]).await.unwrap();
    let ended = Replay {
        ended: Some("done".into()),
        ..replay
    };
    store.replay(ended.clone(), vec![]).await.unwrap();
    assert_eq!(store.replays().await.unwrap(), [ended]);
    assert_eq!(
        store.ledger().await.unwrap().accounts["b"].accepted,
        7,
        "five of its own"
    );
    let leased = fetch(store, "b", 2).await;
    let keys: Vec<DeliveryKey> = leased.iter().map(|delivery| delivery.key).collect();
    assert_eq!(keys, [2, 3].map(|sequence| DeliveryKey { sequence, replay: 1 }));
    let statuses = store.deliveries_of("2").await.unwrap().unwrap();
    let states: Vec<(u32, DeliveryState)> = statuses
        .iter()
        .filter(|status| &*status.subscription == "b")
        .map(|status| (status.key.replay, status.state))
        .collect();
    assert_eq!(states, [(0, DeliveryState::Waiting), (1, DeliveryState::InFlight)]);
}
