//! How fast the bundled redactor reads, natively and in the sandbox, by how many texts have something to redact.
//!
//! ```text
//! cargo bench -p patchpanel-tests --bench redact                    # texts that the bench makes
//! cargo bench -p patchpanel-tests --bench redact -- CORPUS.jsonl    # and those of a file: rows with `text`
//! ```
//!
//! Everything with the default configuration: all classes. Texts go in batches of 64, one for each event, as the router
//! hands them over; figures are megabytes of text a second on one thread, the median of several turns, native and sandbox
//! in turns. Native is the same crate, compiled for this machine and called through the SDK's batch code. The answers
//! are compared before anything is measured. Then: what a fresh instance costs, from nothing to its answer about one
//! text, and in how much memory it starts.
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

use patchpanel_event::{Event, Limits, TextBatch, TextSelector};
use patchpanel_plugin::__private::Slot;
use patchpanel_plugin::__private::redactor::exports::patchpanel::plugin::redactor as wit;
use patchpanel_runtime::{
    Generation, Isolation, LimitSettings, PluginSpec, RedactorPlugin, Registry, Role, Runtime, Trust, Unit, UnitSpec,
};
use patchpanel_tests::component;
use plugin_redact::Redact;
use serde_json::{Value, json};

const BATCH: usize = 64;
const ROUNDS: usize = 15;
/// Of one turn: long beside the timer, short beside what disturbs a machine.
const TURN: Duration = Duration::from_millis(10);
const TEXT_BYTES: usize = 500;
/// In per cent: how many texts have something to redact.
const SHARES: [usize; 5] = [0, 1, 10, 50, 100];
/// Texts that are made for each share.
const TEXTS: usize = 64 * 100;
const MEMORY_MIB: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

fn main() {
    let corpus = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("redact.wasm"), component("redact")).unwrap();
    let generation = tokio.block_on(load(directory.path(), Isolation::Warm, None)).unwrap();
    let plugin = redactor(&generation);

    println!(
        "{:24} {:>12} {:>12} {:>8}",
        "texts", "native MB/s", "sandbox MB/s", "times"
    );
    let report = |name: &str, texts: &[String]| {
        let (native, sandbox) = throughput(plugin, texts);
        println!("{name:24} {native:>12.0} {sandbox:>12.0} {:>8.2}", native / sandbox);
    };
    for share in SHARES {
        let texts: Vec<String> = (0..TEXTS).map(|index| text(index, index * 37 % 100 < share)).collect();
        report(&format!("{share} % with findings"), &texts);
    }
    if let Some(corpus) = corpus {
        let texts = read(&corpus);
        let slot = slot();
        let (found, none): (Vec<String>, Vec<String>) = texts.iter().cloned().partition(|text| {
            !slot
                .redact(&native(&batch(std::slice::from_ref(text))))
                .unwrap()
                .edits
                .is_empty()
        });
        report("corpus", &texts);
        report("corpus, with findings", &found);
        report("corpus, without", &none);
    }

    println!();
    let fresh = tokio
        .block_on(load(directory.path(), Isolation::PerBatch, None))
        .unwrap();
    println!("a fresh instance answers in {:.2} ms", start(redactor(&fresh)) * 1e3);
    let fits = |mib: &&usize| {
        let loaded = tokio.block_on(load(directory.path(), Isolation::PerBatch, Some(**mib << 20)));
        loaded.is_ok_and(|generation| redactor(&generation).redact(&batch(&[text(0, true)])).is_ok())
    };
    match MEMORY_MIB.iter().find(fits) {
        Some(mib) => println!("a fresh instance starts and answers in {mib} MiB"),
        None => println!("no fresh instance starts"),
    }
}

/// The redactor in service, with all limits on.
async fn load(directory: &Path, isolation: Isolation, memory: Option<usize>) -> Result<Arc<Generation>, String> {
    let spec = PluginSpec {
        name: "redact".to_owned(),
        from: "redact".to_owned(),
        isolation,
        limits: LimitSettings {
            // A bench may be interrupted for longer than a router should be.
            deadline: Some(Duration::from_secs(10)),
            memory,
            ..LimitSettings::default()
        },
        ..PluginSpec::default()
    };
    let unit = UnitSpec {
        id: "redact".to_owned(),
        plugin: "redact".to_owned(),
        config: json!({}),
        role: Role::Transform,
    };
    let registry = Registry::new(
        Runtime::new(None, None).unwrap(),
        Some(directory.to_owned()),
        &[],
        Trust::default(),
    );
    registry
        .configure(vec![spec], vec![unit])
        .await
        .map_err(|errors| format!("{errors:?}"))
}

fn redactor(generation: &Generation) -> &RedactorPlugin {
    let Unit::Redactor(plugin) = &generation.units["redact"] else {
        panic!("no redactor")
    };
    plugin
}

