//! What happens to a store when files are damaged, full, taken or of another time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    missing_docs,
    reason = "tests that use a part of the suite"
)]

mod suite;

use std::collections::BTreeSet;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use patchpanel_store::{
    DeliveriesQuery, DeliveryState, EventsQuery, KeptValue, OpenError, Retention, SqliteStore, Store, StoreError,
    StoreOptions,
};
use proptest::prelude::*;
use suite::{ManualClock, delivered, fetch, ids, new_event, retry, settle_next, settlement};

fn options(path: &Path, clock: &Arc<ManualClock>) -> StoreOptions {
    StoreOptions {
        path: Some(path.to_owned()),
        retention: Retention::default(),
        budget: None,
        clock: clock.clone(),
    }
}

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(options(path, &Arc::default()))
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

/// A store with so many events for `a`, closed again.
async fn filled(path: &Path, count: usize) {
    let store = open(path).unwrap();
    let events = (0..count).map(|number| new_event(&format!("event-{number:04}"), &["a"]));
    store.append(events.collect()).await.unwrap();
}

/// Everything that `a` gets, and what it does not get by name: as dead letters with a reason.
async fn all_of_a(store: &dyn Store) -> Result<(BTreeSet<String>, u64), StoreError> {
    let mut seen = BTreeSet::new();
    loop {
        let leased = store.fetch(patchpanel_store::Fetch::due("a", 50)).await?.deliveries;
        if leased.is_empty() {
            break;
        }
        seen.extend(ids(&leased));
        let settlements = leased.iter().map(|delivery| settlement("a", delivery.key, delivered()));
        store.settle(settlements.collect()).await?;
    }
    let account = store.ledger().await?.accounts.get("a").copied().unwrap_or_default();
    assert!(account.is_balanced());
    Ok((seen, account.dead))
}

#[tokio::test]
async fn a_damaged_event_is_named_and_holds_up_nobody() {
    let (_directory, path) = directory();
    filled(&path, 3).await;
    flip(&path, b"event-0001\",\"time", 4);
    let store = open(&path).unwrap();
    let (seen, dead) = all_of_a(&store).await.unwrap();
    assert_eq!(seen, ["event-0000", "event-0002"].map(str::to_owned).into());
    assert_eq!(dead, 1);
    let query = DeliveriesQuery {
        subscription: None,
        state: DeliveryState::Dead,
        after: None,
        limit: 9,
    };
    let letters = store.deliveries(query).await.unwrap().deliveries;
    assert_eq!(
        (letters[0].event_id.as_str(), letters[0].reason.as_deref()),
        (
            "event-0001",
            Some("the stored event 2 is damaged: its checksum does not fit its content")
        )
    );
    let history = EventsQuery {
        from: 0,
        to: u64::MAX,
        newest_first: false,
        limit: 9,
        correlation_id: None,
    };
    let page = store.events(history).await.unwrap();
    assert_eq!((page.events.len(), page.damaged), (2, vec![2]));
    let error = store.event("event-0001").await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { sequence: 2, .. }), "{error}");
    assert!(store.usage().await.unwrap().damaged >= 1);
}

/// Flips a bit behind the only place in the file with this content.
fn flip(path: &Path, needle: &[u8], offset: usize) {
    let bytes = std::fs::read(path).unwrap();
    let places: Vec<usize> = (0..bytes.len() - needle.len())
        .filter(|at| bytes[*at..].starts_with(needle))
        .collect();
    assert_eq!(places.len(), 1, "the test must hit one event");
    let at = places[0] + offset;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Wherever bits flip or the file ends: what was accepted is delivered, or its loss is told.
    #[test]
    fn damage_is_never_silent(place in 0.0..1.0_f64, bit in 0_u8..8, cut in prop::bool::weighted(0.3)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_directory, path) = directory();
            filled(&path, 60).await;
            let length = std::fs::metadata(&path).unwrap().len();
            let at = (length as f64 * place) as u64;
            let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
            if cut {
                file.set_len(at).unwrap();
            } else {
                let mut byte = [0];
                file.read_exact_at(&mut byte, at).unwrap();
                file.write_all_at(&[byte[0] ^ (1 << bit)], at).unwrap();
            }
            drop(file);
            // An empty file is a new store: nothing tells it from one.
            if at == 0 && cut {
                return;
            }
            let Ok(store) = open(&path) else { return };
            let Ok((seen, dead)) = all_of_a(&store).await else { return };
            let pending = store.ledger().await.unwrap().pending();
            let known = seen.iter().all(|id| id.starts_with("event-"));
            assert!(known, "what is not as it was written is not delivered");
            // More where a damaged row says that it is another one, which is delivered as well.
            let all = seen.len() as u64 + dead + pending;
            assert!(all >= 60, "place {at} of {length}, bit {bit}: {} {dead} {pending}", seen.len());
        });
    }
}

