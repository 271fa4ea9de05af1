#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use patchpanel_plugin::{Level, testing};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn digest(config: &str) -> Digest {
    testing::configure_transform(config).unwrap()
}

fn event(id: &str, type_: &str) -> Event {
    Event {
        time: now(),
        ..Event::new(id, type_)
    }
}

/// The reason.
fn absorbed(digest: &mut Digest, event: &Event) -> String {
    match digest.transform(event).unwrap() {
        Outcome::Dropped(reason) => reason,
        other => format!("{other:?}"),
    }
}

fn due(digest: &mut Digest) -> Vec<Event> {
    digest.due(now()).unwrap()
}

fn stored(digest: &mut Digest, events: &[Event]) {
    let ids: Vec<String> = events.iter().map(|event| event.id.clone()).collect();
    digest.stored(&ids).unwrap();
}

#[test]
fn a_group_is_summed_up_when_its_time_is_over() {
    let mut one = digest("{}");
    let reason = absorbed(&mut one, &event("1", "build.failed"));
    testing::advance(MINUTE);
    let second = Event {
        level: Level::Error,
        message: "broken".to_owned(),
        ..event("2", "build.failed")
    };
    assert_eq!(absorbed(&mut digest("{}"), &second), reason);
    absorbed(&mut one, &event("3", "build.failed"));
    absorbed(&mut one, &event("other", "build.done"));
    testing::advance(MINUTE * 4 - Duration::from_nanos(1));
    assert_eq!(due(&mut one), []);
    testing::advance(Duration::from_nanos(1));
    // Another instance, as after a restart.
    let mut other = digest("{}");
    let given = due(&mut other);
    let [summary] = given.as_slice() else {
        unreachable!("{given:?}")
    };
    assert_eq!(reason, format!("in digest {}", summary.id));
    assert_eq!((summary.type_.as_str(), summary.level), ("digest", Level::Error));
    assert_eq!(summary.message, "3 events of build.failed in 5m");
    let payload = summary.payload_json();
    assert_eq!(
        (payload.get("count"), payload.pointer("/key/type")),
        (Some(&Value::from(3)), Some(&Value::from("build.failed")))
    );
    assert_eq!(payload.pointer("/first/id"), Some(&Value::from("1")));
    assert_eq!(payload.pointer("/last/id"), Some(&Value::from("3")));
    assert_eq!(payload.pointer("/samples/1/message"), Some(&Value::from("broken")));
    assert_eq!(payload.get("from"), Some(&Value::from("2026-01-01T00:00:00Z")));
    assert_eq!(payload.get("to"), Some(&Value::from("2026-01-01T00:05:00Z")));
    // It passes, is given out until it is stored, and then it is gone with all of its keys but the other group's.
    assert_eq!(one.transform(summary), Ok(Outcome::Unchanged));
    assert_eq!(due(&mut one), given);
    stored(&mut one, &given);
    testing::advance(MINUTE);
    let last = due(&mut other);
    assert_eq!(
        last.first().map(|event| event.message.as_str()),
        Some("1 event of build.done in 5m")
    );
    stored(&mut one, &last);
    assert_eq!(due(&mut one), []);
    testing::advance(MINUTE * 10);
    assert_eq!(kv::keys("", None, 100).unwrap(), Vec::<String>::new());
}

#[test]
fn an_event_counts_once_however_often_it_comes() {
    let mut digest = digest("{}");
    for id in ["1", "2", "1", "1"] {
        absorbed(&mut digest, &event(id, "t"));
    }
    testing::advance(MINUTE * 5);
    assert_eq!(
        due(&mut digest).first().unwrap().payload_json().get("count"),
        Some(&Value::from(2))
    );
}

#[test]
fn the_next_group_does_not_wait_for_the_last_one_to_be_given_out() {
    let mut digest = digest("{}");
    let first = absorbed(&mut digest, &event("1", "t"));
    testing::advance(MINUTE * 6);
    let second = absorbed(&mut digest, &event("2", "t"));
    assert_ne!(first, second);
    testing::advance(MINUTE * 6);
    absorbed(&mut digest, &event("3", "t"));
    let given = due(&mut digest);
    let counts: Vec<_> = given.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(counts, ["1 event of t in 5m"; 2]);
    stored(&mut digest, &given);
    testing::advance(MINUTE * 5);
    let last = due(&mut digest);
    assert_eq!(
        last.first().unwrap().payload_json().pointer("/first/id"),
        Some(&Value::from("3"))
    );
}

