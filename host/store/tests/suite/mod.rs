//! What every store must do, whatever is behind it. A new store calls [`run`] and [`play::run`] with its own maker.

mod model;
pub mod play;
mod questions;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchpanel_event::{Event, Limits, Receipt};
use patchpanel_store::{
    Appended, Clock, Delivery, DeliveryKey, DeliveryRef, Fetch, KeptValue, NewEvent, Settlement, Store, Verdict,
};

/// A clock that stands until it is moved.
#[derive(Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn advance(&self, nanos: u64) {
        self.0.fetch_add(nanos, Ordering::SeqCst);
    }

    pub fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A store that can be opened again after it was dropped.
pub struct Made {
    pub open: Box<dyn Fn() -> Arc<dyn Store>>,
    /// What was accepted is still there then.
    pub survives: bool,
}

impl Made {
    pub fn open(&self) -> Arc<dyn Store> {
        (self.open)()
    }
}

/// Makes an empty store on a clock.
pub trait Make: Fn(Arc<ManualClock>) -> Made {}

impl<F: Fn(Arc<ManualClock>) -> Made> Make for F {}

pub fn event_about(id: &str, subject: Option<&str>) -> Event {
    let mut json = serde_json::json!({"id": id, "time": "2026-01-31T12:00:00Z", "type": "t"});
    if let Some(subject) = subject {
        json["subject"] = subject.into();
    }
    Event::parse(json.to_string().into(), &Limits::default()).unwrap()
}

pub fn new_event_about(id: &str, subject: Option<&str>, matched: &[&str]) -> NewEvent {
    NewEvent {
        event: event_about(id, subject),
        matched: matched.iter().map(|name| (*name).into()).collect(),
        key: None,
    }
}

pub fn new_event(id: &str, matched: &[&str]) -> NewEvent {
    new_event_about(id, None, matched)
}

pub fn settlement(subscription: &str, key: DeliveryKey, verdict: Verdict) -> Settlement {
    Settlement {
        subscription: subscription.into(),
        key,
        verdict,
    }
}

pub fn delivered() -> Verdict {
    Verdict::Delivered(Receipt::default())
}

pub fn dead(reason: &str) -> Verdict {
    Verdict::Dead {
        reason: reason.into(),
        attempted: true,
    }
}

pub fn retry(due: u64) -> Verdict {
    Verdict::Retry {
        due,
        reason: "try again".into(),
    }
}

pub async fn fetch(store: &dyn Store, subscription: &str, max: usize) -> Vec<Delivery> {
    store.fetch(Fetch::due(subscription, max)).await.unwrap().deliveries
}

/// Leases one delivery and ends its lease.
pub async fn settle_next(store: &dyn Store, subscription: &str, verdict: Verdict) -> DeliveryKey {
    let key = fetch(store, subscription, 1).await[0].key;
    store
        .settle(vec![settlement(subscription, key, verdict)])
        .await
        .unwrap();
    key
}

pub fn ids(deliveries: &[Delivery]) -> Vec<String> {
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
    leases_oldest_first(&*fresh().0.open()).await;
    finds_duplicates(&*fresh().0.open()).await;
    finds_duplicates_by_key(&*fresh().0.open()).await;
    let (made, clock) = fresh();
    retries_when_due(&*made.open(), &clock).await;
    settles_once(&*fresh().0.open()).await;
    let (made, clock) = fresh();
    leases_everything_early(&*made.open(), &clock).await;
    tells_of_work(&*fresh().0.open()).await;
    leases_more_than_fits_into_memory(&*fresh().0.open()).await;
    redrives_and_discards(&*fresh().0.open()).await;
    keeps_definitions(&fresh().0).await;
    let (made, clock) = fresh();
    keeps_what_plugins_keep(&made, &clock).await;
    let (made, clock) = fresh();
    questions::run(&*made.open(), &clock).await;
    let (made, _) = fresh();
    if made.survives {
        everything_survives(&made).await;
    }
}

