//! What it costs to call a plugin in the sandbox instead of natively.
//!
//! ```text
//! cargo bench -p patchpanel-tests --bench crossings [-- ROUNDS]
//! ```
//!
//! Sandbox: the runtime's own calls, as the router makes them, with the deadline and all limits on. So the figure holds
//! everything between a batch of the host and a checked answer of the host. Native: the same guest crate, compiled for
//! this machine and called through the SDK's batch code with arguments that already have the contract's form. The
//! answers are compared before anything is measured. Both run in turns on one thread; figures are medians, in
//! nanoseconds for each text or event.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use guest_bench_channel::Sink;
use guest_bench_redactor::AtSigns;
use guest_bench_transform::Fixed;
use patchpanel_event::{Attempt, Event, Limits, Outcome, Receipt, TextBatch, TextSelector};
use patchpanel_plugin as sdk;
use patchpanel_plugin::__private::Slot;
use patchpanel_plugin::__private::redactor::exports::patchpanel::plugin::redactor as wit;
use patchpanel_runtime::{Generation, PluginSpec, Registry, Role, Runtime, Trust, Unit, UnitSpec};
use patchpanel_tests::{Generator, component};
use plugin_redact::Redact;
use serde_json::{Value, json};

const BATCHES: [usize; 4] = [1, 16, 64, 256];
const ROUNDS: usize = 15;
/// Of one turn: long beside the timer, short beside what disturbs a machine.
const TURN: Duration = Duration::from_millis(8);
const TEXT_BYTES: usize = 220;

/// What a redactor may cost above native in batches of 64.
const TO_BEAT: [(&str, f64); 2] = [("no hit", 30.0), ("two addresses", 110.0)];

struct Row {
    kind: &'static str,
    case: &'static str,
    batch: usize,
    native: f64,
    sandbox: f64,
}

fn main() {
    let rounds = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(ROUNDS);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let plugins = tempfile::tempdir().unwrap();
    let generation = tokio.block_on(load(plugins.path()));
    println!(
        "{:10} {:15} {:>6} {:>11} {:>11} {:>11}",
        "kind", "case", "batch", "native ns", "sandbox ns", "difference"
    );
    let mut rows = Vec::new();
    let mut report = |row: Row| {
        let Row {
            kind,
            case,
            batch,
            native,
            sandbox,
        } = row;
        println!(
            "{kind:10} {case:15} {batch:>6} {native:>11.1} {sandbox:>11.1} {:>11.1}",
            sandbox - native
        );
        rows.push(row);
    };
    for batch in BATCHES {
        let scan = json!({"work": "scan"});
        let nothing = json!({"work": "nothing"});
        let classes = json!({"classes": ["email", "card", "token"]});
        for (case, unit, config, addresses) in [
            ("not looked at", "nothing", &nothing, 0),
            ("no hit", "scan", &scan, 0),
            ("two addresses", "scan", &scan, 2),
        ] {
            let (native, sandbox) = redactor::<AtSigns>(&generation, unit, config, batch, addresses, rounds);
            report(Row {
                kind: "redactor",
                case,
                batch,
                native,
                sandbox,
            });
        }
        for (case, addresses) in [("no hit", 0), ("two addresses", 2)] {
            let (native, sandbox) = redactor::<Redact>(&generation, "redact", &classes, batch, addresses, rounds);
            report(Row {
                kind: "redact",
                case,
                batch,
                native,
                sandbox,
            });
        }
        for case in ["unchanged", "message"] {
            let (native, sandbox) = transform(&generation, case, batch, rounds);
            report(Row {
                kind: "transform",
                case,
                batch,
                native,
                sandbox,
            });
        }
        let (native, sandbox) = channel(&generation, &tokio, batch, rounds);
        report(Row {
            kind: "channel",
            case: "receipt",
            batch,
            native,
            sandbox,
        });
    }
    println!();
    for (case, limit) in TO_BEAT {
        let row = rows
            .iter()
            .find(|row| row.kind == "redactor" && row.case == case && row.batch == 64)
            .unwrap();
        let above = row.sandbox - row.native;
        let verdict = if above < limit { "beaten" } else { "MISSED" };
        println!("redactor, {case}, batches of 64: {above:.0} ns above native; to beat: {limit:.0} ns: {verdict}");
    }
}

