//! The in-memory store: the suite that every store must pass, and its own bounds.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "tests"
)]

mod suite;

use std::sync::Arc;

use patchpanel_event::Receipt;
use patchpanel_store::{Appended, MemoryLimits, MemoryStore, Store, StoreError, Verdict};
use suite::{ManualClock, event, new_event, settlement};

fn store(limits: MemoryLimits) -> MemoryStore {
    MemoryStore::new(limits, Arc::new(ManualClock::default()))
}

fn make(clock: Arc<ManualClock>) -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(MemoryLimits::default(), clock))
}

async fn settle_all(store: &MemoryStore, subscription: &str, verdict: &Verdict) {
    let leased = store.fetch(subscription, usize::MAX).await.unwrap().deliveries;
    let settlements = leased
        .iter()
        .map(|delivery| settlement(subscription, delivery.sequence, verdict.clone()));
    store.settle(settlements.collect()).await.unwrap();
}

#[tokio::test]
async fn conforms() {
    suite::run(make).await;
}

#[test]
fn agrees_with_the_model() {
    suite::model::run(make);
}

#[tokio::test]
async fn refuses_what_does_not_fit_and_takes_it_once_there_is_room() {
    let bytes = event("1").json().len();
    for limits in [
        MemoryLimits {
            events: 2,
            ..MemoryLimits::default()
        },
        MemoryLimits {
            bytes: 2 * bytes + 1,
            ..MemoryLimits::default()
        },
    ] {
        let store = store(limits);
        store.append(vec![new_event("1", &["a", "b"])]).await.unwrap();
        let two = vec![new_event("2", &["a"]), new_event("3", &["a"])];
        let refused = store.append(two.clone()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
        assert_eq!(store.ledger().await.unwrap().events, 1, "all or nothing");

        let no_room_needed = vec![new_event("1", &["a"]), new_event("4", &[]), new_event("5", &["b"])];
        let appended = store.append(no_room_needed).await.unwrap();
        assert_eq!(appended, [Appended::Duplicate, Appended::Accepted, Appended::Accepted]);

        settle_all(&store, "a", &Verdict::Throttled).await;
        assert!(store.append(two.clone()).await.is_err(), "b still needs both");
        settle_all(&store, "b", &Verdict::Delivered(Receipt::default())).await;
        assert_eq!(store.append(two).await.unwrap(), [Appended::Accepted; 2]);
    }
}

#[tokio::test]
async fn remembers_so_many_settled_ids_and_dead_letters() {
    let store = store(MemoryLimits {
        remembered_ids: 2,
        dead_letters: 2,
        ..MemoryLimits::default()
    });
    let dead = Verdict::Dead {
        reason: "rejected".into(),
        attempts: 1,
    };
    for id in ["1", "2", "3"] {
        store.append(vec![new_event(id, &["a"])]).await.unwrap();
        settle_all(&store, "a", &dead).await;
    }
    let letters = store.dead_letters(9).await.unwrap();
    let ids: Vec<&str> = letters.iter().map(|letter| letter.event_id.as_str()).collect();
    assert_eq!(ids, ["3", "2"]);
    assert_eq!(store.ledger().await.unwrap().accounts["a"].dead, 3);
    let again = ["3", "2", "1"].map(|id| new_event(id, &["a"])).to_vec();
    assert_eq!(
        store.append(again).await.unwrap(),
        [Appended::Duplicate, Appended::Duplicate, Appended::Accepted]
    );
}
