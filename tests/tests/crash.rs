//! The router is killed at random moments under load, again and again; publishers, a receiver and a consumer outside of
//! it count. `PATCHPANEL_CRASH_ROUNDS` says how often; `tests/crash-loop` does it a thousand times.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use patchpanel_tests::{Receiver, Router, wait_for};
use serde_json::{Value, json};

/// In CI.
const ROUNDS: usize = 20;
const PUBLISHERS: usize = 4;
/// Batches in flight, and deliveries in each: what can be under way when the router is killed.
const CONCURRENCY: usize = 4;
const BATCH: usize = 16;
/// What the consumer asks for at once.
const PULLED: usize = 20;

fn config(receiver: &Receiver) -> String {
    format!(
        r#"
[plugins.webhook]
config = {{ url = "{url}" }}

[plugins.webhook.allow]
http = ["{url}"]
private_addresses = true

[[channels]]
name = "hook"
plugin = "webhook"

[[subscriptions]]
name = "pushed"
channel = "hook"
batch = {BATCH}
concurrency = {CONCURRENCY}

[[subscriptions]]
name = "pulled"
pull = {{}}
"#,
        url = receiver.url
    )
}

fn rounds() -> usize {
    let rounds = std::env::var("PATCHPANEL_CRASH_ROUNDS").ok();
    rounds.map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

/// Sends until the router is gone; what was accepted goes to `accepted`.
fn publish(
    url: &str,
    publisher: usize,
    sent: &Arc<AtomicUsize>,
    accepted: &Arc<Mutex<HashSet<String>>>,
) -> JoinHandle<()> {
    let (url, sent, accepted) = (format!("{url}/v1/events"), sent.clone(), accepted.clone());
    std::thread::spawn(move || {
        let agent = ureq::Agent::new_with_defaults();
        loop {
            let ids: Vec<String> = (0..5)
                .map(|_| format!("{publisher}-{}", sent.fetch_add(1, SeqCst)))
                .collect();
            let events: Vec<Value> = ids.iter().map(|id| json!({"id": id, "type": "crash.test"})).collect();
            let request = agent.post(&url).header("content-type", "application/json");
            match request.send(json!(events).to_string()) {
                Ok(response) if response.status() == 202 => accepted.lock().unwrap().extend(ids),
                Ok(response) => panic!("refused with {}", response.status()),
                // Not accepted, as far as this publisher knows.
                Err(_) => return,
            }
        }
    })
}

/// Fetches and acknowledges until the router is gone.
fn consume(url: &str, seen: &Arc<Mutex<HashMap<String, usize>>>) -> JoinHandle<()> {
    let (url, seen) = (url.to_owned(), seen.clone());
    std::thread::spawn(move || {
        let agent = ureq::Agent::new_with_defaults();
        while let Some(pulled) = ask(
            &agent,
            &format!("{url}/v1/subscriptions/pulled/pull"),
            &json!({"max": PULLED, "wait": "1s"}),
        ) {
            let deliveries = pulled["deliveries"].as_array().unwrap().clone();
            let leases: Vec<&Value> = deliveries.iter().map(|delivery| &delivery["lease"]).collect();
            for delivery in &deliveries {
                let id = delivery["event"]["id"].as_str().unwrap().to_owned();
                *seen.lock().unwrap().entry(id).or_default() += 1;
            }
            if ask(
                &agent,
                &format!("{url}/v1/subscriptions/pulled/ack"),
                &json!({"leases": leases}),
            )
            .is_none()
            {
                return;
            }
        }
    })
}

/// `None`: the router is gone.
fn ask(agent: &ureq::Agent, url: &str, body: &Value) -> Option<Value> {
    let request = agent.post(url).header("content-type", "application/json");
    let mut response = request.send(body.to_string()).ok()?;
    serde_json::from_str(&response.body_mut().read_to_string().ok()?).ok()
}

fn start(directory: &Path) -> Router {
    Router::spawn(directory, &["run", "--listen", "127.0.0.1:0"])
}

#[test]
fn nothing_accepted_is_lost_however_often_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let (sent, accepted) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let pulled = Arc::new(Mutex::new(HashMap::new()));
    // One for each life of the router, because requests may still be on their way when it is dead.
    let mut receivers = Vec::new();
    let mut begin = || {
        let receiver = Receiver::start();
        std::fs::write(directory.path().join("patchpanel.toml"), config(&receiver)).unwrap();
        receivers.push(receiver);
        start(directory.path())
    };
    let rounds = rounds();
    for round in 0..rounds {
        let router = begin();
        let mut threads: Vec<JoinHandle<()>> = (0..PUBLISHERS)
            .map(|publisher| publish(router.url(), publisher, &sent, &accepted))
            .collect();
        threads.push(consume(router.url(), &pulled));
        // The moment is what is random here; nothing waits for the time to be enough.
        std::thread::sleep(Duration::from_millis(fastrand::u64(20..400)));
        router.crash();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        eprintln!("round {round}: {} accepted so far", accepted.lock().unwrap().len());
    }
    let router = begin();
    let consumer = consume(router.url(), &pulled);
    let stats = router.settled();
    for account in stats["subscriptions"].as_object().unwrap().values() {
        let sum = |name: &str| account[name].as_u64().unwrap();
        assert_eq!(sum("accepted"), sum("delivered"), "{account}");
        assert_eq!(sum("accepted"), stats["accepted"], "{account}");
    }
    router.crash();
    consumer.join().unwrap();

    let accepted = accepted.lock().unwrap().clone();
    assert!(accepted.len() > rounds, "the load was no load: {}", accepted.len());
    let mut last_seen: HashMap<String, usize> = HashMap::new();
    // By the kill that is the reason for it.
    let mut repeated = vec![0; rounds];
    for (round, receiver) in receivers.iter().enumerate() {
        for request in receiver.received() {
            if let Some(earlier) = last_seen.insert(request.delivery.clone(), round) {
                assert!(
                    earlier < round,
                    "{} came again without a kill in between",
                    request.delivery
                );
                repeated[earlier] += 1;
            }
        }
    }
    let lost = accepted
        .iter()
        .filter(|id| !last_seen.contains_key(&format!("{id}/pushed")));
    assert_eq!(lost.count(), 0, "of {} accepted", accepted.len());
    let lost = accepted
        .iter()
        .filter(|id| !pulled.lock().unwrap().contains_key(*id))
        .count();
    assert_eq!(lost, 0, "of {} accepted were never pulled", accepted.len());
    let most = repeated.iter().max().copied().unwrap_or(0);
    assert!(
        most <= CONCURRENCY * BATCH,
        "more came again than can have been under way: {repeated:?}"
    );
    let pulled_again: usize = pulled.lock().unwrap().values().map(|times| times - 1).sum();
    assert!(pulled_again <= rounds * PULLED, "{pulled_again}");
    eprintln!(
        "{rounds} kills, {} events accepted, 0 lost, {} deliveries came again",
        accepted.len(),
        repeated.iter().sum::<usize>() + pulled_again
    );
}

