//! What every store must do, whatever is behind it. A new store calls [`run`] and [`model::run`] with its own maker.

pub mod model;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchpanel_event::{Event, Limits, Receipt};
use patchpanel_store::{Appended, Clock, Delivery, NewEvent, Settlement, Store, Verdict};

/// A clock that stands until it is moved.
#[derive(Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn advance(&self, nanos: u64) {
        self.0.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Makes an empty store on a clock.
pub trait Make: Fn(Arc<ManualClock>) -> Arc<dyn Store> {}

impl<F: Fn(Arc<ManualClock>) -> Arc<dyn Store>> Make for F {}

pub fn event(id: &str) -> Event {
    let json = format!(r#"{{"id":"{id}","time":"2026-01-31T12:00:00Z","type":"t"}}"#);
    Event::parse(json.into(), &Limits::default()).unwrap()
}

pub fn new_event(id: &str, matched: &[&str]) -> NewEvent {
    NewEvent {
        event: event(id),
        matched: matched.iter().map(|name| (*name).into()).collect(),
    }
}

pub fn settlement(subscription: &str, sequence: u64, verdict: Verdict) -> Settlement {
    Settlement {
        subscription: subscription.into(),
        sequence,
        verdict,
    }
}

fn delivered() -> Verdict {
    Verdict::Delivered(Receipt::default())
}

fn dead(reason: &str, attempts: u32) -> Verdict {
    Verdict::Dead {
        reason: reason.into(),
        attempts,
    }
}

fn retry(due: u64) -> Verdict {
    Verdict::Retry {
        due,
        reason: "try again".into(),
    }
}

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries
        .iter()
        .map(|delivery| delivery.event.id().into_owned())
        .collect()
}

/// Runs every case, each on a store of its own.
pub async fn run(make: impl Make) {
    let fresh = || {
        let clock = Arc::new(ManualClock::default());
        (make(Arc::clone(&clock)), clock)
    };
    let (store, _) = fresh();
    leases_oldest_first(&*store).await;
    let (store, _) = fresh();
    finds_duplicates(&*store).await;
    let (store, clock) = fresh();
    retries_when_due(&*store, &clock).await;
    let (store, _) = fresh();
    settles_once(&*store).await;
    let (store, clock) = fresh();
    abandons_what_is_not_leased(&*store, &clock).await;
    let (store, clock) = fresh();
    lists_dead_letters(&*store, &clock).await;
    let (store, _) = fresh();
    tells_of_work(&*store).await;
}

async fn leases_oldest_first(store: &dyn Store) {
    let events = ["1", "2", "3"].map(|id| new_event(id, &["a", "b"]));
    store.append(events.to_vec()).await.unwrap();

    let first = store.fetch("a", 2).await.unwrap();
    assert_eq!(ids(&first.deliveries), ["1", "2"]);
    assert_eq!(first.next_due, Some(0), "one more is due now");
    assert!(first.deliveries.is_sorted_by_key(|delivery| delivery.sequence));

    let second = store.fetch("a", 2).await.unwrap();
    assert_eq!((ids(&second.deliveries), second.next_due), (vec!["3".to_owned()], None));
    assert!(
        store.fetch("a", 2).await.unwrap().deliveries.is_empty(),
        "all are leased"
    );
    assert_eq!(ids(&store.fetch("b", 9).await.unwrap().deliveries).len(), 3);
    assert!(store.fetch("nobody", 9).await.unwrap().deliveries.is_empty());

    let oldest = first.deliveries.first().unwrap();
    store
        .settle(vec![settlement("a", oldest.sequence, Verdict::Release)])
        .await
        .unwrap();
    let again = store.fetch("a", 9).await.unwrap().deliveries;
    assert_eq!(ids(&again), ["1"]);
    assert_eq!(again.first().unwrap().attempts, 0, "a release is no attempt");
}

async fn finds_duplicates(store: &dyn Store) {
    let batch = vec![new_event("1", &["a"]), new_event("1", &["a"]), new_event("2", &[])];
    let appended = store.append(batch).await.unwrap();
    assert_eq!(appended, [Appended::Accepted, Appended::Duplicate, Appended::Accepted]);
    let leased = store.fetch("a", 9).await.unwrap().deliveries;
    assert_eq!(ids(&leased), ["1"]);
    let sequence = leased.first().unwrap().sequence;
    store
        .settle(vec![settlement("a", sequence, delivered())])
        .await
        .unwrap();

    let again = vec![new_event("2", &["a"]), new_event("1", &["a"])];
    assert_eq!(store.append(again).await.unwrap(), [Appended::Duplicate; 2]);
    assert!(store.fetch("a", 9).await.unwrap().deliveries.is_empty());
    let ledger = store.ledger().await.unwrap();
    assert_eq!((ledger.events, ledger.unmatched, ledger.duplicates), (2, 1, 3));
}