async fn leases_oldest_first(store: &dyn Store) {
    let events = ["1", "2", "3"].map(|id| new_event(id, &["a", "b"]));
    store.append(events.to_vec()).await.unwrap();

    let first = store.fetch(Fetch::due("a", 2)).await.unwrap();
    assert_eq!(ids(&first.deliveries), ["1", "2"]);
    assert_eq!(first.next_due, Some(0), "one more is due now");
    assert!(first.deliveries.is_sorted_by_key(|delivery| delivery.key));

    let second = store.fetch(Fetch::due("a", 2)).await.unwrap();
    assert_eq!((ids(&second.deliveries), second.next_due), (vec!["3".to_owned()], None));
    assert!(fetch(store, "a", 2).await.is_empty(), "all are leased");
    assert_eq!(fetch(store, "b", 9).await.len(), 3);
    assert!(fetch(store, "nobody", 9).await.is_empty());

    let oldest = first.deliveries[0].key;
    store
        .settle(vec![settlement("a", oldest, Verdict::Release)])
        .await
        .unwrap();
    let again = fetch(store, "a", 9).await;
    assert_eq!(ids(&again), ["1"]);
    assert_eq!(again[0].attempts, 0, "a release is no attempt");
}

async fn finds_duplicates(store: &dyn Store) {
    let duplicate = |id: &str| Appended::Duplicate { id: id.to_owned() };
    let batch = vec![new_event("1", &["a"]), new_event("1", &["a"]), new_event("2", &[])];
    let appended = store.append(batch).await.unwrap();
    assert_eq!(appended, [Appended::Accepted, duplicate("1"), Appended::Accepted]);
    let leased = fetch(store, "a", 9).await;
    assert_eq!(ids(&leased), ["1"]);
    store
        .settle(vec![settlement("a", leased[0].key, delivered())])
        .await
        .unwrap();

    let again = vec![new_event("2", &["a"]), new_event("1", &["a"])];
    assert_eq!(store.append(again).await.unwrap(), [duplicate("2"), duplicate("1")]);
    assert!(fetch(store, "a", 9).await.is_empty());
    let ledger = store.ledger().await.unwrap();
    assert_eq!((ledger.events, ledger.unmatched, ledger.duplicates), (2, 1, 3));
}

async fn finds_duplicates_by_key(store: &dyn Store) {
    let keyed = |id: &str, key: &str| NewEvent {
        key: Some(key.into()),
        ..new_event(id, &["a"])
    };
    store
        .append(vec![keyed("1", "k"), new_event("2", &["a"])])
        .await
        .unwrap();
    let again = vec![
        keyed("3", "k"),
        keyed("2", "other"),
        keyed("4", "other"),
        keyed("2", "k"),
    ];
    let appended = store.append(again).await.unwrap();
    let duplicate = |id: &str| Appended::Duplicate { id: id.to_owned() };
    assert_eq!(
        appended,
        [duplicate("1"), duplicate("2"), Appended::Accepted, duplicate("2")]
    );
}

async fn retries_when_due(store: &dyn Store, clock: &ManualClock) {
    let events = vec![new_event("1", &["a"]), new_event("2", &["a"])];
    store.append(events).await.unwrap();
    settle_next(store, "a", retry(100)).await;

    let fetched = store.fetch(Fetch::due("a", 9)).await.unwrap();
    assert_eq!(ids(&fetched.deliveries), ["2"], "what waits delays nothing behind it");
    assert_eq!(fetched.next_due, Some(100));
    clock.advance(99);
    assert!(fetch(store, "a", 9).await.is_empty());
    clock.advance(1);
    let fetched = store.fetch(Fetch::due("a", 9)).await.unwrap();
    assert_eq!(ids(&fetched.deliveries), ["1"]);
    assert_eq!(fetched.deliveries[0].attempts, 1);
    assert_eq!(fetched.next_due, None);
}

