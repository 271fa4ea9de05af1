#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod allow;
mod deliveries;
mod reference;
mod secrets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use patchpanel_event::{Level, Limits, TextSelector};
use patchpanel_router::{RetryPolicy, Target};
use patchpanel_runtime::{Declaration, DirectoryGrant, Grants, LimitSettings, Role};
use serde_json::json;

use super::*;

const BUNDLED: [&str; 5] = ["redact", "console", "log", "webhook", "dedupe"];
/// What `patchpanel config check` should accept as it is.
const EXAMPLE: &str = r#"
plugins_dir = "plugins.d"

[server]
listen = "127.0.0.1:7077"

[plugins.redact]            # plugins.d/redact.wasm; bundled ones need no file
config = { classes = ["email", "card"], style = "mask" }
limits = { memory = "64MiB", deadline = "250ms" }
allow  = { http = [], secrets = [] }

[[ingress]]
transform = "redact"
fields = ["message", "metadata.**", "payload.**"]

[[channels]]
name = "audit"
plugin = "log"
aliases = ["file"]
min_level = "info"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "failed-logins"
filter = { type = [{ prefix = "auth." }], level = [{ at-least = "warning" }], "payload.attempts" = [{ numeric = [">=", 3] }] }
transforms = []
channel = "audit"
priority = 10
"#;

fn parse(text: &str) -> Result<Config, Mistakes> {
    parse_with(text, Path::new("/base"), &BUNDLED)
}

fn said(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// A file, a line of `=`, and what is said about it.
fn check_fixture(fixture: &str) {
    let (text, expected) = fixture.split_once("=====\n").unwrap();
    let said = said(text);
    assert!(said == expected, "this was said:\n{said}");
}

#[test]
fn all_mistakes_of_a_file_come_at_once() {
    check_fixture(include_str!("../../../tests/config_mistakes.txt"));
}

#[test]
fn broken_syntax_does_not_hide_the_mistakes_of_other_sections() {
    check_fixture(include_str!("../../../tests/config_broken.txt"));
}

#[test]
fn mistakes_are_json_too() {
    let mistakes = parse("[server]\n  lisen = 1\n\n[limits]\ndepth = 0").unwrap_err();
    assert_eq!(
        mistakes.in_file("a.toml").to_json(),
        json!([
            {
                "file": "a.toml", "line": 2, "column": 3, "path": "server",
                "message": "unknown key `lisen`", "help": "did you mean `listen`?",
            },
            {
                "file": "a.toml", "line": 5, "column": 9, "path": "limits.depth",
                "message": "out of bounds", "help": "write a number from 1 to 127",
            },
        ])
    );
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.plugins_dir, Path::new("/base/plugins.d"));
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:7077");
    assert_eq!(config.server.drain, Duration::from_secs(30));
    assert_eq!(config.server.max_body, 16 << 20);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.store.path.as_deref(), Some(Path::new("/base/patchpanel.db")));
    assert_eq!(config.store.keep_for, Duration::from_secs(7 * 24 * 3600));
    assert_eq!((config.store.keep_bytes, config.store.budget), (10 << 30, 20 << 30));
    assert!(config.plugins.is_empty() && config.units.is_empty());
    assert!(config.ingress.is_empty() && config.channels.is_empty() && config.subscriptions.is_empty());
}

