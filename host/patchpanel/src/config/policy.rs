//! How deliveries are made: `retry`, `breaker`, `throttle`, `ordering`, `pull`, `start`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use patchpanel_event::{FieldPath, parse_time};
use patchpanel_router::{BreakerPolicy, Consumers, PullPlan, RetryPolicy, Start, Throttle, WhenExceeded};
use toml::de::DeValue;

use super::node::{Node, Section};
use super::quantity::duration_text;
use super::routes::non_zero;

const MOST_ATTEMPTS: u32 = 1_000_000;
/// Most deliveries that the consumers of a subscription hold at once; they are kept in memory.
const MOST_LEASED: u32 = 100_000;
/// Shortest time that a consumer gets for a delivery.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

pub(super) fn retry(section: &Section<'_>) -> RetryPolicy {
    let defaults = RetryPolicy::default();
    let attempts = section.get("attempts").and_then(|node| node.count(MOST_ATTEMPTS));
    let (base, cap) = waits(section, (defaults.base, defaults.cap));
    RetryPolicy {
        attempts: attempts.and_then(NonZeroU32::new).unwrap_or(defaults.attempts),
        base,
        cap,
        max_age: section.get("max_age").and_then(|node| node.duration(MOMENT)),
    }
}

pub(super) fn breaker(section: &Section<'_>) -> BreakerPolicy {
    let defaults = BreakerPolicy::default();
    let failures = section.get("failures").and_then(|node| node.count(MOST_ATTEMPTS));
    let (base, cap) = waits(section, (defaults.base, defaults.cap));
    BreakerPolicy {
        failures: failures.and_then(NonZeroU32::new).unwrap_or(defaults.failures),
        base,
        cap,
    }
}

/// The first wait and the longest one.
fn waits(section: &Section<'_>, defaults: (Duration, Duration)) -> (Duration, Duration) {
    let wait = |key| section.get(key).and_then(|node| node.duration(MOMENT));
    let (base, cap) = (wait("base").unwrap_or(defaults.0), wait("cap").unwrap_or(defaults.1));
    if base > cap {
        let help = format!("make `cap` longer; its default is \"{}\"", duration_text(defaults.1));
        section.lacks::<()>("`base`, the first wait, is longer than `cap`", help);
    }
    (base, cap)
}

pub(super) fn throttle(node: &Node<'_>) -> Option<Throttle> {
    node.section(|section| {
        let count = |node: Option<Node<'_>>| node.and_then(|node| node.count(u32::MAX)).and_then(NonZeroU32::new);
        let rate = count(section.require("rate", "100"));
        let per = section.get("per").and_then(|node| node.duration(MOMENT));
        let burst = count(section.get("burst"));
        let when_exceeded = section.get("when_exceeded").and_then(|node| {
            node.choice(&[
                ("delay", WhenExceeded::Delay),
                ("drop", WhenExceeded::Drop),
                ("dead-letter", WhenExceeded::DeadLetter),
            ])
        });
        let rate = rate?;
        Some(Throttle {
            rate,
            per: per.unwrap_or(Duration::from_secs(1)),
            burst: burst.unwrap_or(rate),
            when_exceeded: when_exceeded.unwrap_or_default(),
        })
    })
    .flatten()
}

/// `"none"`, or the field that says what belongs together.
pub(super) fn ordering(node: &Node<'_>) -> Option<FieldPath> {
    match node.value {
        DeValue::Table(_) => node
            .section(|section| {
                let key = section.require("key", "\"subject\"")?;
                let path = key.text()?;
                match FieldPath::parse(path) {
                    Ok(path) => Some(path),
                    Err(error) => key.refuse("not a field of an event", error.to_string()),
                }
            })
            .flatten(),
        _ => node.choice_or(&[("none", None)], "{ key = \"subject\" }").flatten(),
    }
}

pub(super) fn pull(section: &Section<'_>) -> PullPlan {
    let defaults = PullPlan::default();
    let consumers = section.get("consumers").and_then(|node| {
        node.choice(&[
            ("shared", Consumers::Shared),
            ("exclusive", Consumers::Exclusive),
            ("failover", Consumers::Failover),
        ])
    });
    let most_leased: Option<NonZeroUsize> = section.get("most_leased").and_then(|node| non_zero(&node, MOST_LEASED));
    PullPlan {
        consumers: consumers.unwrap_or(defaults.consumers),
        lease: section
            .get("lease")
            .and_then(|node| node.duration(SHORTEST_LEASE))
            .unwrap_or(defaults.lease),
        most_leased: most_leased.unwrap_or(defaults.most_leased),
    }
}

pub(super) fn start(node: &Node<'_>) -> Option<Start> {
    const PLACES: &str = "{ sequence = 17 } or { time = \"2026-01-31T12:00:00Z\" }";
    match node.value {
        DeValue::Table(_) => node
            .section(|section| match (section.get("sequence"), section.get("time")) {
                (Some(sequence), None) => {
                    let number = sequence.integer(0..=i64::MAX)?;
                    u64::try_from(number).ok().map(Start::Sequence)
                }
                (None, Some(time)) => self::time(&time).map(Start::Time),
                _ => section.lacks("a start is one place", format!("write {PLACES}")),
            })
            .flatten(),
        _ => node.choice_or(&[("latest", Start::Latest), ("earliest", Start::Earliest)], PLACES),
    }
}

/// A point in time, as a text or as TOML writes it.
fn time(node: &Node<'_>) -> Option<u64> {
    let written = match node.value {
        DeValue::Datetime(time) => Some(time.to_string()),
        _ => node.text().map(str::to_owned),
    };
    match parse_time(&written?) {
        Some(time) => Some(time),
        None => node.refuse(
            "not a point in time",
            "write it with its offset and between 1970 and 2554, such as \"2026-01-31T12:00:00Z\"",
        ),
    }
}