/// All plugins in service, each unit under the name of its case.
async fn load(directory: &std::path::Path) -> std::sync::Arc<Generation> {
    let names = ["bench-redactor", "bench-transform", "bench-channel", "redact"];
    let specs = names.map(|name| {
        std::fs::write(directory.join(format!("{name}.wasm")), component(name)).unwrap();
        PluginSpec {
            name: name.to_owned(),
            from: name.to_owned(),
            ..PluginSpec::default()
        }
    });
    let unit = |id: &str, plugin: &str, role, config: Value| UnitSpec {
        id: id.to_owned(),
        plugin: plugin.to_owned(),
        config,
        role,
    };
    let units = vec![
        unit("nothing", "bench-redactor", Role::Transform, json!({"work": "nothing"})),
        unit("scan", "bench-redactor", Role::Transform, json!({"work": "scan"})),
        unit(
            "redact",
            "redact",
            Role::Transform,
            json!({"classes": ["email", "card", "token"]}),
        ),
        unit(
            "unchanged",
            "bench-transform",
            Role::Transform,
            json!({"answer": "unchanged"}),
        ),
        unit(
            "message",
            "bench-transform",
            Role::Transform,
            json!({"answer": "message"}),
        ),
        unit("receipt", "bench-channel", Role::Channel, json!({})),
    ];
    let registry = Registry::new(
        Runtime::new(None, None).unwrap(),
        Some(directory.to_owned()),
        &[],
        Trust::default(),
    );
    registry
        .configure(specs.into(), units)
        .await
        .unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// A redactor on one text of each event.
fn redactor<T: sdk::Redactor>(
    generation: &Generation,
    unit: &str,
    config: &Value,
    batch: usize,
    addresses: usize,
    rounds: usize,
) -> (f64, f64) {
    let Unit::Redactor(plugin) = &generation.units[unit] else {
        panic!("no redactor")
    };
    let selector = TextSelector::new(&["message"]).unwrap();
    let mut texts = TextBatch::default();
    for index in 0..batch {
        let event = json!({"id": "1", "time": "2026-01-31T12:00:00Z", "type": "t", "message": text(index, addresses)});
        texts.push(
            index,
            &Event::parse(event.to_string().into(), &Limits::default()).unwrap(),
            &selector,
        );
    }
    let native_texts = wit::Texts {
        paths: texts.paths().to_vec(),
        texts: texts
            .texts()
            .iter()
            .map(|text| wit::Text {
                path: text.path,
                end: text.end,
            })
            .collect(),
        bytes: texts.bytes().to_vec(),
    };
    let slot = Slot::<T>::new();
    slot.configure_redactor(&config.to_string()).unwrap();

    let (expected, found) = (slot.redact(&native_texts).unwrap(), plugin.redact(&texts).unwrap());
    let rows = |edit: &wit::Edit| (edit.text, edit.start, edit.end, edit.label, edit.bytes_end);
    let found_rows = found
        .edits
        .iter()
        .map(|edit| (edit.text, edit.start, edit.end, edit.label, edit.bytes_end));
    assert!(expected.edits.iter().map(rows).eq(found_rows));
    assert_eq!((&expected.labels, &expected.bytes), (&found.labels, &found.bytes));
    assert_eq!(found.edits.len(), if unit == "nothing" { 0 } else { batch * addresses });

    compare(
        batch,
        rounds,
        |calls| (0..calls).for_each(|_| drop(black_box(slot.redact(black_box(&native_texts)).unwrap()))),
        |calls| (0..calls).for_each(|_| drop(black_box(plugin.redact(black_box(&texts)).unwrap()))),
    )
}

fn transform(generation: &Generation, case: &str, batch: usize, rounds: usize) -> (f64, f64) {
    let Unit::Transform(plugin) = &generation.units[case] else {
        panic!("no transform")
    };
    let events = events(batch);
    let native_events: Vec<sdk::Event> = events.iter().map(sdk_event).collect();
    let slot = Slot::<Fixed>::new();
    slot.configure_transform(&json!({"answer": case}).to_string()).unwrap();

    let (expected, found) = (slot.transform(&native_events), plugin.transform(&events).unwrap());
    assert_eq!(expected.len(), found.len());
    for (expected, found) in expected.into_iter().zip(found) {
        match (expected.unwrap(), found.unwrap()) {
            (sdk::Outcome::Unchanged, Outcome::Unchanged) => assert_eq!(case, "unchanged"),
            (sdk::Outcome::Patched(expected), Outcome::Patched(found)) => assert_eq!(expected.message, found.message),
            (expected, found) => panic!("{expected:?}, {found:?}"),
        }
    }
    compare(
        batch,
        rounds,
        |calls| (0..calls).for_each(|_| drop(black_box(slot.transform(black_box(&native_events))))),
        |calls| (0..calls).for_each(|_| drop(black_box(plugin.transform(black_box(&events)).unwrap()))),
    )
}

fn channel(generation: &Generation, tokio: &tokio::runtime::Runtime, batch: usize, rounds: usize) -> (f64, f64) {
    let Unit::Channel(plugin) = &generation.units["receipt"] else {
        panic!("no channel")
    };
    let attempt = |event: Event| Attempt {
        delivery_id: patchpanel_event::delivery_id(&event.id(), "alerts", 0),
        number: 1,
        replay: 0,
        subscription: "alerts".to_owned(),
        recipients: Vec::new(),
        event,
    };
    let attempts: Vec<Attempt> = events(batch).into_iter().map(attempt).collect();
    let delivery = |attempt: &Attempt| sdk::Delivery {
        id: attempt.delivery_id.clone(),
        attempt: attempt.number,
        replay: attempt.replay,
        subscription: attempt.subscription.clone(),
        recipients: attempt.recipients.clone(),
        event: sdk_event(&attempt.event),
    };
    let deliveries: Vec<sdk::Delivery> = attempts.iter().map(delivery).collect();
    let slot = Slot::<Sink>::new();
    slot.configure_channel("{}").unwrap();

    let answers = tokio.block_on(plugin.deliver(&attempts)).unwrap();
    assert!(answers.len() == batch && answers.into_iter().all(|answer| answer == Ok(Receipt::default())));
    assert_eq!(slot.deliver(&deliveries).len(), batch);
    compare(
        batch,
        rounds,
        |calls| (0..calls).for_each(|_| drop(black_box(slot.deliver(black_box(&deliveries))))),
        |calls| {
            tokio.block_on(async {
                for _ in 0..calls {
                    drop(black_box(plugin.deliver(black_box(&attempts)).await.unwrap()));
                }
            });
        },
    )
}

/// Medians in nanoseconds an item of two ways to do the same, run in turns; each gets the number of calls to make.
fn compare(items: usize, rounds: usize, mut native: impl FnMut(u64), mut sandbox: impl FnMut(u64)) -> (f64, f64) {
    let mut ways: [&mut dyn FnMut(u64); 2] = [&mut native, &mut sandbox];
    let calls = ways.each_mut().map(|way| {
        let mut calls = 1;
        // Warms up, too.
        while time(way, calls) < TURN {
            calls *= 2;
        }
        calls
    });
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for ((way, calls), times) in ways.iter_mut().zip(calls).zip(&mut times) {
            times.push(time(way, calls).as_secs_f64() * 1e9 / (calls as f64 * items as f64));
        }
    }
    let [native, sandbox] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    (native, sandbox)
}

