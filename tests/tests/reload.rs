//! Hot reload: new files take over between two batches or not at all, while events flow.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use patchpanel_tests::{Router, component, revision, wait_for};
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

fn start() -> (tempfile::TempDir, Router) {
    start_with("")
}

/// The same, with more in its configuration.
fn start_with(settings: &str) -> (tempfile::TempDir, Router) {
    let directory = tempfile::tempdir().unwrap();
    let plugins = directory.path().join("plugins.d");
    fs::create_dir(&plugins).unwrap();
    fs::write(plugins.join("stamp.wasm"), component("marker-redactor")).unwrap();
    fs::write(plugins.join("mark.wasm"), component("marker-transform")).unwrap();
    let router = Router::start(directory.path(), &format!("{CONFIG}{settings}"));
    (directory, router)
}

fn serving(router: &Router, name: &str) -> String {
    router.plugin(name)["revision"].as_str().unwrap_or_default().to_owned()
}

/// In CI; `tests/reload-loop` does a thousand.
const RELOADS: u32 = 50;
/// How long latencies are taken without any reload, to be compared with.
const QUIET: Duration = Duration::from_secs(2);
const PUBLISHERS: u64 = 2;
/// Each publisher begins a request so often, so that a longer run means more reloads and not a fuller machine.
const EVERY: Duration = Duration::from_millis(10);

fn reloads() -> u32 {
    std::env::var("PATCHPANEL_RELOADS").map_or(RELOADS, |count| count.parse().unwrap())
}

/// Kilobytes that the router has resident.
fn resident(router: &Router) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", router.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What publishers saw: how many events they sent, and how long each request took.
#[derive(Default)]
struct Published {
    events: u64,
    took: Vec<Duration>,
}

impl Published {
    /// Sends one request of several events, which must all pass the same revisions.
    fn send(&mut self, router: &Router, publisher: &str) {
        let number = self.took.len();
        let count = if number.is_multiple_of(3) { 20 } else { 1 };
        let event = |part| json!({"id": format!("{publisher}-{number}-{part}"), "type": "t", "message": "by STAMP"});
        let events: Vec<Value> = (0..count).map(event).collect();
        let started = Instant::now();
        router.publish(&json!(events));
        self.took.push(started.elapsed());
        self.events += count;
    }

    fn p99(&mut self) -> Duration {
        self.took.sort_unstable();
        self.took[self.took.len() * 99 / 100]
    }
}

/// Publishes while `work` is under way.
fn published_during(router: &Router, phase: &str, work: impl FnOnce()) -> Published {
    let done = AtomicBool::new(false);
    let publish = |publisher: u64| {
        let mut published = Published::default();
        let mut next = Instant::now();
        while !done.load(Ordering::Relaxed) || published.took.is_empty() {
            published.send(router, &format!("{phase}{publisher}"));
            next = (next + EVERY).max(Instant::now());
            std::thread::sleep(next - Instant::now());
        }
        published
    };
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| scope.spawn(move || publish(number)))
            .collect();
        work();
        done.store(true, Ordering::Relaxed);
        let mut all = Published::default();
        for publisher in publishers {
            let published = publisher.join().unwrap();
            all.events += published.events;
            all.took.extend(published.took);
        }
        all
    })
}

/// Prints the latencies of publishing with and without reloads; they are no condition, because machines differ.
#[test]
fn revisions_take_over_under_traffic_and_nothing_is_lost_doubled_refused_or_kept() {
    let (_directory, router) = start();
    let mut quiet = published_during(&router, "quiet", || std::thread::sleep(QUIET));
    let mut settled_at = 0;
    let started = Instant::now();
    let mut busy = published_during(&router, "busy", || {
        for number in 1..=reloads() {
            let before = (serving(&router, "stamp"), serving(&router, "mark"));
            router.drop_plugin("stamp", &revision("marker-redactor", number));
            router.drop_plugin("mark", &revision("marker-transform", number));
            wait_for("both to take over", || {
                (serving(&router, "stamp") != before.0 && serving(&router, "mark") != before.1).then_some(())
            });
            // What is there once and for all is there by then.
            if number == reloads() / 5 {
                settled_at = resident(&router);
            }
        }
    });
    let grown = resident(&router).saturating_sub(settled_at);
    eprintln!(
        "{} reloads of two plugins in {:?}: p99 of {} requests {:?} without and of {} {:?} with them; {grown} KiB more \
         than after the first fifth",
        reloads(),
        started.elapsed(),
        quiet.took.len(),
        quiet.p99(),
        busy.took.len(),
        busy.p99(),
    );
    assert!(grown < 96 << 10, "{grown} KiB more after {} reloads", reloads());
    let stats = router.settled();
    let events = router.lines("audit.ndjson");
    assert_eq!(events.len() as u64, quiet.events + busy.events, "{stats}");
    assert_each_request_passed_one_revision(&events);
}

