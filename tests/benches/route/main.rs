//! What `patchpanel route` costs for a file of events, beside a native program of the same job.
//!
//! ```text
//! cargo build --release -p patchpanel && cargo bench -p patchpanel-tests --bench route [-- EVENTS [ROUNDS]]
//! ```
//!
//! The job: e-mail addresses, card numbers and vendors' tokens are redacted in the `message` of every event, and those of
//! level `warning` or higher are written with the names of their subscription and channel. `route` calls the bundled
//! redactor in the sandbox; the native program calls the same code compiled for this machine. Both are children of this
//! process, and everything counts from their start to their end: loading, reading, validating, writing to `/dev/null`.
//! Before anything is measured their outputs are compared line by line, and so are their sums.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

mod measure;
mod native;
mod verify;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode};

use patchpanel_tests::write_events;

use measure::{Usage, measure};

/// What the redactor looks for; the same as in [`INGRESS`].
const REDACTOR: &str = r#"{"classes": ["email", "card", "token"]}"#;

const INGRESS: &str = r#"
[[ingress]]
transform = "redact"
fields = ["message"]
config = { classes = ["email", "card", "token"] }
"#;

/// Paths in a configuration count from its file, so nothing outside of the target directory is touched.
const CACHE: &str = "cache_dir = \"cache\"\n";

const ROUTES: &str = r#"
[[channels]]
name = "screen"
plugin = "console"

[[subscriptions]]
name = "alerts"
filter = { level = [{ at-least = "warning" }] }
channel = "screen"
"#;

/// CPU seconds per million events, and megabytes of memory.
const TO_BEAT: (f64, f64) = (2.0, 100.0);

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some("native") => native::run(Path::new(&arguments[1])),
        Some("measure") => measure::child(&arguments[1..]),
        _ => {
            let number = |index: usize, default: u64| match arguments.get(index) {
                Some(text) => text
                    .to_str()
                    .and_then(|text| text.parse().ok())
                    .expect("usage: [EVENTS [ROUNDS]]"),
                None => default,
            };
            return bench(number(0, 1_000_000).max(1), number(1, 3).max(1));
        }
    }
    ExitCode::SUCCESS
}

fn bench(events: u64, rounds: u64) -> ExitCode {
    let own = std::env::current_exe().unwrap();
    // This is <target>/release/deps/route-<hash>.
    let profile = own.ancestors().nth(2).unwrap();
    let binary = profile.join("patchpanel");
    if !binary.exists() {
        eprintln!(
            "{} is not there; build it first: cargo build --release -p patchpanel",
            binary.display()
        );
        return ExitCode::FAILURE;
    }
    let directory = profile.with_file_name("bench-route");
    fs::create_dir_all(&directory).unwrap();
    let input = directory.join("events.ndjson");
    let mut file = BufWriter::new(File::create(&input).unwrap());
    let bytes = write_events(1, events, &mut file).unwrap();
    file.flush().unwrap();
    println!(
        "{events} events of {:.0} bytes in {}",
        bytes as f64 / events as f64,
        input.display()
    );

    let route = |name: &str, config: String| {
        let path = directory.join(format!("{name}.toml"));
        fs::write(&path, config).unwrap();
        let mut command = Command::new(&binary);
        command
            .args(["route", "--json", "--config"])
            .args([path, input.clone()]);
        command
    };
    let mut native = Command::new(&own);
    native.arg("native").arg(&input);
    let mut programs = [
        ("patchpanel route", route("redact", format!("{CACHE}{INGRESS}{ROUTES}"))),
        ("native, one thread", native),
        ("route, not redacting", route("bare", format!("{CACHE}{ROUTES}"))),
    ];

    let [(_, route), (_, native), _] = &mut programs;
    // Also compiles the plugin, which is then in the cache as it is at any but the first start.
    let sums = verify::same_output(route, native, events, &directory);
    println!("the outputs are the same, line by line: {sums}\n");

    let mut usages = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for ((_, command), usages) in programs.iter().zip(&mut usages) {
            usages.push(measure(&own, command));
        }
    }
    let medians = usages.map(|usages| Usage::median(&usages).per_million(events));
    println!("medians of {rounds} rounds, per million events");
    println!(
        "{:22} {:>7} {:>9} {:>7} {:>7} {:>8}",
        "program", "user s", "system s", "CPU s", "wall s", "peak MB"
    );
    for ((name, _), usage) in programs.iter().zip(&medians) {
        let Usage {
            user,
            system,
            wall,
            peak,
        } = usage;
        println!(
            "{name:22} {user:>7.2} {system:>9.2} {:>7.2} {wall:>7.2} {peak:>8.1}",
            user + system
        );
    }
    let (cpu, peak) = (medians[0].user + medians[0].system, medians[0].peak);
    let verdict = |found: f64, limit: f64| if found < limit { "beaten" } else { "MISSED" };
    println!("\nto beat: {:.1} CPU seconds: {}", TO_BEAT.0, verdict(cpu, TO_BEAT.0));
    println!("to beat: peak memory {:.0} MB: {}", TO_BEAT.1, verdict(peak, TO_BEAT.1));
    ExitCode::SUCCESS
}