async fn settles_once(store: &dyn Store) {
    store.append(vec![new_event("1", &["a", "b"])]).await.unwrap();
    let key = fetch(store, "a", 1).await[0].key;
    let strange = vec![
        settlement("a", DeliveryKey::original(key.sequence + 1), delivered()),
        settlement("a", DeliveryKey { replay: 1, ..key }, delivered()),
        settlement("b", key, delivered()),
        settlement("nobody", key, delivered()),
    ];
    store.settle(strange).await.unwrap();
    let ledger = store.ledger().await.unwrap();
    assert_eq!((ledger.accounts["a"].pending, ledger.accounts["b"].pending), (1, 1));

    for verdict in [delivered(), delivered(), dead("late"), retry(0), Verdict::Release] {
        store.settle(vec![settlement("a", key, verdict)]).await.unwrap();
    }
    let ledger = store.ledger().await.unwrap();
    let account = ledger.accounts["a"];
    assert_eq!((account.delivered, account.dead, account.pending), (1, 0, 0));
    assert!(fetch(store, "a", 1).await.is_empty());
    assert_eq!(ledger.pending(), 1, "of b");
}

async fn leases_everything_early(store: &dyn Store, clock: &ManualClock) {
    let events = ["1", "2", "3"].map(|id| new_event(id, &["a"]));
    store.append(events.to_vec()).await.unwrap();
    let leased = fetch(store, "a", 2).await;
    store
        .settle(vec![settlement("a", leased[0].key, retry(1_000))])
        .await
        .unwrap();
    let early = Fetch {
        early: true,
        ..Fetch::due("a", 9)
    };
    let mut all = Vec::new();
    loop {
        let fetched = store.fetch(early).await.unwrap().deliveries;
        if fetched.is_empty() {
            break;
        }
        all.extend(ids(&fetched));
    }
    all.sort();
    assert_eq!(all, ["1", "3"], "the other one is leased already");
    clock.advance(2_000);
    assert!(fetch(store, "a", 9).await.is_empty());
}

async fn tells_of_work(store: &dyn Store) {
    let work = store.work("a");
    store.append(vec![new_event("1", &["a"])]).await.unwrap();
    work.notified().await;
    let key = settle_next(store, "a", Verdict::Release).await;
    work.notified().await;
    fetch(store, "a", 1).await;
    store.settle(vec![settlement("a", key, retry(5))]).await.unwrap();
    work.notified().await;
}

/// More than any store keeps at hand, so that it has to come from wherever it is kept.
async fn leases_more_than_fits_into_memory(store: &dyn Store) {
    for batch in 0..20 {
        let new = |number: usize| {
            let matched: &[&str] = if number.is_multiple_of(3) { &["a", "b"] } else { &["a"] };
            new_event(&format!("{batch}-{number:03}"), matched)
        };
        store.append((0..100).map(new).collect()).await.unwrap();
    }
    for (subscription, count) in [("a", 2_000), ("b", 680)] {
        let mut seen = Vec::new();
        loop {
            let leased = fetch(store, subscription, 77).await;
            if leased.is_empty() {
                break;
            }
            seen.extend(leased.iter().map(|delivery| delivery.key));
            let settlements = leased
                .iter()
                .map(|delivery| settlement(subscription, delivery.key, delivered()));
            store.settle(settlements.collect()).await.unwrap();
        }
        assert_eq!(seen.len(), count);
        assert!(seen.is_sorted(), "new deliveries come in the order of acceptance");
    }
    assert_eq!(store.ledger().await.unwrap().pending(), 0);
}

async fn redrives_and_discards(store: &dyn Store) {
    let events = ["1", "2", "3"].map(|id| new_event(id, &["a"]));
    store.append(events.to_vec()).await.unwrap();
    let mut letters = Vec::new();
    for _ in 0..3 {
        let key = settle_next(store, "a", dead("rejected")).await;
        letters.push(DeliveryRef {
            subscription: "a".into(),
            key,
        });
    }
    let work = store.work("a");
    let (first, second) = (letters[0].clone(), letters[1].clone());
    assert_eq!(store.redrive(vec![first.clone(), first.clone()]).await.unwrap(), 1);
    work.notified().await;
    assert_eq!(store.discard(vec![second.clone(), first.clone()]).await.unwrap(), 1);
    assert_eq!(store.redrive(vec![second]).await.unwrap(), 0, "it was discarded");
    let account = store.ledger().await.unwrap().accounts["a"];
    assert_eq!((account.dead, account.pending, account.is_balanced()), (2, 1, true));
    let again = fetch(store, "a", 9).await;
    assert_eq!((ids(&again), again[0].attempts), (vec!["1".to_owned()], 0));
}