async fn retries_when_due(store: &dyn Store, clock: &ManualClock) {
    store
        .append(vec![new_event("1", &["a"]), new_event("2", &["a"])])
        .await
        .unwrap();
    let leased = store.fetch("a", 1).await.unwrap().deliveries;
    let sequence = leased.first().unwrap().sequence;
    store.settle(vec![settlement("a", sequence, retry(100))]).await.unwrap();

    let fetched = store.fetch("a", 9).await.unwrap();
    assert_eq!(ids(&fetched.deliveries), ["2"], "what waits delays nothing behind it");
    assert_eq!(fetched.next_due, Some(100));
    clock.advance(99);
    assert!(store.fetch("a", 9).await.unwrap().deliveries.is_empty());
    clock.advance(1);
    let fetched = store.fetch("a", 9).await.unwrap();
    assert_eq!(ids(&fetched.deliveries), ["1"]);
    assert_eq!(fetched.deliveries.first().unwrap().attempts, 1);
    assert_eq!(fetched.next_due, None);
}

async fn settles_once(store: &dyn Store) {
    store.append(vec![new_event("1", &["a", "b"])]).await.unwrap();
    let sequence = store.fetch("a", 1).await.unwrap().deliveries.first().unwrap().sequence;
    let strange = vec![
        settlement("a", sequence + 1, delivered()),
        settlement("b", sequence, delivered()),
        settlement("nobody", sequence, delivered()),
    ];
    store.settle(strange).await.unwrap();
    let ledger = store.ledger().await.unwrap();
    assert_eq!((ledger.accounts["a"].pending, ledger.accounts["b"].pending), (1, 1));

    for verdict in [delivered(), delivered(), dead("late", 1), retry(0), Verdict::Release] {
        store.settle(vec![settlement("a", sequence, verdict)]).await.unwrap();
    }
    let ledger = store.ledger().await.unwrap();
    let account = ledger.accounts["a"];
    assert_eq!((account.delivered, account.dead, account.pending), (1, 0, 0));
    assert!(store.fetch("a", 1).await.unwrap().deliveries.is_empty());
    assert_eq!(ledger.pending(), 1, "of b");
}

async fn abandons_what_is_not_leased(store: &dyn Store, clock: &ManualClock) {
    let events = ["1", "2", "3"].map(|id| new_event(id, &["a", "b"]));
    store.append(events.to_vec()).await.unwrap();
    let leased = store.fetch("a", 2).await.unwrap().deliveries;
    let waiting = leased.first().unwrap().sequence;
    store
        .settle(vec![settlement("a", waiting, retry(1_000))])
        .await
        .unwrap();

    assert_eq!(store.abandon("a", "subscription removed").await.unwrap(), 2);
    assert_eq!(store.abandon("a", "subscription removed").await.unwrap(), 0);
    assert_eq!(store.abandon("nobody", "subscription removed").await.unwrap(), 0);
    clock.advance(2_000);
    assert!(store.fetch("a", 9).await.unwrap().deliveries.is_empty());

    let still = leased.last().unwrap().sequence;
    store.settle(vec![settlement("a", still, delivered())]).await.unwrap();
    let ledger = store.ledger().await.unwrap();
    let account = ledger.accounts["a"];
    assert_eq!((account.dead, account.delivered, account.pending), (2, 1, 0));
    assert_eq!(ledger.accounts["b"].pending, 3);
    let letters = store.dead_letters(9).await.unwrap();
    let attempts: Vec<u32> = letters.iter().map(|letter| letter.attempts).collect();
    assert_eq!(attempts, [0, 1], "newest first, and the retried one had an attempt");
}

async fn lists_dead_letters(store: &dyn Store, clock: &ManualClock) {
    for id in ["1", "2", "3"] {
        store.append(vec![new_event(id, &["a"])]).await.unwrap();
        let sequence = store.fetch("a", 1).await.unwrap().deliveries.first().unwrap().sequence;
        clock.advance(10);
        store
            .settle(vec![settlement("a", sequence, dead("rejected", 4))])
            .await
            .unwrap();
    }
    let letters = store.dead_letters(2).await.unwrap();
    let seen: Vec<_> = letters
        .iter()
        .map(|letter| (letter.event_id.as_str(), letter.time, letter.attempts))
        .collect();
    assert_eq!(seen, [("3", 30, 4), ("2", 20, 4)]);
    assert!(
        letters
            .iter()
            .all(|letter| letter.reason == "rejected" && &*letter.subscription == "a")
    );
    assert_eq!(store.ledger().await.unwrap().accounts["a"].dead, 3);
}

async fn tells_of_work(store: &dyn Store) {
    let work = store.work("a");
    store.append(vec![new_event("1", &["a"])]).await.unwrap();
    work.notified().await;
    let sequence = store.fetch("a", 1).await.unwrap().deliveries.first().unwrap().sequence;
    store
        .settle(vec![settlement("a", sequence, Verdict::Release)])
        .await
        .unwrap();
    work.notified().await;
    store.fetch("a", 1).await.unwrap();
    store.settle(vec![settlement("a", sequence, retry(5))]).await.unwrap();
    work.notified().await;
}
