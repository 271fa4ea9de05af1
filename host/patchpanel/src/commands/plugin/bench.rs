//! `patchpanel plugin bench`: what calls of a component cost, beside what a call costs that is about nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use patchpanel_event::{Event, Limits};
use patchpanel_runtime::{CallError, Trial};
use serde_json::{Value, json};

use super::read;
use crate::cli::PluginBenchArgs;
use crate::{exit, terminal};

const BATCHES: [usize; 4] = [1, 16, 64, 256];
/// Calls that are not counted: code and memory become warm.
const WARM_UP: usize = 20;
const STARTS: usize = 50;
/// What events say where none are given: 220 bytes in which there is nothing to be found.
const MESSAGE: &str = "The nightly export of the reporting database finished after eleven minutes and wrote four files to \
                       the archive; two tables were skipped because nothing in them had changed since the last run of \
                       the same job in the night before";

struct Row {
    batch: usize,
    nanos: f64,
}

pub(super) fn bench(args: &PluginBenchArgs) -> anyhow::Result<u8> {
    let component = read(&args.component).with_context(|| format!("cannot read {}", args.component.display()))?;
    let config: Value = serde_json::from_str(&args.config).context("--config is not JSON")?;
    let events = events(args.events.as_deref())?;
    let runtime = super::author_runtime()?;
    let bytes = component.len();
    crate::service::runtime()?.block_on(async {
        let trial = match Trial::start(&runtime, component, &config).await {
            Ok(trial) => trial,
            Err(error) => {
                terminal::say(format_args!("{}: {error}", args.component.display()));
                return Ok(exit::WRONG_INPUT);
            }
        };
        let empty = measure(&trial, &[], args.time).await.context("the empty call failed")?;
        let mut rows = Vec::new();
        for batch in BATCHES {
            let batch_events: Vec<Event> = events.iter().cycle().take(batch).cloned().collect();
            let call = measure(&trial, &batch_events, args.time)
                .await
                .context("a call failed")?;
            rows.push(Row {
                batch,
                nanos: call / batch as f64,
            });
        }
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            starts.push(trial.time_start().await?.as_nanos() as f64);
        }
        let start = median(starts);
        report(args.json, bytes, &trial, empty, &rows, start)?;
        Ok(exit::OK)
    })
}

/// Nanoseconds of one call: the median.
async fn measure(trial: &Trial, events: &[Event], time: Duration) -> Result<f64, CallError> {
    let batch = trial.batch(events);
    for _ in 0..WARM_UP {
        trial.time(&batch).await?;
    }
    let (started, mut calls) = (Instant::now(), Vec::new());
    while started.elapsed() < time {
        calls.push(trial.time(&batch).await?.as_nanos() as f64);
    }
    Ok(median(calls))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

fn events(file: Option<&Path>) -> anyhow::Result<Vec<Event>> {
    let texts = match file {
        None => vec![json!({"type": "bench.event", "message": MESSAGE}).to_string()],
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(str::to_owned)
                .collect()
        }
    };
    anyhow::ensure!(!texts.is_empty(), "there are no events");
    let parse = |(number, text): (usize, String)| {
        Event::parse(text.into(), &Limits::default()).with_context(|| format!("line {number} is no event"))
    };
    (1..).zip(texts).map(parse).collect()
}

fn report(as_json: bool, bytes: usize, trial: &Trial, empty: f64, rows: &[Row], start: f64) -> anyhow::Result<()> {
    let memory = trial.memory();
    if as_json {
        let batches = rows
            .iter()
            .map(|row| json!({"batch": row.batch, "ns_per_event": row.nanos}));
        return terminal::print_line(json!({
            "size": bytes, "fresh_instance_ns": start, "memory": memory, "empty_call_ns": empty,
            "batches": batches.collect::<Vec<_>>(),
        }));
    }
    let mut lines = vec![format!(
        "{:>14}  {:>14}  {:>20}",
        "events a call", "ns per event", "of that the crossing"
    )];
    for Row { batch, nanos } in rows {
        let crossing = empty / *batch as f64;
        lines.push(format!("{batch:>14}  {nanos:>14.0}  {crossing:>20.0}"));
    }
    lines.push(format!(
        "an empty call {empty:.0} ns, a fresh instance {:.0} µs, linear memory {} KiB, file {} KiB",
        start / 1e3,
        memory / 1024,
        bytes / 1024
    ));
    terminal::print_line(lines.join("\n"))
}