#[test]
fn the_example_reads_as_meant() {
    let config = parse(EXAMPLE).unwrap();
    let names: Vec<_> = config.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(names, ["redact", "log"]);
    let limits = LimitSettings {
        memory: Some(64 << 20),
        deadline: Some(Duration::from_millis(250)),
        ..LimitSettings::default()
    };
    assert_eq!(
        (&config.plugins[0].limits, &config.plugins[0].grants),
        (&limits, &Grants::default())
    );
    let uses: Vec<_> = config
        .units
        .iter()
        .map(|unit| (unit.id.as_str(), unit.role, unit.config.clone()))
        .collect();
    assert_eq!(
        uses,
        [
            (
                "ingress redact",
                Role::Transform,
                json!({"classes": ["email", "card"], "style": "mask"})
            ),
            ("channel audit", Role::Channel, json!({"path": "audit.ndjson"})),
        ]
    );
    assert_eq!(config.ingress[0].unit, "ingress redact");
    let selector = TextSelector::new(&["message", "metadata.**", "payload.**"]).unwrap();
    assert_eq!(config.ingress[0].fields, selector);
    let channel = &config.channels[0];
    assert_eq!(
        (channel.unit.as_str(), channel.plugin.as_str(), channel.min_level),
        ("channel audit", "log", Level::Info)
    );
    assert_eq!(
        (channel.aliases.as_slice(), channel.deadline.as_secs()),
        (["file".to_owned()].as_slice(), 35)
    );
    let subscription = &config.subscriptions[0];
    assert_eq!(
        (&subscription.target, subscription.priority),
        (&Target::Channel("audit".to_owned()), 10)
    );
    assert_eq!(
        (subscription.min_level, subscription.retry),
        (Level::Debug, RetryPolicy::default())
    );
    let filter =
        r#"{"level":[{"at-least":"warning"}],"payload.attempts":[{"numeric":[">=",3]}],"type":[{"prefix":"auth."}]}"#;
    assert_eq!(subscription.filter.as_ref().unwrap().to_string(), filter);
}

#[test]
fn bundled_plugins_get_what_they_need_unless_told_otherwise() {
    let text = r#"
        data_dir = "data"
        plugins.quiet = { from = "console", allow.stdout = false }
        plugins.archive = { from = "log" }
        plugins.elsewhere = { from = "log", allow.directories = ["/var/log"] }
        channels = [
            { name = "a", plugin = "console" }, { name = "b", plugin = "quiet" }, { name = "c", plugin = "archive" },
            { name = "d", plugin = "elsewhere" }, { name = "e", plugin = "webhook" },
        ]
        ingress = [{ transform = "dedupe" }]
    "#;
    let config = parse(text).unwrap();
    let grants = |name: &str| {
        config
            .plugins
            .iter()
            .find(|plugin| plugin.name == name)
            .unwrap()
            .grants
            .clone()
    };
    let directory = |path: &str| Grants {
        directories: vec![DirectoryGrant {
            path: path.into(),
            writable: true,
            shown_as: "/".to_owned(),
        }],
        ..Grants::default()
    };
    assert!(grants("console").stdout);
    assert_eq!(grants("quiet"), Grants::default());
    assert_eq!(grants("archive"), directory("/base/data"));
    assert_eq!(grants("elsewhere"), directory("/var/log"));
    assert_eq!(grants("webhook"), Grants::default());
    assert!(grants("dedupe").kv);
}

#[test]
fn bundled_plugins_that_ask_for_kv_get_it() {
    let names = crate::bundled::names();
    for (name, component) in crate::bundled::BUNDLED {
        let asks = Declaration::read(component).unwrap().capabilities;
        let granted = |allow: &str| {
            let text = format!("plugins.{name}.allow = {{ {allow} }}\ningress = [{{ transform = \"{name}\" }}]");
            let config = parse_with(&text, Path::new("/base"), &names).unwrap();
            config.plugins[0].grants.kv
        };
        assert_eq!(granted(""), asks.kv, "{name}");
        assert!(!granted("kv = false"), "{name}");
    }
}

