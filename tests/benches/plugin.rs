//! What it costs to keep plugins, to start them, and to call them on instances that nobody has used.
//!
//! ```text
//! cargo bench -p patchpanel-tests --bench plugin             # calls
//! cargo bench -p patchpanel-tests --bench plugin -- warm     # calls of these kinds only
//! cargo bench -p patchpanel-tests --bench plugin -- idle     # memory and start
//! ```
//!
//! Calls go to a redactor that scans texts of 220 bytes, one for each event, with all limits on; figures are nanoseconds
//! for each event: the median that passes, and the time of the processor, which others on the machine disturb less. `empty` is a call about one text that the plugin does not look at: what crossing costs.
//! Memory is what the process has resident, so the memory of the plugins themselves is part of it. Starts include all that
//! stands between a file and a plugin that answers, with compiled code in the cache.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use patchpanel_event::{Event, Limits, TextBatch, TextSelector};
use patchpanel_runtime::{
    Generation, Isolation, LimitSettings, PluginSpec, RedactorPlugin, Registry, Role, Runtime, Trust, Unit, UnitSpec,
};
use patchpanel_tests::component;
use serde_json::json;

const BATCHES: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 15;
/// Of one round: long beside the timer.
const TURN: Duration = Duration::from_millis(20);
const IDLE: usize = 100;
const STARTED: usize = 20;

fn main() {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    if std::env::args().any(|argument| argument == "idle") {
        tokio.block_on(idle(directory.path()));
    } else {
        tokio.block_on(calls(directory.path()));
    }
}

async fn calls(directory: &Path) {
    std::fs::write(directory.join("scan.wasm"), component("bench-redactor")).unwrap();
    let ways = [
        ("empty", Isolation::Warm, "nothing"),
        ("warm", Isolation::Warm, "scan"),
        ("per-batch", Isolation::PerBatch, "scan"),
        ("per-event", Isolation::PerEvent, "scan"),
    ];
    let specs = ways.map(|(name, isolation, _)| spec(name, "scan", isolation));
    let units = ways.map(|(name, _, work)| unit(name, work));
    let registry = registry(directory, None);
    let generation = registry
        .configure(specs.into(), units.into())
        .await
        .expect("they start");
    println!(
        "{:10} {:>6} {:>12} {:>12}",
        "isolation", "batch", "ns an event", "of processor"
    );
    let asked = |name: &str| std::env::args().any(|argument| argument == name);
    let some_asked = ways.iter().any(|(name, ..)| asked(name));
    for (name, _, _) in ways.into_iter().filter(|(name, ..)| !some_asked || asked(name)) {
        for batch in BATCHES.into_iter().filter(|batch| name != "empty" || *batch == 1) {
            let texts = texts(batch);
            let plugin = redactor(&generation, name);
            let (passed, used) = measure(batch, || drop(black_box(plugin.redact(black_box(&texts)).unwrap())));
            println!("{name:10} {batch:>6} {passed:>12.0} {used:>12.0}");
        }
    }
}

/// Memory of plugins that nobody calls, and the time to start some.
async fn idle(directory: &Path) {
    let plugins = directory.join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let bytes = component("bench-redactor");
    let names: Vec<String> = (0..IDLE).map(|number| format!("plugin-{number:03}")).collect();
    for name in &names {
        std::fs::write(plugins.join(format!("{name}.wasm")), &bytes).unwrap();
    }
    let cache = directory.join("cache");
    let specs = |names: &[String]| names.iter().map(|name| spec(name, name, Isolation::Warm)).collect();
    let units = |names: &[String]| names.iter().map(|name| unit(name, "scan")).collect();

    let one = registry(&plugins, Some(&cache));
    one.configure(specs(&names[..1]), units(&names[..1]))
        .await
        .expect("it starts");
    let before = resident();
    one.configure(specs(&names), units(&names)).await.expect("they start");
    let after = resident();
    println!("{} idle plugins: {} KiB each", IDLE, (after - before) / (IDLE - 1));
    drop(one);

    for name in &names[STARTED..] {
        std::fs::remove_file(plugins.join(format!("{name}.wasm"))).unwrap();
    }
    let started = Instant::now();
    let few = registry(&plugins, Some(&cache));
    few.configure(specs(&names[..STARTED]), units(&names[..STARTED]))
        .await
        .expect("they start");
    println!(
        "{STARTED} plugins from the cache start in {:.1} ms",
        started.elapsed().as_secs_f64() * 1e3
    );
}

/// In KiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn registry(directory: &Path, cache: Option<&Path>) -> Registry {
    Registry::new(
        Runtime::new(cache, None).unwrap(),
        Some(directory.to_owned()),
        &[],
        Trust::default(),
    )
}

fn spec(name: &str, from: &str, isolation: Isolation) -> PluginSpec {
    PluginSpec {
        name: name.to_owned(),
        from: from.to_owned(),
        isolation,
        limits: LimitSettings {
            // A bench may be interrupted for longer than a router should be.
            deadline: Some(Duration::from_secs(10)),
            ..LimitSettings::default()
        },
        ..PluginSpec::default()
    }
}

fn unit(plugin: &str, work: &str) -> UnitSpec {
    UnitSpec {
        id: plugin.to_owned(),
        plugin: plugin.to_owned(),
        config: json!({"work": work}),
        role: Role::Transform,
    }
}

fn redactor<'g>(generation: &'g Generation, unit: &str) -> &'g Arc<RedactorPlugin> {
    match &generation.units[unit] {
        Unit::Redactor(plugin) => plugin,
        _ => panic!("no redactor"),
    }
}

fn texts(batch: usize) -> TextBatch {
    let selector = TextSelector::new(&["message"]).unwrap();
    let mut texts = TextBatch::default();
    for index in 0..batch {
        let message = "a line of the log that says nothing of anybody; ".repeat(5);
        let event = json!({"id": "1", "time": "2026-01-31T12:00:00Z", "type": "t", "message": &message[..220]});
        let event = Event::parse(event.to_string().into(), &Limits::default()).unwrap();
        texts.push(index, &event, &selector);
    }
    texts
}

/// Nanoseconds an item: the median that passes, and the mean that the processor works.
fn measure(items: usize, mut call: impl FnMut()) -> (f64, f64) {
    let mut time = |calls: u32| {
        let started = Instant::now();
        (0..calls).for_each(|_| call());
        started.elapsed()
    };
    let mut calls = 1;
    while time(calls) < TURN {
        calls *= 2;
    }
    let before = processor();
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| time(calls)).collect();
    let used = (processor() - before) / ROUNDS as u32;
    times.sort();
    let nanos = |time: Duration| time.as_secs_f64() * 1e9 / (f64::from(calls) * items as f64);
    (nanos(times[ROUNDS / 2]), nanos(used))
}

/// What this process has used of it.
fn processor() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let micros = |time: nix::sys::time::TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap());
    micros(usage.user_time()) + micros(usage.system_time())
}