#[test]
fn a_group_may_be_full_before_its_time() {
    let mut digest = digest(r#"{"max_events": 2, "by": ["source", "subject", "payload.n"], "type": "sum"}"#);
    let event = |id: &str| Event {
        source: "ci".to_owned(),
        subject: Some("main".to_owned()),
        payload: r#"{"n": 7}"#.to_owned(),
        ..event(id, "t")
    };
    absorbed(&mut digest, &event("1"));
    testing::advance(Duration::from_millis(250));
    assert_eq!(due(&mut digest), []);
    absorbed(&mut digest, &event("2"));
    let given = due(&mut digest);
    let summary = given.first().unwrap();
    assert_eq!(
        summary.message,
        "2 events with payload.n 7 and source ci and subject main in 250ms"
    );
    assert_eq!(
        (summary.type_.as_str(), summary.subject.as_deref()),
        ("sum", Some("main"))
    );
    // The same event again belongs to it still; the next one does not.
    assert_eq!(absorbed(&mut digest, &event("2")), format!("in digest {}", summary.id));
    absorbed(&mut digest, &event("3"));
    assert_eq!(due(&mut digest), given);
    stored(&mut digest, &given);
    assert_eq!(due(&mut digest), []);
    testing::advance(MINUTE * 5);
    assert_eq!(due(&mut digest).len(), 1);
}

#[test]
fn a_group_stays_below_what_one_value_holds() {
    let mut digest = digest(
        r#"{"by": ["type", "source", "subject", "message", "metadata", "payload", "correlation_id", "channels"], "samples": 20}"#,
    );
    let hard = "\u{1}".repeat(600);
    let large = |id: &str| Event {
        source: hard.clone(),
        subject: Some(hard.clone()),
        message: hard.clone(),
        correlation_id: Some(hard.clone()),
        channels: vec!["\u{1}".repeat(500); 8],
        metadata: format!(r#"{{"a": "{}"}}"#, "x".repeat(3_000)),
        payload: format!(r#"["{}"]"#, "x".repeat(3_000)),
        ..event(id, &hard)
    };
    for number in 0..300 {
        let id = format!("{}{number:03}", "\u{1}".repeat(509));
        let reason = absorbed(&mut digest, &large(&id));
        assert!(reason.starts_with("in digest"), "{reason}");
    }
    for key in kv::keys("g/", None, 10).unwrap() {
        let bytes = kv::get(&key).unwrap().unwrap().len();
        assert!(bytes < 64 << 10, "{bytes}");
    }
    testing::advance(MINUTE * 5);
    let given = due(&mut digest);
    let payload = given.first().unwrap().payload_json();
    assert_eq!(payload.get("count"), Some(&Value::from(300)));
    let samples = payload.get("samples").and_then(Value::as_array).unwrap();
    assert!((5..20).contains(&samples.len()) && samples.iter().all(|sample| sample.get("cut").is_some()));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let errors = testing::configure_transform::<Digest>(
        r#"{"by": ["tpye"], "every": "10ms", "max_events": 0, "samples": 21, "type": ""}"#,
    )
    .unwrap_err();
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["by.0", "every", "max_events", "samples", "type"]);
}

/// In nanoseconds: as long as ids are known at least.
const REMEMBERED: u64 = 600_000_000_000;

/// What happens at random.
#[derive(Debug, Clone)]
enum Step {
    Event(u8),
    Again(usize),
    Wait(u64),
    GiveOut { stored: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u8).prop_map(Step::Event),
        2 => (0..2usize).prop_map(Step::Again),
        2 => (1..200u64).prop_map(Step::Wait),
        2 => proptest::bool::ANY.prop_map(|stored| Step::GiveOut { stored }),
    ]
}

proptest! {
    /// Every event is in exactly one summary, whatever is given out twice, and nothing is left behind.
    #[test]
    fn every_event_is_counted_once(steps in proptest::collection::vec(step(), 1..60), most in proptest::option::of(1..5u64)) {
        for key in kv::keys("", None, 1000).unwrap() {
            kv::delete(&key).unwrap();
        }
        let most = most.map_or(String::new(), |most| format!(r#","max_events": {most}"#));
        let mut digest = digest(&format!(r#"{{"every": "1m"{most}}}"#));
        let mut kept: BTreeMap<String, u64> = BTreeMap::new();
        let mut take = |digest: &mut Digest, is_stored: bool| {
            let given = due(digest);
            for summary in &given {
                let count = summary.payload_json().get("count").and_then(Value::as_u64).unwrap();
                if is_stored {
                    assert_eq!(*kept.entry(summary.id.clone()).or_insert(count), count, "the same id, another sum");
                }
            }
            if is_stored {
                stored(digest, &given);
            }
            (given.len(), kept.values().sum::<u64>())
        };
        let mut recent: Vec<Event> = Vec::new();
        let mut published = 0;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Event(group) => {
                    let event = event(&number.to_string(), &format!("t{group}"));
                    absorbed(&mut digest, &event);
                    published += 1;
                    recent.push(event);
                }
                // One of its group's last, or of the last of the group before it.
                Step::Again(back) => {
                    let event = recent.iter().rev().nth(back).filter(|event| now() < event.time + REMEMBERED);
                    event.map(|event| absorbed(&mut digest, event));
                }
                Step::Wait(seconds) => testing::advance(Duration::from_secs(seconds)),
                Step::GiveOut { stored } => drop(take(&mut digest, stored)),
            }
        }
        testing::advance(MINUTE);
        while take(&mut digest, true).0 > 0 {}
        prop_assert_eq!(take(&mut digest, true), (0, published));
        testing::advance(MINUTE * 10);
        prop_assert_eq!(kv::keys("", None, 1000).unwrap(), Vec::<String>::new());
    }
}