#[tokio::test]
async fn one_process_at_a_time() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    let error = open(&path).err().unwrap();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    drop(store);
    assert!(open(&path).is_ok());
}

#[tokio::test]
async fn its_files_are_for_their_owner_only() {
    let (directory, path) = directory();
    let store = open(&path).unwrap();
    store.append(vec![new_event("1", &["a"])]).await.unwrap();
    let mut count = 0;
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", file.path().display());
        count += 1;
    }
    assert_eq!(count, 4, "the database, its log, its index, its lock");
}

#[tokio::test]
async fn refuses_what_is_no_store_of_this_version() {
    let (_directory, path) = directory();
    std::fs::write(
        &path,
        "something else altogether, longer than a header of a database would be, and then some more of it",
    )
    .unwrap();
    let error = open(&path).err().unwrap().to_string();
    assert!(error.contains("is not a store of this program"), "{error}");

    std::fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE precious (value)").unwrap();
    drop(other);
    let error = open(&path).err().unwrap().to_string();
    assert!(error.contains("is not a store of this program"), "{error}");

    std::fs::remove_file(&path).unwrap();
    drop(open(&path).unwrap());
    let later = rusqlite::Connection::open(&path).unwrap();
    later.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(later);
    let error = open(&path).err().unwrap().to_string();
    assert!(
        error.contains("has schema version 99, and this program knows up to"),
        "{error}"
    );

    let error = open(&path.join("below-a-file")).err().unwrap().to_string();
    assert!(error.contains("cannot be opened as a store"), "{error}");
}

fn word(text: &str) -> KeptValue {
    KeptValue {
        bytes: text.into(),
        expires: None,
    }
}

#[tokio::test]
async fn what_is_kept_is_on_the_disk_with_what_follows_it() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    for number in 0..50 {
        let (copies, copy) = directory();
        store.keep("x", "count", Some(word(&number.to_string())));
        store
            .append(vec![new_event(&number.to_string(), &["a"])])
            .await
            .unwrap();
        // As if the process was killed here.
        for name in ["store.db", "store.db-wal"] {
            std::fs::copy(path.with_file_name(name), copies.path().join(name)).unwrap();
        }
        let kept = open(&copy).unwrap().kept("x").await.unwrap();
        assert_eq!(kept[0].1, word(&number.to_string()));
    }
}

#[tokio::test]
async fn a_damaged_value_is_left_out_and_told() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    store.keep("x", "1", Some(word("a sound value")));
    store.keep("x", "2", Some(word("a value to damage")));
    drop(store);
    flip(&path, b"a value to damage", 4);
    let store = open(&path).unwrap();
    let kept = store.kept("x").await.unwrap();
    assert_eq!((kept.len(), kept[0].0.as_str()), (1, "1"));
    assert_eq!(store.usage().await.unwrap().damaged, 1);
}