#[test]
fn a_restart_forgets_neither_duplicates_nor_sums() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    std::fs::write(directory.path().join("patchpanel.toml"), config(&receiver)).unwrap();
    let router = start(directory.path());
    router.publish(&json!([{"id": "1", "type": "t"}, {"id": "2", "type": "t"}]));
    wait_for("both to be delivered", || {
        (receiver.received().len() == 2).then_some(())
    });
    let before = wait_for("both to be settled", || {
        let (_, stats) = router.get("/v1/stats");
        (stats["subscriptions"]["pushed"]["delivered"] == 2).then_some(stats)
    });
    assert!(router.stop().success(), "what is pending stays in the store");
    let router = start(directory.path());
    let (_, after) = router.get("/v1/stats");
    assert_eq!(after["subscriptions"], before["subscriptions"]);
    let answer = router.publish(&json!([{"id": "2", "type": "t"}, {"id": "3", "type": "t"}]));
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(1), &json!(1)));
    wait_for("the new one", || (receiver.received().len() == 3).then_some(()));
    drop(router);
    assert_eq!(receiver.received().len(), 3);
}

#[test]
fn publishers_that_leave_are_no_reason_to_stop() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    std::fs::write(directory.path().join("patchpanel.toml"), config(&receiver)).unwrap();
    let router = start(directory.path());
    let stop = Arc::new(AtomicBool::new(false));
    let rude: Vec<_> = (0..4)
        .map(|publisher| {
            let (address, stop) = (router.url().trim_start_matches("http://").to_owned(), stop.clone());
            std::thread::spawn(move || {
                for number in 0.. {
                    if stop.load(SeqCst) {
                        return;
                    }
                    let body = json!({"id": format!("{publisher}-{number}"), "type": "t"}).to_string();
                    let mut stream = std::net::TcpStream::connect(&address).unwrap();
                    let request = format!(
                        "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    // Gone before the answer can come.
                    let _ = std::io::Write::write_all(&mut stream, request.as_bytes());
                }
            })
        })
        .collect();
    wait_for("some of it to be accepted", || {
        (router.get("/v1/stats").1["accepted"].as_u64()? > 50).then_some(())
    });
    stop.store(true, SeqCst);
    rude.into_iter().for_each(|thread| thread.join().unwrap());
    wait_for("all that was accepted to be delivered", || {
        let (_, stats) = router.get("/v1/stats");
        (stats["subscriptions"]["pushed"]["pending"] == 0).then_some(())
    });
}