async fn keeps_definitions(made: &Made) {
    let store = made.open();
    store.define("b", Some("{}".into())).await.unwrap();
    store.define("a", Some("{}".into())).await.unwrap();
    store.define("a", Some(r#"{"x":1}"#.into())).await.unwrap();
    store.define("b", None).await.unwrap();
    store.define("unknown", None).await.unwrap();
    let expected = vec![("a".into(), r#"{"x":1}"#.to_owned())];
    assert_eq!(store.definitions().await.unwrap(), expected);
    if made.survives {
        drop(store);
        assert_eq!(made.open().definitions().await.unwrap(), expected);
    }
}

fn value(bytes: &[u8], expires: Option<u64>) -> Option<KeptValue> {
    let bytes = bytes.to_vec();
    Some(KeptValue { bytes, expires })
}

async fn keeps_what_plugins_keep(made: &Made, clock: &ManualClock) {
    clock.set(1_000);
    let mut store = made.open();
    store.can_keep().unwrap();
    assert!(store.kept("x").await.unwrap().is_empty());
    for (owner, key, value) in [
        ("x", "b", value(b"old", None)),
        ("x", "b", value(b"new", Some(2_000))),
        ("x", "a\0\u{fc}", value(&[0, 255], None)),
        ("x", "gone", value(b"1", None)),
        ("x", "gone", None),
        ("x", "never was", None),
        ("x", "expired", value(b"1", Some(1_000))),
        ("x ", "b", value(b"", Some(u64::MAX))),
    ] {
        store.keep(owner, key, value);
    }
    let keys = |kept: Vec<(String, KeptValue)>| kept.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    for again in [false, true] {
        if again && made.survives {
            drop(store);
            store = made.open();
        }
        let kept = store.kept("x").await.unwrap();
        let bytes: Vec<_> = kept.iter().map(|(_, value)| (&*value.bytes, value.expires)).collect();
        assert_eq!(bytes, [(&[0, 255][..], None), (b"new", Some(2_000))]);
        assert_eq!(keys(kept), ["a\0\u{fc}", "b"]);
        assert_eq!(keys(store.kept("x ").await.unwrap()), ["b"]);
    }
    clock.set(2_000);
    assert_eq!(keys(store.kept("x").await.unwrap()), ["a\0\u{fc}"]);
    store.keep("x", "b", value(b"again", None));
    assert_eq!(store.kept("x").await.unwrap()[1].1.bytes, b"again");
    if !made.survives {
        drop(store);
        assert!(made.open().kept("x").await.unwrap().is_empty());
    }
}

async fn everything_survives(made: &Made) {
    let store = made.open();
    let events = ["1", "2", "3", "4", "5"].map(|id| new_event(id, &["a"]));
    store.append(events.to_vec()).await.unwrap();
    let keys: Vec<DeliveryKey> = fetch(store.as_ref(), "a", 4)
        .await
        .iter()
        .map(|leased| leased.key)
        .collect();
    let settlements = vec![
        settlement("a", keys[1], delivered()),
        settlement("a", keys[2], retry(0)),
        settlement("a", keys[3], dead("rejected")),
    ];
    store.settle(settlements).await.unwrap();
    let before = store.ledger().await.unwrap();
    drop(store);
    let store = made.open();
    assert_eq!(store.ledger().await.unwrap(), before);
    let mut seen = Vec::new();
    loop {
        let leased = fetch(store.as_ref(), "a", 1).await;
        let Some(delivery) = leased.first() else { break };
        seen.push((delivery.event.id().into_owned(), delivery.attempts));
    }
    seen.sort();
    let expected = [("1", 0), ("3", 1), ("5", 0)].map(|(id, attempts)| (id.to_owned(), attempts));
    assert_eq!(seen, expected, "the leased one comes again");
}