fn slot() -> Slot<Redact> {
    let slot = Slot::<Redact>::new();
    slot.configure_redactor("{}").unwrap();
    slot
}

/// Megabytes a second, natively and in the sandbox.
fn throughput(plugin: &RedactorPlugin, texts: &[String]) -> (f64, f64) {
    let slot = slot();
    let batches: Vec<TextBatch> = texts.chunks(BATCH).map(batch).collect();
    let natives: Vec<wit::Texts> = batches.iter().map(native).collect();
    for (batch, native) in batches.iter().zip(&natives) {
        let (expected, found) = (slot.redact(native).unwrap(), plugin.redact(batch).unwrap());
        assert_eq!(expected.edits.len(), found.edits.len());
        assert_eq!((&expected.labels, &expected.bytes), (&found.labels, &found.bytes));
    }
    let bytes: usize = texts.iter().map(String::len).sum();
    if bytes == 0 {
        return (f64::NAN, f64::NAN);
    }
    let mut run_native = || {
        natives
            .iter()
            .for_each(|batch| drop(black_box(slot.redact(black_box(batch)).unwrap())))
    };
    let mut run_sandbox = || {
        batches
            .iter()
            .for_each(|batch| drop(black_box(plugin.redact(black_box(batch)).unwrap())))
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        times[0].push(time(&mut run_native));
        times[1].push(time(&mut run_sandbox));
    }
    let [native, sandbox] = times.map(|times| bytes as f64 / 1e6 / median(times));
    (native, sandbox)
}

/// Seconds that one pass takes, of as many as fill a turn.
fn time(work: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    let mut passes = 0u32;
    while passes == 0 || started.elapsed() < TURN {
        work();
        passes += 1;
    }
    started.elapsed().as_secs_f64() / f64::from(passes)
}

/// Seconds from nothing to an answer about one text.
fn start(plugin: &RedactorPlugin) -> f64 {
    let one = batch(&[text(0, true)]);
    let call = |_| {
        let started = Instant::now();
        drop(black_box(plugin.redact(black_box(&one)).unwrap()));
        started.elapsed().as_secs_f64()
    };
    median((0..ROUNDS * 10).map(call).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn batch(texts: &[String]) -> TextBatch {
    let selector = TextSelector::new(&["message"]).unwrap();
    let mut batch = TextBatch::default();
    for (index, text) in texts.iter().enumerate() {
        let event = json!({"id": "1", "time": "2026-01-31T12:00:00Z", "type": "t", "message": text});
        let event = Event::parse(event.to_string().into(), &Limits::default()).unwrap();
        batch.push(index, &event, &selector);
    }
    batch
}

/// The batch in the contract's form.
fn native(batch: &TextBatch) -> wit::Texts {
    wit::Texts {
        paths: batch.paths().to_vec(),
        texts: batch
            .texts()
            .iter()
            .map(|text| wit::Text {
                path: text.path,
                end: text.end,
            })
            .collect(),
        bytes: batch.bytes().to_vec(),
    }
}

fn read(corpus: &str) -> Vec<String> {
    let content = std::fs::read_to_string(corpus).unwrap_or_else(|error| panic!("{corpus}: {error}"));
    let text = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{corpus}: {error}"));
        row["text"].as_str().expect("each row has a text").to_owned()
    };
    content
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(text)
        .collect()
}

/// A log line with numbers, identifiers and times in it, and one of several secrets or none.
fn text(index: usize, has_finding: bool) -> String {
    const FOUND: [&str; 8] = [
        "user anna.smith@example.com was told",
        "call back at +1 202-555-0143",
        "paid with 4111 1111 1111 1111",
        "DB_PASSWORD=hunter22 was exported",
        "from 203.0.113.7 at the edge",
        "applicant 536-22-1234 is on file",
        "to DE89 3704 0044 0532 0130 00",
        "https://app:hunter22@db.example.com/app",
    ];
    let middle = if has_finding {
        FOUND[index % FOUND.len()]
    } else {
        "the queue was drained by its owner"
    };
    let mut text = format!(
        "2026-01-31T12:00:{:02}.123Z worker-{index} took job 6fa459ea-ee8a-3ca4-894e-db77e160{index:04x} of \
         https://api.example.com/v1/projects/{index}/runs?page=2&per_page=100; {middle}",
        index % 60
    );
    for words in [
        "; \"status\": \"ok\", \"attempt\": 3, \"elapsed_ms\": 412",
        ", after a while the others were told that nothing waits any longer",
        ", see docs/operations.md for what that means",
    ]
    .iter()
    .cycle()
    {
        if text.len() >= TEXT_BYTES {
            break;
        }
        text.push_str(words);
    }
    text.truncate(TEXT_BYTES);
    text
}
