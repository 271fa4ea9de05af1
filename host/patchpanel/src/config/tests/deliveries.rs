//! How deliveries are made, and subscriptions that are defined while the router runs.

use std::num::{NonZeroU32, NonZeroUsize};

use patchpanel_router::{BreakerPolicy, Consumers, PullPlan, Start, Throttle, WhenExceeded};
use serde_json::Value;

use super::*;

const CHANNEL: &str = "channels = [{ name = 'out', plugin = 'console', aliases = ['o'] }]\n";

/// The subscription that has these keys beside its name.
fn subscription(keys: &str) -> SubscriptionConfig {
    let config = parse(&format!("{CHANNEL}[[subscriptions]]\nname = 's'\n{keys}")).unwrap();
    config.subscriptions[0].clone()
}

fn count(number: u32) -> NonZeroU32 {
    number.try_into().unwrap()
}

#[test]
fn every_way_to_deliver_is_read() {
    let plain = subscription("channel = 'o'");
    assert_eq!(plain.target, Target::Channel("out".to_owned()));
    assert_eq!(
        (
            plain.start,
            plain.throttle,
            &plain.ordering,
            plain.expires_after,
            plain.retry.max_age
        ),
        (Start::Latest, None, &None, None, None)
    );
    let full = subscription(
        "channel = 'out'\nordering = { key = 'payload.user.id' }\nexpires_after = '1h'\nretry.max_age = '12h'\n\
         throttle = { rate = 5, per = '1m', burst = 9, when_exceeded = 'dead-letter' }",
    );
    let throttle = Throttle {
        rate: count(5),
        per: Duration::from_secs(60),
        burst: count(9),
        when_exceeded: WhenExceeded::DeadLetter,
    };
    assert_eq!(full.throttle, Some(throttle));
    assert_eq!(full.ordering.unwrap().to_string(), "payload.user.id");
    assert_eq!(
        (full.expires_after, full.retry.max_age),
        (Some(Duration::from_secs(3_600)), Some(Duration::from_secs(12 * 3_600)))
    );
    let short = subscription("channel = 'out'\nthrottle.rate = 7\nordering = 'none'");
    let throttle = Throttle {
        rate: count(7),
        per: Duration::from_secs(1),
        burst: count(7),
        when_exceeded: WhenExceeded::Delay,
    };
    assert_eq!((short.throttle, short.ordering), (Some(throttle), None));
    assert_eq!(subscription("pull = {}").target, Target::Pull(PullPlan::default()));
    let pull = PullPlan {
        consumers: Consumers::Failover,
        lease: Duration::from_secs(5),
        most_leased: NonZeroUsize::new(7).unwrap(),
    };
    let keys = "pull = { consumers = 'failover', lease = '5s', most_leased = 7 }";
    assert_eq!(subscription(keys).target, Target::Pull(pull));
    for (start, expected) in [
        ("'latest'", Start::Latest),
        ("'earliest'", Start::Earliest),
        ("{ sequence = 17 }", Start::Sequence(17)),
        ("{ time = '1970-01-01T00:00:01Z' }", Start::Time(1_000_000_000)),
        ("{ time = 1970-01-01T01:00:01+01:00 }", Start::Time(1_000_000_000)),
    ] {
        assert_eq!(
            subscription(&format!("pull = {{}}\nstart = {start}")).start,
            expected,
            "{start}"
        );
    }
    let breaker = "channels = [{ name = 'o', plugin = 'console', breaker = { failures = 2, base = '5s' } }]";
    let expected = BreakerPolicy {
        failures: count(2),
        base: Duration::from_secs(5),
        ..BreakerPolicy::default()
    };
    assert_eq!(parse(breaker).unwrap().channels[0].breaker, expected);
}

#[test]
fn the_store_is_a_file_or_memory() {
    let memory = parse("store.kind = 'memory'").unwrap().store;
    assert_eq!(
        (memory.path, memory.keep_bytes, memory.budget),
        (None, 64 << 20, 512 << 20)
    );
    let file = "store = { path = 'data/p.db', retention = { age = '1h', size = '1GiB' }, disk_budget = '2GiB' }";
    let expected = StoreConfig {
        path: Some(PathBuf::from("/base/data/p.db")),
        keep_for: Duration::from_secs(3_600),
        keep_bytes: 1 << 30,
        budget: 2 << 30,
    };
    assert_eq!(parse(file).unwrap().store, expected);
    let small = parse("store.disk_budget = '100MiB'").unwrap().store;
    assert_eq!(small.keep_bytes, 50 << 20);
}