/// And each event exactly once.
fn assert_each_request_passed_one_revision(events: &[Value]) {
    let mut ids: Vec<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "each exactly once");
    let mut by_request: HashMap<String, Vec<&str>> = HashMap::new();
    for event in events {
        let stamp = event["message"]
            .as_str()
            .unwrap()
            .strip_prefix("by REVISION-")
            .unwrap_or_else(|| panic!("{event}"));
        assert!(
            stamp.len() == 4 && stamp.parse::<u32>().unwrap() <= reloads(),
            "{event}"
        );
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

/// A component with a declaration in front of the one that it may have.
fn declared(component: &[u8], declaration: &Value) -> Vec<u8> {
    const NAME: &[u8] = b"patchpanel-plugin";
    let content = [
        &[u8::try_from(NAME.len()).unwrap()],
        NAME,
        declaration.to_string().as_bytes(),
    ]
    .concat();
    let (head, rest) = component.split_at(8);
    let mut bytes = [head, &[0]].concat();
    // The section's length, seven bits at a time.
    let mut left = content.len();
    while left >= 0x80 {
        bytes.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap());
    [bytes.as_slice(), &content, rest].concat()
}

/// Waits until the newest file of `stamp` is refused for this reason.
fn refused(router: &Router, reason: &str) -> Value {
    wait_for(reason, || {
        Some(router.plugin("stamp"))
            .filter(|status| status["error"].as_str().is_some_and(|error| error.contains(reason)))
    })
}

#[test]
fn what_is_not_sound_leaves_the_old_revision_serving_and_says_why() {
    let (directory, router) = start();
    let plugins = directory.path().join("plugins.d");
    let good = serving(&router, "stamp");
    let sound = component("marker-redactor");
    let says = |kind: &str, api: &str| json!({"api": api, "name": "stamp", "version": "1.0.0", "kind": kind});
    let mut untrue = says("redactor", "0.1.0");
    untrue["examples"] = json!([{"text": "STAMP", "expect": "REVISION-9999"}]);
    let cases = [
        (b"this is no component".to_vec(), "not a WebAssembly component"),
        (Vec::new(), "not a WebAssembly component"),
        (sound[..sound.len() / 2].to_vec(), "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0".to_vec(), "it is a core module"),
        (component("wrong-world"), "does not declare itself"),
        (
            declared(&component("wrong-world"), &says("redactor", "0.1.0")),
            "does not fit the world `redactor-plugin`: no exported instance",
        ),
        (
            component("undeclared-import"),
            "does not fit the world `redactor-plugin`: component imports instance `patchpanel:plugin/kv@0.1.0`",
        ),
        (
            component("console"),
            "declares itself as a channel, but a redactor or transform is needed here",
        ),
        (
            declared(&sound, &says("redactor", "7.0.0")),
            "built against version 7.0.0 of the plugin contract; this router speaks 0.1.0",
        ),
        (
            declared(&sound, &json!({"api": "0.1.0"})),
            "declaration is wrong: missing field `name`",
        ),
        (
            declared(&sound, &untrue),
            "its own example 0 did not come out as declared",
        ),
    ];
    let count = cases.len();
    let post = || router.publish(&json!({"type": "t", "message": "STAMP"}));
    for (bytes, reason) in cases {
        router.drop_plugin("stamp", &bytes);
        let status = refused(&router, reason);
        assert_eq!(
            (&status["state"], status["revision"].as_str().unwrap()),
            (&json!("degraded"), good.as_str()),
            "{status}"
        );
        post();
        // What serves is put back, and the complaint is gone.
        router.drop_plugin("stamp", &sound);
        wait_for("the complaint to go", || {
            (router.plugin("stamp")["state"] == "ready").then_some(())
        });
    }
    // Written in place, as a careless copy does, and so large that it is not even read.
    let huge = fs::File::create(plugins.join("stamp.wasm")).unwrap();
    huge.set_len((64 << 20) + 1).unwrap();
    let status = refused(&router, "more than the 67108864 that are allowed");
    assert_eq!(status["revision"].as_str().unwrap(), good);
    post();
    // Gone: what serves stays.
    fs::remove_file(plugins.join("stamp.wasm")).unwrap();
    post();
    router.settled();
    let events = router.lines("audit.ndjson");
    assert_eq!(events.len(), count + 2);
    assert!(
        events.iter().all(|event| event["message"] == "REVISION-0000"),
        "{events:?}"
    );
    // Another one takes over, and the complaint is gone.
    router.drop_plugin("stamp", &revision("marker-redactor", 7));
    wait_for("the next good one", || {
        (serving(&router, "stamp") != good).then_some(())
    });
    assert_eq!(router.plugin("stamp")["state"], "ready");
    // It stands in the status a moment before the first event passes it.
    wait_for("an event by it", || {
        post();
        router.settled();
        let last = router.lines("audit.ndjson").pop();
        last.filter(|event| event["message"] == "REVISION-0007")
    });
}

#[test]
fn a_revision_that_never_gets_ready_holds_nothing_up() {
    for (mode, reason) in [
        (
            "configure-loop",
            "the first instance failed: ran past its deadline of 200 ms",
        ),
        (
            "configure-sleep",
            "the first instance failed: ran past its deadline of 200 ms",
        ),
        ("configure-panic", "the first instance failed: panicked or aborted"),
        (
            "configure-refuse",
            "refuses its configuration: mode: nothing is good enough",
        ),
    ] {
        // The marker does not look at its configuration; what comes in its place does.
        let settings =
            format!("[plugins.stamp]\nconfig = {{ mode = \"{mode}\" }}\nlimits = {{ deadline = \"200ms\" }}\n");
        let (_directory, router) = start_with(&settings);
        let (stamp, mark) = (serving(&router, "stamp"), serving(&router, "mark"));
        router.drop_plugin("stamp", &component("hostile-redactor"));
        assert_eq!(refused(&router, reason)["revision"].as_str().unwrap(), stamp, "{mode}");
        router.publish(&json!({"type": "t", "message": "STAMP"}));
        router.drop_plugin("mark", &revision("marker-transform", 5));
        wait_for("the other plugin's next revision", || {
            (serving(&router, "mark") != mark).then_some(())
        });
        router.settled();
        assert_eq!(router.lines("audit.ndjson")[0]["message"], "REVISION-0000", "{mode}");
    }
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
