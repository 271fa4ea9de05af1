//! The embedded store: the suite that every store must pass, in memory and in a file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod suite;

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use patchpanel_event::FieldPath;
use patchpanel_store::{DeliveryKey, DeliveryRef, Fetch, Retention, SqliteStore, Store, StoreOptions};
use suite::{Made, ManualClock, dead, delivered, new_event_about, retry, settlement};

fn in_memory(clock: Arc<ManualClock>) -> Made {
    Made {
        open: Box::new(move || Arc::new(SqliteStore::in_memory(clock.clone()).unwrap())),
        survives: false,
    }
}

fn in_a_file(clock: Arc<ManualClock>) -> Made {
    let directory = tempfile::tempdir().unwrap();
    Made {
        open: Box::new(move || -> Arc<dyn Store> {
            let options = StoreOptions {
                path: Some(directory.path().join("store.db")),
                retention: Retention::default(),
                budget: None,
                clock: clock.clone(),
            };
            Arc::new(SqliteStore::open(options).unwrap())
        }),
        survives: true,
    }
}

#[tokio::test]
async fn conforms_in_memory() {
    suite::run(in_memory).await;
}

#[tokio::test]
async fn conforms_in_a_file() {
    suite::run(in_a_file).await;
}

#[test]
fn agrees_with_the_model_in_memory() {
    suite::play::run(in_memory);
}

#[test]
fn agrees_with_the_model_in_a_file() {
    suite::play::run(in_a_file);
}

/// Consumers of one ordered subscription on several threads, with retries that are due at once: what is leased while the
/// end of another lease is on its way to the disk must not be leased again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn leases_nothing_twice_while_settlements_are_under_way() {
    const EVENTS: usize = 300;
    let made = in_a_file(Arc::default());
    let store = made.open();
    let subject = Arc::new(FieldPath::parse("subject").unwrap());
    let events =
        (0..EVENTS).map(|number| new_event_about(&number.to_string(), Some(&(number % 7).to_string()), &["a"]));
    store.append(events.collect()).await.unwrap();
    let ended = Arc::new(AtomicUsize::new(0));
    let orders = Arc::new(Mutex::new(HashMap::<usize, Vec<u64>>::new()));
    let consumers = (0..6).map(|consumer| {
        let (store, subject, ended, orders) = (store.clone(), subject.clone(), ended.clone(), orders.clone());
        tokio::spawn(async move {
            while ended.load(SeqCst) < EVENTS {
                let fetch = Fetch {
                    ordering: Some(&subject),
                    ..Fetch::due("a", 3)
                };
                let leased = store.fetch(fetch).await.unwrap().deliveries;
                if leased.is_empty() {
                    tokio::task::yield_now().await;
                }
                for delivery in leased {
                    let number: usize = delivery.event.id().parse().unwrap();
                    let verdict = if delivery.attempts < (number % 4) as u32 {
                        retry(0)
                    } else {
                        orders
                            .lock()
                            .unwrap()
                            .entry(number % 7)
                            .or_default()
                            .push(delivery.key.sequence);
                        ended.fetch_add(1, SeqCst);
                        if (number + consumer).is_multiple_of(5) {
                            dead("enough")
                        } else {
                            delivered()
                        }
                    };
                    store
                        .settle(vec![settlement("a", delivery.key, verdict)])
                        .await
                        .unwrap();
                }
            }
        })
    });
    for consumer in consumers.collect::<Vec<_>>() {
        consumer.await.unwrap();
    }
    let account = store.ledger().await.unwrap().accounts["a"];
    assert!(account.is_balanced(), "{account:?}");
    assert_eq!((account.accepted, account.pending), (EVENTS as u64, 0));
    for order in orders.lock().unwrap().values() {
        assert!(order.is_sorted(), "each key in its order: {order:?}");
    }
}

/// Subscriptions become known while events are written; some of them never get any.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn opens_again_whenever_subscriptions_became_known() {
    let made = in_a_file(Arc::default());
    let store = made.open();
    let others = store.clone();
    let asking = tokio::spawn(async move {
        for number in 0..400 {
            others.work(&format!("idle-{number}"));
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    });
    let mut number = 0;
    while !asking.is_finished() {
        let new = new_event_about(&number.to_string(), None, &[&format!("busy-{}", number % 50)]);
        store.append(vec![new]).await.unwrap();
        number += 1;
    }
    drop((asking.await, store));
    let ledger = made.open().ledger().await.unwrap();
    assert_eq!(ledger.events, number);
}

/// All that is to be had of `a`, one after the other, in the order in which it came.
async fn deliver_all(store: &dyn Store, ordering: Option<&FieldPath>) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let fetch = Fetch {
            ordering,
            ..Fetch::due("a", 9)
        };
        let leased = store.fetch(fetch).await.unwrap().deliveries;
        if leased.is_empty() {
            return seen;
        }
        seen.extend(suite::ids(&leased));
        let settlements = leased.iter().map(|leased| settlement("a", leased.key, delivered()));
        store.settle(settlements.collect()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_held_back_goes_on_after_a_restart_whatever_orders_it_then() {
    let subject = FieldPath::parse("subject").unwrap();
    for ordering in ["subject", "type", "none"] {
        let made = in_a_file(Arc::default());
        let store = made.open();
        let events = ["1", "2", "3"].map(|id| new_event_about(id, Some("one"), &["a"]));
        store.append(events.to_vec()).await.unwrap();
        let fetch = Fetch {
            ordering: Some(&subject),
            ..Fetch::due("a", 9)
        };
        assert_eq!(store.fetch(fetch).await.unwrap().deliveries.len(), 1);
        drop(store);
        let store = made.open();
        let path = FieldPath::parse(ordering).ok();
        assert_eq!(deliver_all(&*store, path.as_ref()).await, ["1", "2", "3"], "{ordering}");
        assert_eq!(store.ledger().await.unwrap().pending(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redriven_delivery_and_a_new_one_do_not_take_the_same_turn() {
    let made = in_a_file(Arc::default());
    let store = made.open();
    let subject = FieldPath::parse("subject").unwrap();
    let next = Fetch {
        ordering: Some(&subject),
        ..Fetch::due("a", 1)
    };
    let new = |id: &str| vec![new_event_about(id, Some("one"), &["a"])];
    store.append(new("1")).await.unwrap();
    let key = store.fetch(next).await.unwrap().deliveries[0].key;
    store.settle(vec![settlement("a", key, dead("no"))]).await.unwrap();
    store.append(new("2")).await.unwrap();
    // Many that are none, so that the new one is leased while the writer is in the middle of it.
    let letter = |sequence| DeliveryRef {
        subscription: "a".into(),
        key: DeliveryKey::original(sequence),
    };
    let letters = (key.sequence..1_000_000).map(letter).collect();
    let redriving = tokio::spawn({
        let store = store.clone();
        async move { store.redrive(letters).await }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    let second = store.fetch(next).await.unwrap().deliveries;
    assert_eq!(suite::ids(&second), ["2"]);
    assert!(!redriving.is_finished());
    assert_eq!(redriving.await.unwrap().unwrap(), 1);
    assert!(store.fetch(next).await.unwrap().deliveries.is_empty(), "two of one key");
    store
        .settle(vec![settlement("a", second[0].key, delivered())])
        .await
        .unwrap();
    assert_eq!(deliver_all(&*store, Some(&subject)).await, ["1"]);
}