#[test]
fn mistakes_in_how_to_deliver_have_a_place_and_a_fix() {
    for (keys, message, help) in [
        (
            "",
            "`channel` is missing",
            "add channel = \"...\", or pull = {} for consumers that fetch",
        ),
        (
            "channel = 'out'\npull = {}",
            "a subscription has a channel or consumers that pull, not both in `subscriptions[0].pull`",
            "keep either `channel` or `pull`",
        ),
        (
            "pull = {}\nthrottle = { rate = 1 }",
            "means nothing where consumers pull in `subscriptions[0].throttle`",
            "leave it out",
        ),
        (
            "pull = {}\nbatch = 1",
            "means nothing where consumers pull in `subscriptions[0].batch`",
            "leave it out",
        ),
        (
            "pull.consumers = 'exclusiv'",
            "not a value that is known here in `subscriptions[0].pull.consumers`",
            "did you mean \"exclusive\"?",
        ),
        (
            "pull.lease = '1ms'",
            "out of bounds in `subscriptions[0].pull.lease`",
            "from \"1s\"",
        ),
        (
            "channel = 'out'\nthrottle = {}",
            "`rate` is missing in `subscriptions[0].throttle`",
            "add rate = 100",
        ),
        (
            "channel = 'out'\nordering = 'subject'",
            "not a value that is known here in `subscriptions[0].ordering`",
            "write \"none\" or { key = \"subject\" }",
        ),
        (
            "channel = 'out'\nordering = { key = 'sbject' }",
            "not a field of an event in `subscriptions[0].ordering.key`",
            "`sbject` is not a field of an event",
        ),
        (
            "channel = 'out'\nstart = 'soon'",
            "not a value that is known here in `subscriptions[0].start`",
            "write \"latest\" or \"earliest\" or { sequence = 17 }",
        ),
        (
            "channel = 'out'\nstart = { sequence = 1, time = '2026-01-31T12:00:00Z' }",
            "a start is one place in `subscriptions[0].start`",
            "write { sequence = 17 } or",
        ),
        (
            "channel = 'out'\nstart.time = 2026-01-31",
            "not a point in time in `subscriptions[0].start.time`",
            "write it with its offset",
        ),
        (
            "channel = 'out'\n[store]\nmax_events = 1",
            "this key is gone in `store.max_events`",
            "write disk_budget = \"20GiB\"",
        ),
        (
            "channel = 'out'\n[store]\nkind = 'memory'\npath = 'x'",
            "means nothing to a store in memory in `store.path`",
            "leave it out",
        ),
    ] {
        let said = said(&format!("{CHANNEL}[[subscriptions]]\nname = 's'\n{keys}"));
        assert!(said.contains(message) && said.contains(help), "{keys}: {said}");
        assert_eq!(said.matches("help").count(), 1, "{said}");
    }
}

fn define(config: &Config, definition: &Value) -> Result<Config, Mistakes> {
    let mut config = config.clone();
    config.add_subscription(definition.as_object().unwrap())?;
    Ok(config)
}

#[test]
fn a_definition_is_an_entry_in_json() {
    let text = format!("{CHANNEL}[[subscriptions]]\nname = 'taken'\npull = {{}}");
    let config = parse(&text).unwrap();
    let definition = json!({
        "name": "new", "channel": "o", "filter": {"payload.a": [null, 7]}, "transforms": ["redact"],
        "retry": {"attempts": 3}, "start": {"time": "2026-01-31T12:00:00Z"}, "recipients": ["a\n\u{7f}\"b"],
    });
    let more = define(&config, &definition).unwrap();
    let subscription = &more.subscriptions[1];
    assert_eq!(
        subscription.filter.as_ref().unwrap().to_string(),
        r#"{"payload.a":[null,7]}"#
    );
    assert_eq!(subscription.recipients, ["a\n\u{7f}\"b"]);
    assert_eq!(more.units.last().unwrap().id, "subscription new transform redact");
    assert!(more.plugins.iter().any(|plugin| plugin.name == "redact"));
    assert_eq!(
        Value::from(subscription.describe(&more)),
        json!({
            "name": "new", "filter": {"payload.a": [null, 7]}, "transforms": ["redact"], "channel": "out",
            "recipients": ["a\n\u{7f}\"b"], "concurrency": 4, "batch": 64, "start": {"time": "2026-01-31T12:00:00Z"},
            "retry": {"attempts": 3, "base": "1s", "cap": "5m"},
        })
    );
    for name in ["taken", "new"] {
        let said = define(&more, &json!({"name": name, "pull": {}}))
            .unwrap_err()
            .in_a_line();
        assert!(
            said.contains(&format!("the name `{name}` is taken in `name`")),
            "{said}"
        );
    }
    let mut less = more;
    less.remove_subscription("new");
    assert_eq!(
        (less.subscriptions.len(), less.units.len(), less.plugins.len()),
        (1, config.units.len(), config.plugins.len())
    );
    assert!(define(&less, &definition).is_ok());
}

#[test]
fn all_mistakes_of_a_definition_come_at_once() {
    let config = parse(CHANNEL).unwrap();
    let definition = json!({
        "name": "a b", "chanel": "out", "filter": {"sorce": ["x"], "type": [{"prefx": "y"}]},
        "retry": {"attempts": 0, "base": null}, "transforms": [{"transform": "redakt"}],
    });
    let mistakes = define(&config, &definition).unwrap_err().without_places();
    let paths: std::collections::BTreeSet<_> = mistakes
        .as_array()
        .unwrap()
        .iter()
        .map(|mistake| (mistake["path"].as_str().unwrap(), mistake["message"].as_str().unwrap()))
        .collect();
    let expected = [
        ("", "`channel` is missing"),
        ("", "unknown key `chanel`"),
        ("filter.sorce", "events have no field `sorce`"),
        ("filter.type[0].prefx", "unknown operator `prefx`"),
        ("name", "not a name"),
        ("retry.attempts", "out of bounds"),
        ("retry.base", "null means nothing here"),
        ("transforms[0].transform", "there is no plugin `redakt`"),
    ];
    assert_eq!(paths, expected.into_iter().collect());
}