#[tokio::test]
async fn what_has_expired_goes_from_the_disk_as_well() {
    let (_directory, path) = directory();
    let clock = Arc::new(ManualClock::default());
    let store = SqliteStore::open(options(&path, &clock)).unwrap();
    for number in 0..10_000 {
        let value = KeptValue {
            expires: (number > 0).then_some(5_000_000_000),
            ..word("value")
        };
        store.keep("x", &number.to_string(), Some(value));
    }
    let rows = || {
        let reader = rusqlite::Connection::open(&path).unwrap();
        reader
            .query_row("SELECT count(*) FROM kept", (), |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(store.kept("x").await.unwrap().len(), 10_000);
    assert_eq!(rows(), 10_000);
    clock.set(6_000_000_000);
    while rows() > 1 {
        store.kept("x").await.unwrap();
        clock.advance(1_000_000_000);
    }
    assert_eq!(store.kept("x").await.unwrap()[0].0, "0");
}

/// Every version that was ever released must open. The files are made by `make_fixture` below.
#[tokio::test]
async fn opens_the_stores_of_earlier_versions() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for version in 1..=2 {
        let (_directory, path) = directory();
        std::fs::copy(fixtures.join(format!("v{version}.db")), &path).unwrap();
        let clock = Arc::new(ManualClock::default());
        clock.set(1_000);
        let store = SqliteStore::open(options(&path, &clock)).unwrap();
        let account = store.ledger().await.unwrap().accounts["a"];
        assert_eq!((account.accepted, account.delivered, account.pending), (3, 1, 2));
        assert_eq!(ids(&fetch(&store, "a", 9).await), ["2", "3"]);
        assert_eq!(store.definitions().await.unwrap().len(), 1);
        assert_eq!(store.deliveries_of("2").await.unwrap().unwrap()[0].failures.len(), 1);
        assert_eq!(store.kept("a plugin").await.unwrap().len(), usize::from(version > 1));
        store.keep("a plugin", "another key", Some(word("value")));
        assert_eq!(
            store.kept("a plugin").await.unwrap().len(),
            1 + usize::from(version > 1)
        );
    }
}

/// Writes the fixture of the present version: `cargo test -p patchpanel-store --test faults make_fixture -- --ignored`.
#[tokio::test]
#[ignore = "writes into the source tree"]
async fn make_fixture() {
    let (_directory, path) = directory();
    let store = open(&path).unwrap();
    let events = ["1", "2", "3"].map(|id| new_event(id, &["a"]));
    store.append(events.to_vec()).await.unwrap();
    settle_next(&store, "a", delivered()).await;
    settle_next(&store, "a", retry(500)).await;
    store.define("a", Some("{}".into())).await.unwrap();
    store.keep("a plugin", "key", Some(word("value")));
    drop(store);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v2.db");
    std::fs::copy(&path, target).unwrap();
}

#[tokio::test]
async fn a_full_store_refuses_events_and_still_settles() {
    let (_directory, path) = directory();
    let clock = Arc::new(ManualClock::default());
    clock.set(1);
    let store = SqliteStore::open(StoreOptions {
        budget: Some(400_000),
        retention: Retention {
            age: Some(Duration::from_nanos(10)),
            bytes: None,
        },
        ..options(&path, &clock)
    })
    .unwrap();
    let mut accepted = 0;
    let refused = loop {
        let events = (0..50).map(|number| new_event(&format!("{accepted}-{number}"), &["a"]));
        match store.append(events.collect()).await {
            Ok(_) => accepted += 50,
            Err(error) => break error,
        }
        assert!(accepted < 100_000, "the budget has no effect");
    };
    assert_eq!(refused, StoreError::Full { budget: 400_000 });
    assert!(refused.is_temporary());
    assert_eq!(store.health(), Err(refused));
    let (seen, _) = all_of_a(&store).await.unwrap();
    assert_eq!(seen.len(), accepted, "what was accepted is delivered");

    clock.set(2_000_000_000);
    while store.append(vec![new_event("room", &["a"])]).await.is_err() {
        tokio::task::yield_now().await;
        clock.advance(1_000_000_000);
    }
    assert_eq!(store.health(), Ok(()));
}

async fn kept(store: &dyn Store) -> Vec<u64> {
    let all = EventsQuery {
        from: 0,
        to: u64::MAX,
        newest_first: false,
        limit: 100_000,
        correlation_id: None,
    };
    let page = store.events(all).await.unwrap();
    page.events.iter().map(|stored| stored.sequence).collect()
}

#[tokio::test]
async fn forgets_what_is_old_and_settled_and_nothing_else() {
    let clock = Arc::new(ManualClock::default());
    clock.set(1_000);
    let store = SqliteStore::open(StoreOptions {
        path: None,
        retention: Retention {
            age: Some(Duration::from_secs(100)),
            bytes: None,
        },
        budget: None,
        clock: clock.clone(),
    })
    .unwrap();
    let events = [("1", vec!["a"]), ("2", vec!["a", "b"]), ("3", vec![]), ("4", vec!["a"])];
    let events = events.iter().map(|(id, matched)| new_event(id, matched));
    store.append(events.collect()).await.unwrap();
    settle_next(&store, "a", delivered()).await;
    settle_next(&store, "a", delivered()).await;
    settle_next(&store, "a", retry(u64::MAX / 2)).await;
    let nudge = || store.define("x", Some("{}".into()));
    clock.advance(99_000_000_000);
    nudge().await.unwrap();
    assert_eq!(kept(&store).await, [1, 2, 3, 4]);
    for _ in 0..3 {
        clock.advance(70_000_000_000);
        nudge().await.unwrap();
    }
    assert_eq!(kept(&store).await, [2, 4], "2 is pending for b, 4 waits for its retry");
    assert_eq!(store.usage().await.unwrap().events, 2);
    // A forgotten id is new again.
    let again = store
        .append(vec![new_event("1", &["a"]), new_event("2", &["a"])])
        .await
        .unwrap();
    assert_eq!(again[0], patchpanel_store::Appended::Accepted);
    assert_ne!(again[1], patchpanel_store::Appended::Accepted);
    settle_next(&store, "b", delivered()).await;
    for _ in 0..3 {
        clock.advance(70_000_000_000);
        nudge().await.unwrap();
    }
    assert_eq!(kept(&store).await, [4, 5]);
    assert!(
        store
            .ledger()
            .await
            .unwrap()
            .accounts
            .values()
            .all(patchpanel_store::Account::is_balanced)
    );
}

#[tokio::test]
async fn forgets_what_is_too_much() {
    let clock = Arc::new(ManualClock::default());
    let store = SqliteStore::open(StoreOptions {
        path: None,
        retention: Retention {
            age: None,
            bytes: Some(300_000),
        },
        budget: None,
        clock: clock.clone(),
    })
    .unwrap();
    for batch in 0..60 {
        let events = (0..100).map(|number| new_event(&format!("{batch}-{number}"), &["a"]));
        store.append(events.collect()).await.unwrap();
        all_of_a(&store).await.unwrap();
        clock.advance(1_000_000_000);
    }
    let usage = store.usage().await.unwrap();
    assert!(usage.bytes < 600_000, "{usage:?}");
    let kept = kept(&store).await;
    assert_eq!(kept.last(), Some(&6_000), "the newest are kept: {usage:?}");
    assert!(kept.len() > 500, "not more than needed is forgotten: {usage:?}");
}

#[tokio::test]
async fn a_clock_that_was_set_back_while_nobody_looked_stalls_nothing() {
    let (_directory, path) = directory();
    let clock = Arc::new(ManualClock::default());
    let hour = 3_600_000_000_000;
    clock.set(10 * hour);
    let store = SqliteStore::open(options(&path, &clock)).unwrap();
    store.append(vec![new_event("1", &["a"])]).await.unwrap();
    settle_next(&store, "a", retry(10 * hour + 100)).await;
    drop(store);
    clock.set(hour);
    let store = SqliteStore::open(options(&path, &clock)).unwrap();
    assert!(fetch(&store, "a", 9).await.is_empty(), "not at once either");
    clock.set(hour + 100);
    settle_next(&store, "a", delivered()).await;
    store.append(vec![new_event("2", &["a"])]).await.unwrap();
    let second = store.event("2").await.unwrap().unwrap();
    assert_eq!(second.accepted, 10 * hour, "times of acceptance never fall");
    // Another restart, and nobody has set the clock since.
    settle_next(&store, "a", retry(2 * hour)).await;
    drop(store);
    let store = SqliteStore::open(options(&path, &clock)).unwrap();
    assert!(fetch(&store, "a", 9).await.is_empty(), "moved once only");
    clock.set(2 * hour);
    assert_eq!(fetch(&store, "a", 9).await.len(), 1);
    store.append(vec![new_event("3", &["a"])]).await.unwrap();
    let third = store.event("3").await.unwrap().unwrap();
    assert_eq!(third.accepted, 10 * hour, "times of acceptance never fall");
}
