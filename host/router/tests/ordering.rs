//! One after the other by key, however they fail, and at full speed across keys.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod fakes;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fakes::*;
use patchpanel_event::{Attempt, Event, FieldPath, Limits, Problem, Receipt};
use patchpanel_router::{Channel, DeliveryPlan, PluginFailure};
use tokio::time::{Instant, sleep};

fn keyed(id: usize, key: &str) -> Event {
    let json = serde_json::json!({"id": id.to_string(), "type": "t", "subject": key});
    Event::parse(json.to_string().into(), &Limits::default()).unwrap()
}

/// Works a while on each call, and fails for a key as often as it is told; checks that a key is in one call at a time.
#[derive(Default)]
struct Workshop {
    failures: Mutex<HashMap<String, u32>>,
    busy: Mutex<HashSet<String>>,
    done: Mutex<Vec<(String, u32)>>,
}

#[async_trait]
impl Channel for Workshop {
    async fn deliver(&self, batch: &[Attempt]) -> Result<Vec<Result<Receipt, Problem>>, PluginFailure> {
        let keys: Vec<String> = batch
            .iter()
            .map(|attempt| attempt.event.subject().unwrap().into_owned())
            .collect();
        for key in &keys {
            assert!(self.busy.lock().unwrap().insert(key.clone()), "two of {key} at once");
        }
        sleep(Duration::from_millis(100)).await;
        let answer = |(attempt, key): (&Attempt, &String)| {
            self.busy.lock().unwrap().remove(key);
            let mut failures = self.failures.lock().unwrap();
            let left = failures.entry(key.clone()).or_default();
            if *left > 0 {
                *left -= 1;
                return Err(Problem::RetryAfter(60_000, "broken".into()));
            }
            let id = attempt.event.id().parse().unwrap();
            self.done.lock().unwrap().push((key.clone(), id));
            Ok(Receipt::default())
        };
        Ok(batch.iter().zip(&keys).map(answer).collect())
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn ordered(batch: usize, concurrency: usize) -> DeliveryPlan {
    DeliveryPlan {
        ordering: Some(FieldPath::parse("subject").unwrap()),
        concurrency: concurrency.try_into().unwrap(),
        ..plan(10, batch)
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_holds_its_own_key_and_no_other() {
    let workshop = Arc::new(Workshop::default());
    workshop.failures.lock().unwrap().insert("b".into(), 1);
    let mut entry = channel("c", workshop.clone());
    entry.concurrency = 8.try_into().unwrap();
    let router = router(table(vec![subscription("s", "c", ordered(4, 8))], vec![entry]));
    let started = Instant::now();
    let keys = ["a", "b", "c", "d"];
    for round in 0..10 {
        let events = keys.iter().zip(0..).map(|(key, index)| keyed(round * 4 + index, key));
        router.publish(events.collect(), None).await.unwrap();
    }
    while workshop.done.lock().unwrap().len() < 30 {
        sleep(Duration::from_millis(10)).await;
    }
    // Ten rounds of a tenth of a second each, for all keys but the broken one at once.
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(workshop.done.lock().unwrap().iter().all(|(key, _)| key != "b"));
    router.idle().await;
    assert!(started.elapsed() < Duration::from_secs(63), "{:?}", started.elapsed());
    assert_eq!(account(&router, "s").await.delivered, 40);
    for key in keys {
        let done = workshop.done.lock().unwrap();
        let order: Vec<u32> = done.iter().filter(|(of, _)| of == key).map(|(_, id)| *id).collect();
        assert_eq!(order.len(), 10);
        assert!(order.is_sorted(), "{key}: {order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_lets_the_next_one_of_its_key_go() {
    let workshop = Arc::new(Workshop::default());
    workshop.failures.lock().unwrap().insert("a".into(), 2);
    let mut twice = ordered(4, 4);
    twice.retry = retry(2);
    let router = router(table(
        vec![subscription("s", "c", twice)],
        vec![channel("c", workshop.clone())],
    ));
    let events = (0..3).map(|id| keyed(id, "a"));
    router.publish(events.collect(), None).await.unwrap();
    router.idle().await;
    let sums = account(&router, "s").await;
    assert_eq!((sums.dead, sums.delivered), (1, 2));
    let order: Vec<u32> = workshop.done.lock().unwrap().iter().map(|(_, id)| *id).collect();
    assert_eq!(order, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_a_swap_and_a_drain_keep_the_order() {
    let fake = FakeChannel::new([Act::Panic, Act::Take, Act::Hang]);
    let make = || {
        table(
            vec![subscription("s", "c", ordered(2, 4))],
            vec![channel("c", fake.clone())],
        )
    };
    let store = memory();
    let first = router_over(make(), &store);
    let events = (0..6).map(|id| keyed(id, "a"));
    first.publish(events.collect(), None).await.unwrap();
    while fake.ids().len() < 3 {
        sleep(Duration::from_millis(10)).await;
        first.swap(make());
    }
    assert_eq!(first.drain(Duration::from_secs(1)).await.pending, 5);
    let second = router_over(make(), &store);
    second.idle().await;
    assert_eq!(fake.ids(), ["0", "0", "1", "1", "2", "3", "4", "5"]);
    assert_eq!(account(&second, "s").await.delivered, 6);
}
