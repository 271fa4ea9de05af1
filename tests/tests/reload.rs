//! Hot reload: new files take over between two batches or not at all, while events flow.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use patchpanel_tests::{Router, component, wait_for};
use serde_json::{Value, json};

const CONFIG: &str = r#"
[[ingress]]
transform = "stamp"

[[channels]]
name = "audit"
plugin = "log"
config = { path = "audit.ndjson" }

[[subscriptions]]
name = "all"
channel = "audit"
transforms = ["mark"]
"#;

/// The same component as another revision.
fn revision(guest: &str, number: u32) -> Vec<u8> {
    let mut bytes = component(guest);
    let old = b"REVISION-0000";
    let new = format!("REVISION-{number:04}");
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| window == old)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{guest} holds its revision as data");
    for at in places {
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}

fn start() -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    fs::create_dir(&plugins).unwrap();
    fs::write(plugins.join("stamp.wasm"), component("marker-redactor")).unwrap();
    fs::write(plugins.join("mark.wasm"), component("marker-transform")).unwrap();
    let router = Router::start(directory.path(), CONFIG);
    (directory, router)
}

fn serving(router: &Router, name: &str) -> String {
    router.plugin(name)["revision"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn fifty_revisions_take_over_under_traffic_and_nothing_is_lost_doubled_or_refused() {
    let (_directory, router) = start();
    let (done, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..2)
            .map(|publisher| {
                let (router, done, sent) = (&router, &done, &sent);
                scope.spawn(move || {
                    for number in 0.. {
                        // Some alone, some in batches: all of a request pass the same revisions.
                        let count = if number % 3 == 0 { 20 } else { 1 };
                        let events: Vec<Value> = (0..count).map(|part| json!({"id": format!("{publisher}-{number}-{part}"), "type": "t", "message": "by STAMP"})).collect();
                        router.publish(&json!(events));
                        sent.fetch_add(count, Ordering::Relaxed);
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                    }
                })
            })
            .collect();
        for number in 1..=50 {
            let before = (serving(&router, "stamp"), serving(&router, "mark"));
            router.drop_plugin("stamp", &revision("marker-redactor", number));
            router.drop_plugin("mark", &revision("marker-transform", number));
            wait_for("both to take over", || {
                (serving(&router, "stamp") != before.0 && serving(&router, "mark") != before.1).then_some(())
            });
        }
        done.store(true, Ordering::Relaxed);
        for publisher in publishers {
            publisher.join().unwrap();
        }
    });
    let stats = router.settled();
    let events = router.lines("audit.ndjson");
    assert_eq!(events.len() as u64, sent.load(Ordering::Relaxed), "{stats}");
    let mut ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "each exactly once");
    let mut by_request: HashMap<String, Vec<&str>> = HashMap::new();
    for event in &events {
        let stamp = event["message"]
            .as_str()
            .unwrap()
            .strip_prefix("by REVISION-")
            .unwrap_or_else(|| panic!("{event}"));
        assert!(stamp.len() == 4 && stamp.parse::<u32>().unwrap() <= 50, "{event}");
        assert!(
            event["metadata"]["revision"].as_str().unwrap().starts_with("REVISION-"),
            "{event}"
        );
        let request = event["id"].as_str().unwrap().rsplit_once('-').unwrap().0;
        by_request.entry(request.to_owned()).or_default().push(stamp);
    }
    assert!(
        by_request
            .values()
            .all(|stamps| stamps.iter().all(|stamp| stamp == &stamps[0])),
        "a request passes one revision"
    );
    let used: std::collections::HashSet<&str> = by_request.values().map(|stamps| stamps[0]).collect();
    assert!(used.len() > 10, "traffic went through many revisions: {}", used.len());
}

