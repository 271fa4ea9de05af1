//! The reference file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchpanel_event::TextSelector;
use patchpanel_router::{RetryPolicy, WhenExceeded};
use patchpanel_runtime::{Isolation, LimitSettings};

use super::super::read;
use super::super::report::Report;
use super::{BUNDLED, parse};

#[test]
fn the_reference_is_valid_complete_and_says_the_defaults() {
    let text = include_str!("../../../../../patchpanel.reference.toml");
    let report = Report::default();
    let config = read(text, Path::new("/base"), &BUNDLED, &report);
    let asked = report.asked();
    let mistakes = report.into_mistakes(text);
    assert!(mistakes.is_empty(), "{mistakes}");

    // Of all plugins together, and of all items of a list, one must show the key.
    let general = |path: &str| -> String {
        let parts = path
            .split('.')
            .enumerate()
            .map(|(index, part)| match (index, part.split_once('[')) {
                (1, _) if path.starts_with("plugins.") => "*",
                (_, Some((list, _))) => list,
                (_, None) => part,
            });
        parts.collect::<Vec<_>>().join(".")
    };
    let keys: BTreeSet<String> = asked.keys().map(|path| general(path)).collect();
    let shown: BTreeSet<String> = asked
        .iter()
        .filter(|(_, found)| **found)
        .map(|(path, _)| general(path))
        .collect();
    assert_eq!(keys.difference(&shown).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(keys.len() > 60 && keys.contains("plugins.*.limits.memory"), "{keys:?}");

    let defaults = parse("").unwrap();
    assert_eq!(config.server, defaults.server);
    assert_eq!(config.limits, defaults.limits);
    assert_eq!(config.store, defaults.store);
    assert_eq!(config.plugins_dir, defaults.plugins_dir);
    let plugin = |name: &str| config.plugins.iter().find(|plugin| plugin.name == name).unwrap();
    let directory = &plugin("log").grants.directories[0].path;
    assert_eq!(directory.components().collect::<PathBuf>(), Path::new("/base"));
    let numbers = TextSelector::default().with_numbers(&["payload.card"]).unwrap();
    assert_eq!(config.ingress[0].fields, numbers.with_keys(&["payload.**"]).unwrap());
    let minimal = "subscriptions = [{ name = 'a', channel = 'b' }, { name = 'c', pull = {} }]
        channels = [{ name = 'b', plugin = 'log' }]";
    let minimal = parse(minimal).unwrap();
    let (shown, default) = (&config.subscriptions[0], &minimal.subscriptions[0]);
    assert_eq!(
        (
            shown.min_level,
            shown.priority,
            shown.start,
            RetryPolicy {
                max_age: None,
                ..shown.retry
            },
            shown.concurrency,
            shown.batch
        ),
        (
            default.min_level,
            default.priority,
            default.start,
            default.retry,
            default.concurrency,
            default.batch
        )
    );
    let throttle = shown.throttle.unwrap();
    assert_eq!(
        (throttle.per, throttle.burst, throttle.when_exceeded),
        (Duration::from_secs(1), throttle.rate, WhenExceeded::default())
    );
    assert_eq!(config.subscriptions[1].target, minimal.subscriptions[1].target);
    let (shown, default) = (&config.channels[0], &minimal.channels[0]);
    assert_eq!(
        (shown.min_level, shown.concurrency, shown.breaker),
        (default.min_level, default.concurrency, default.breaker)
    );
    let limits = patchpanel_runtime::Limits::default();
    let redact = plugin("redact");
    assert_eq!(redact.isolation, Isolation::default());
    assert_eq!(
        redact.limits,
        LimitSettings {
            memory: Some(limits.memory),
            table_elements: Some(limits.table_elements),
            instances: Some(limits.instances),
            memories: Some(limits.memories),
            tables: Some(limits.tables),
            stack: Some(limits.stack),
            deadline: Some(limits.deadline),
            item_deadline: Some(limits.item_deadline),
            output: Some(limits.output),
            log_lines: Some(limits.log_lines),
            log_bytes: Some(limits.log_bytes),
            log_line_bytes: Some(limits.log_line_bytes),
            http_requests: Some(limits.http_requests),
            http_concurrency: Some(limits.http_concurrency),
            http_request_body: Some(limits.http_request_body),
            http_response_body: Some(limits.http_response_body),
            kv_keys: Some(limits.kv_keys),
            kv_bytes: Some(limits.kv_bytes),
            mails: Some(limits.mails),
            notifications: Some(limits.notifications),
            recycle_after: Some(limits.recycle_after),
            recycle_memory: Some(limits.recycle_memory),
            recycle_age: Some(limits.recycle_age),
        }
    );
}
