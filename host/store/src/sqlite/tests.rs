#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use patchpanel_event::{Event, FieldPath, Limits, Receipt};

use super::*;
use crate::SystemClock;

/// Lets the database grow by so many pages.
fn grow_by(store: &SqliteStore, pages: i64) {
    let Backing::Memory(writer) = &store.backing else {
        panic!("a store in memory");
    };
    let connection = &writer.lock().unwrap().connection;
    let now: i64 = connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let limit = format!("PRAGMA max_page_count = {}", now + pages);
    connection.query_row(&limit, (), |_| Ok(())).unwrap();
}

#[tokio::test]
async fn what_cannot_be_held_back_for_want_of_space_comes_again_in_its_turn() {
    const EVENTS: usize = 200;
    let store = SqliteStore::in_memory(Arc::new(SystemClock)).unwrap();
    let new = |number: usize| NewEvent {
        event: Event::parse(
            format!(r#"{{"id":"{number}","type":"t","subject":"one"}}"#).into(),
            &Limits::default(),
        )
        .unwrap(),
        matched: vec!["a".into()],
        key: None,
    };
    store.append((0..EVENTS).map(new).collect()).await.unwrap();
    let subject = FieldPath::parse("subject").unwrap();
    let all = Fetch {
        ordering: Some(&subject),
        ..Fetch::due("a", EVENTS)
    };
    grow_by(&store, 0);
    let mut leased = store.fetch(all).await.unwrap().deliveries;
    let held = DeliveriesQuery {
        subscription: None,
        state: crate::DeliveryState::Held,
        after: None,
        limit: 1,
    };
    let held = store.deliveries(held).await.unwrap().deliveries;
    assert!(held.is_empty(), "they did not fit");
    grow_by(&store, 1_000_000);
    let mut seen = Vec::new();
    while let Some(delivery) = leased.pop() {
        assert!(leased.is_empty(), "one at a time");
        seen.push(delivery.key);
        let settlement = Settlement {
            subscription: "a".into(),
            key: delivery.key,
            verdict: Verdict::Delivered(Receipt::default()),
        };
        store.settle(vec![settlement]).await.unwrap();
        leased = store.fetch(all).await.unwrap().deliveries;
    }
    assert_eq!(seen.len(), EVENTS);
    assert!(seen.is_sorted());
    assert!(
        store
            .ledger()
            .await
            .unwrap()
            .accounts
            .values()
            .all(crate::Account::is_balanced)
    );
}

#[tokio::test]
async fn what_did_not_fit_is_kept_when_there_is_room_again() {
    let store = SqliteStore::in_memory(Arc::new(SystemClock)).unwrap();
    let value = |byte| KeptValue {
        bytes: vec![byte; 40_000],
        expires: None,
    };
    store.keep("x", "1", Some(value(1)));
    assert_eq!(store.kept("x").await.unwrap().len(), 1);
    grow_by(&store, 5);
    store.can_keep().unwrap();
    store.keep("x", "1", Some(value(2)));
    store.keep("x", "2", Some(value(2)));
    assert!(matches!(store.kept("x").await, Err(StoreError::DiskFull(_))));
    store.keep("x", "2", Some(value(3)));
    grow_by(&store, 1_000_000);
    let kept = store.kept("x").await.unwrap();
    assert_eq!(kept, [("1".to_owned(), value(2)), ("2".to_owned(), value(3))]);
    store.can_keep().unwrap();
}

#[test]
fn whoever_keeps_too_much_waits_until_it_is_taken() {
    let waiting = kept::Waiting::default();
    let value = || {
        Some(KeptValue {
            bytes: vec![0; 1 << 20],
            expires: None,
        })
    };
    for _ in 0..100 {
        assert!(!waiting.add("x", "0", value()), "only the last one counts");
    }
    assert!(waiting.has_room());
    let told: Vec<bool> = (1..8)
        .map(|number| waiting.add("x", &number.to_string(), value()))
        .collect();
    assert_eq!(
        told,
        [false, false, true, false, false, false, false],
        "once, at the half"
    );
    assert!(!waiting.has_room());
    let taken = waiting.take();
    assert!(waiting.has_room());
    assert!(!waiting.is_waiting());
    waiting.add("x", "0", None);
    waiting.put_back(taken);
    assert!(waiting.has_room(), "the newer change is a small one");
    waiting.add("x", "0", value());
    assert!(!waiting.has_room());
}