#[test]
fn uses_have_their_own_ids_and_configurations() {
    let text = r#"
        [plugins.redact]
        config = { style = "mask", classes = ["email"] }
        [plugins.unused]
        from = "redact"
        [[ingress]]
        transform = "redact"
        priority = -1
        [[ingress]]
        transform = "redact"
        config.style = "hash"
        [[ingress]]
        transform = "redact"
        priority = 5
        [[channels]]
        name = "out"
        aliases = ["o"]
        plugin = "console"
        [[subscriptions]]
        name = "all"
        channel = "o"
        transforms = ["redact", { transform = "redact", fields = ["subject"], numbers = ["payload.n"], keys = ["metadata.**"],
            report = "redacted", config = { keep = 1979-05-27 } }]
    "#;
    let config = parse(text).unwrap();
    let order: Vec<_> = config
        .ingress
        .iter()
        .map(|step| (step.unit.as_str(), step.priority))
        .collect();
    assert_eq!(
        order,
        [("ingress redact 3", 5), ("ingress redact 2", 0), ("ingress redact", -1)]
    );
    let configs: Vec<_> = config
        .units
        .iter()
        .map(|unit| (unit.id.as_str(), unit.config.clone()))
        .collect();
    assert_eq!(
        configs,
        [
            ("ingress redact", json!({"style": "mask", "classes": ["email"]})),
            ("ingress redact 2", json!({"style": "hash", "classes": ["email"]})),
            ("ingress redact 3", json!({"style": "mask", "classes": ["email"]})),
            ("channel out", json!({})),
            (
                "subscription all transform redact",
                json!({"style": "mask", "classes": ["email"]})
            ),
            (
                "subscription all transform redact 2",
                json!({"style": "mask", "classes": ["email"], "keep": "1979-05-27"})
            ),
        ]
    );
    let subscription = &config.subscriptions[0];
    assert_eq!(subscription.target, Target::Channel("out".to_owned()));
    assert_eq!(subscription.transforms[0].fields, TextSelector::default());
    assert_eq!(
        subscription.transforms[1].fields,
        TextSelector::new(&["subject"])
            .unwrap()
            .with_numbers(&["payload.n"])
            .unwrap()
            .with_keys(&["metadata.**"])
            .unwrap()
    );
    assert_eq!(
        subscription
            .transforms
            .iter()
            .map(|step| step.report.as_deref())
            .collect::<Vec<_>>(),
        [None, Some("redacted")]
    );
    let used: Vec<_> = config.plugins.iter().map(|plugin| plugin.name.as_str()).collect();
    assert_eq!(used, ["redact", "console"]);
}

#[test]
fn plugins_are_bundled_or_files_or_optional() {
    let base = tempfile::tempdir().unwrap();
    std::fs::create_dir(base.path().join("p")).unwrap();
    std::fs::write(base.path().join("p/tickets.wasm"), "").unwrap();
    let read = |text: &str| parse_with(&format!("plugins_dir = \"p\"\n{text}"), base.path(), &BUNDLED);
    let use_of = |name: &str| format!("ingress = [{{ transform = \"{name}\" }}]\n");
    assert!(read(&use_of("tickets")).is_ok());
    assert!(read(&format!("{}plugins.two.from = \"tickets\"", use_of("two"))).is_ok());
    assert!(
        read(&format!("{}plugins.later.optional = true", use_of("later")))
            .unwrap()
            .plugins[0]
            .optional
    );
    for wrong in [
        use_of("ticket"),
        "plugins.ticket = {}".to_owned(),
        "plugins.a.from = \"ticket\"".to_owned(),
    ] {
        let said = read(&wrong).unwrap_err().to_string();
        let help = "did you mean `tickets`? `ticket` is not bundled, and there is no p/ticket.wasm";
        assert!(
            said.contains("there is no plugin `ticket`") && said.contains(help),
            "{said}"
        );
    }
}

#[test]
fn paths_count_from_the_file_and_messages_name_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.toml");
    assert!(load(&file).unwrap_err().to_string().starts_with("cannot read "));
    std::fs::write(&file, "plugins_dir = \"p\"").unwrap();
    assert_eq!(load(&file).unwrap().plugins_dir, dir.path().join("p"));
    std::fs::write(&file, "plugin_dir = \"p\"").unwrap();
    let error = load(&file).unwrap_err();
    let mistakes = error.downcast_ref::<Mistakes>().unwrap().to_string();
    assert!(
        mistakes.starts_with(&format!("{}:1:1: unknown key", file.display())),
        "{mistakes}"
    );
}

#[test]
fn whatever_is_cut_out_of_a_file_the_rest_is_read_and_mistakes_have_places() {
    let lines = EXAMPLE.lines().count();
    let texts = (0..EXAMPLE.len()).flat_map(|at| {
        let (before, after) = EXAMPLE.split_at(at);
        [
            before.to_owned(),
            format!("{before}{}", &after[1..]),
            format!("{before}é{}", &after[1..]),
        ]
    });
    for text in texts {
        if let Err(mistakes) = parse(&text) {
            let said = mistakes.to_string();
            for mistake in mistakes.to_json().as_array().unwrap() {
                let line = usize::try_from(mistake["line"].as_u64().unwrap()).unwrap();
                assert!(
                    (1..=lines + 1).contains(&line) && said.contains(mistake["message"].as_str().unwrap()),
                    "{text}"
                );
            }
        }
    }
}