#[test]
fn what_is_not_sound_leaves_the_old_revision_serving_and_says_why() {
    let (directory, router) = start();
    let plugins = directory.path().join("plugins.d");
    let good = serving(&router, "stamp");
    let component_bytes = component("marker-redactor");
    let cases: [(&str, Vec<u8>, &str); 6] = [
        (
            "garbage",
            b"this is no component".to_vec(),
            "not a WebAssembly component",
        ),
        ("empty", Vec::new(), "not a WebAssembly component"),
        (
            "half of it",
            component_bytes[..component_bytes.len() / 2].to_vec(),
            "not a WebAssembly component",
        ),
        (
            "a component that is no plugin",
            component("wrong-world"),
            "does not declare itself",
        ),
        (
            "imports that redactors do not get",
            component("undeclared-import"),
            "does not fit the world `redactor-plugin`",
        ),
        (
            "a channel",
            component("console"),
            "declares itself as a channel, but a redactor or transform is needed here",
        ),
    ];
    for (what, bytes, reason) in cases {
        router.drop_plugin("stamp", &bytes);
        let status = wait_for(what, || {
            Some(router.plugin("stamp"))
                .filter(|status| status["error"].as_str().is_some_and(|error| error.contains(reason)))
        });
        assert_eq!(
            (&status["state"], status["revision"].as_str().unwrap()),
            (&json!("degraded"), good.as_str()),
            "{what}: {status}"
        );
        let (code, answer) = router.post(
            &[("content-type", "application/json")],
            r#"{"type":"t","message":"STAMP"}"#,
        );
        assert_eq!(code, 202, "{what}: {answer}");
    }
    // Written in place, as a careless copy does, and so large that it is not even read.
    let huge = fs::File::create(plugins.join("stamp.wasm")).unwrap();
    huge.set_len((64 << 20) + 1).unwrap();
    let status = wait_for("the size limit", || {
        Some(router.plugin("stamp")).filter(|status| {
            status["error"]
                .as_str()
                .is_some_and(|error| error.contains("more than the 67108864 that are allowed"))
        })
    });
    assert_eq!(status["revision"].as_str().unwrap(), good);
    // Gone: what serves stays. Sound again: it takes over and the complaint is gone.
    fs::remove_file(plugins.join("stamp.wasm")).unwrap();
    assert_eq!(router.post(&[], r#"{"type":"t"}"#).0, 202);
    router.drop_plugin("stamp", &revision("marker-redactor", 7));
    wait_for("the next good one", || {
        (serving(&router, "stamp") != good).then_some(())
    });
    assert_eq!(router.plugin("stamp")["state"], "ready");
    router.publish(&json!({"id": "last", "type": "t", "message": "STAMP"}));
    router.settled();
    let last = router
        .lines("audit.ndjson")
        .into_iter()
        .find(|event| event["id"] == "last")
        .unwrap();
    assert_eq!(last["message"], "REVISION-0007");
}

#[test]
fn half_written_files_are_taken_once_they_are_whole() {
    let (directory, router) = start();
    let good = serving(&router, "stamp");
    let file = directory.path().join("plugins.d/stamp.wasm");
    let bytes = revision("marker-redactor", 3);
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    wait_for("the refusal", || {
        (router.plugin("stamp")["state"] == "degraded").then_some(())
    });
    fs::write(&file, &bytes).unwrap();
    wait_for("the whole file", || (serving(&router, "stamp") != good).then_some(()));
    assert_eq!(router.plugin("stamp")["state"], "ready");
}

#[test]
fn swapped_symlinks_are_followed_as_kubernetes_swaps_them() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    for (version, number) in [("..v1", 1), ("..v2", 2)] {
        fs::create_dir_all(plugins.join(version)).unwrap();
        fs::write(
            plugins.join(version).join("stamp.wasm"),
            revision("marker-redactor", number),
        )
        .unwrap();
    }
    std::os::unix::fs::symlink("..v1", plugins.join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/stamp.wasm", plugins.join("stamp.wasm")).unwrap();
    fs::write(plugins.join("mark.wasm"), component("marker-transform")).unwrap();
    let router = Router::start(directory.path(), CONFIG);
    let first = serving(&router, "stamp");
    std::os::unix::fs::symlink("..v2", plugins.join("..tmp")).unwrap();
    fs::rename(plugins.join("..tmp"), plugins.join("..data")).unwrap();
    wait_for("the swapped directory", || {
        (serving(&router, "stamp") != first).then_some(())
    });
}