fn time(work: &mut dyn FnMut(u64), calls: u64) -> Duration {
    let started = Instant::now();
    work(calls);
    started.elapsed()
}

/// A log line of 220 bytes.
fn text(index: usize, addresses: usize) -> String {
    let (from, to) = match addresses {
        0 => ("the mail gateway", "its second replica"),
        _ => ("anna.smith@example.com", "ben+lists@mail.example.org"),
    };
    let mut text = format!("Message {index:05} of {from} was handed over to {to} after 3 attempts in 412 ms");
    for word in [
        "; the queue holds",
        "no more than forty others",
        "and nothing waits",
        "for longer than",
        "a minute or so",
    ]
    .iter()
    .cycle()
    {
        text.push(' ');
        text.push_str(word);
        if text.len() >= TEXT_BYTES {
            break;
        }
    }
    text.truncate(TEXT_BYTES);
    text
}

fn events(count: usize) -> Vec<Event> {
    let mut generator = Generator::new(1);
    let mut event = || Event::parse(generator.next_event().to_owned().into(), &Limits::default()).unwrap();
    (0..count).map(|_| event()).collect()
}

/// The event in the contract's form, natively.
fn sdk_event(event: &Event) -> sdk::Event {
    let parts = event.parts();
    sdk::Event {
        id: parts.id,
        type_: parts.kind,
        source: parts.source,
        level: match parts.level.as_str() {
            "debug" => sdk::Level::Debug,
            "info" => sdk::Level::Info,
            "warning" => sdk::Level::Warning,
            "error" => sdk::Level::Error,
            _ => sdk::Level::Critical,
        },
        time: event.time(),
        message: parts.message,
        subject: parts.subject,
        correlation_id: parts.correlation_id,
        channels: parts.channels,
        metadata: parts.metadata,
        payload: parts.payload,
    }
}
