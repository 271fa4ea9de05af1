//! What it costs to accept an event for good: synced, with its matched set, for three pull subscriptions.
//!
//! ```text
//! cargo build --release -p patchpanel && cargo bench -p patchpanel-tests --bench durable [-- SECONDS [ROUNDS]]
//! cargo bench -p patchpanel-tests --bench durable -- million [EVENTS]
//! ```
//!
//! In one run and in turns: a plain write and `fdatasync`; a plain SQLite group commit loop, which is a table with an id
//! that must be unique and a body, and nothing else; the router in process, from the JSON text to the acceptance; and the
//! real binary over HTTP/1.1 with one connection for each publisher. Publishers wait for each answer before they send the
//! next event of 1 KB. Everything is on the disk of the target directory, and on the same cores.
//!
//! `million` fills a router with pending deliveries, and shows its memory and how long it takes to be back after a kill.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

mod http;
mod million;
mod plain;
mod router;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PUBLISHERS: [usize; 3] = [1, 16, 256];

/// What publishers of one kind reached.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Events a second.
    rate: f64,
    /// Microseconds.
    p50: f64,
    p99: f64,
}

impl Figures {
    fn of(mut nanos: Vec<u64>, took: Duration) -> Figures {
        nanos.sort_unstable();
        let at = |share: usize| nanos[(nanos.len() * share / 100).min(nanos.len() - 1)] as f64 / 1e3;
        Figures {
            rate: nanos.len() as f64 / took.as_secs_f64(),
            p50: at(50),
            p99: at(99),
        }
    }

    /// Of each figure the median.
    fn median(rounds: &[Figures]) -> Figures {
        let median = |figure: fn(&Figures) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(figure).collect();
            all.sort_unstable_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Figures {
            rate: median(|figures| figures.rate),
            p50: median(|figures| figures.p50),
            p99: median(|figures| figures.p99),
        }
    }
}

/// An event of 1 KB that nobody has sent before.
fn event(publisher: usize, number: u64) -> String {
    // Ids ascend over all publishers nearly as version 7 UUIDs do.
    let id = format!("{number:012x}-{publisher:04x}-7000-8000-0123456789ab");
    let filler = "x".repeat(800);
    format!(
        r#"{{"id":"{id}","type":"bench.event","source":"bench","level":"info","time":"2026-01-31T12:00:00Z","message":"an event that is to be kept","payload":{{"number":{number},"filler":"{filler}"}}}}"#
    )
}

/// An empty directory on the disk of the target directory.
fn empty_directory() -> PathBuf {
    let directory = patchpanel_tests::binary().with_file_name("bench-durable");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn sync(directory: &Path, time: Duration) -> Figures {
    let file = File::create(directory.join("raw")).unwrap();
    let block = [7; 4096];
    let (started, mut nanos) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        let before = Instant::now();
        file.write_all_at(&block, nanos.len() as u64 % 1_000 * 4096).unwrap();
        file.sync_data().unwrap();
        nanos.push(u64::try_from(before.elapsed().as_nanos()).unwrap());
    }
    Figures::of(nanos, started.elapsed())
}

fn main() {
    // Cargo hands benches an argument of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if arguments.first().is_some_and(|first| first == "million") {
        million::run(arguments.get(1).map_or(1_000_000, |count| count.parse().unwrap()));
        return;
    }
    let number = |place: usize, default: u64| arguments.get(place).map_or(default, |text| text.parse().unwrap());
    let (time, rounds) = (Duration::from_secs(number(0, 3)), number(1, 5));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();

    println!("medians of {rounds} rounds of {} s\n", time.as_secs());
    println!("| publishers | what | events/s | p50 µs | p99 µs | of plain |");
    println!("| ---: | --- | ---: | ---: | ---: | ---: |");
    let row = |publishers: usize, what: &str, figures: Figures, plain: Figures| {
        println!(
            "| {publishers} | {what} | {:.0} | {:.0} | {:.0} | {:.2} |",
            figures.rate,
            figures.p50,
            figures.p99,
            figures.rate / plain.rate
        );
    };
    for publishers in PUBLISHERS {
        let mut all: [Vec<Figures>; 4] = Default::default();
        for _ in 0..rounds {
            all[0].push(sync(&empty_directory(), time));
            all[1].push(plain::run(&runtime, &empty_directory(), publishers, time));
            all[2].push(router::run(&runtime, &empty_directory(), publishers, time));
            all[3].push(http::run(&runtime, &empty_directory(), publishers, time));
        }
        let [raw, plain, in_process, over_http] = all.map(|rounds| Figures::median(&rounds));
        if publishers == 1 {
            row(publishers, "write and fdatasync", raw, plain);
        }
        row(publishers, "plain SQLite group commit", plain, plain);
        row(publishers, "router in process", in_process, plain);
        row(publishers, "router over HTTP", over_http, plain);
    }
    let _ = std::fs::remove_dir_all(empty_directory());
}

/// Has publishers send one event after the other, each with its own `send`, until the time is over.
async fn publish<S, F>(publishers: usize, time: Duration, make: impl Fn(usize) -> S) -> Figures
where
    S: FnMut(u64) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let started = Instant::now();
    let tasks: Vec<_> = (0..publishers)
        .map(|publisher| {
            let mut send = make(publisher);
            tokio::spawn(async move {
                let mut nanos = Vec::new();
                while started.elapsed() < time {
                    let before = Instant::now();
                    send(nanos.len() as u64).await;
                    nanos.push(u64::try_from(before.elapsed().as_nanos()).unwrap());
                }
                nanos
            })
        })
        .collect();
    let mut nanos = Vec::new();
    for task in tasks {
        nanos.extend(task.await.unwrap());
    }
    Figures::of(nanos, started.elapsed())
}
