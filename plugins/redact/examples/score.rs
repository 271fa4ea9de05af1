//! Redacts a labelled corpus, for a scorer to judge, and measures how fast that goes.
//!
//! ```text
//! cargo run --release -p plugin-redact --example score -- CORPUS.jsonl OUTPUT.jsonl [CONFIG.json]
//! ```
//!
//! Each row of the corpus is a JSON object with `id`, `text` and, if the text has one, its `path` in an event. Each row
//! of the output is `{"id", "text"}`, redacted. Speed is that of one thread, native; the best of several rounds, because
//! others use the machine too.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use patchpanel_plugin::{Edits, Redactor, testing};
use plugin_redact::Redact;
use serde::Deserialize;
use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
const TEXTS: usize = 16;

#[derive(Deserialize)]
struct Row {
    id: serde_json::Value,
    text: String,
    #[serde(default)]
    path: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (corpus, output, config) = match arguments.as_slice() {
        [corpus, output] => (corpus, output, "{}".to_owned()),
        [corpus, output, config] => (corpus, output, std::fs::read_to_string(config)?),
        _ => return Err("usage: score CORPUS.jsonl OUTPUT.jsonl [CONFIG.json]".into()),
    };
    let mut redact: Redact = testing::configure_redactor(&config).map_err(|errors| format!("{errors:?}"))?;
    let mut rows = Vec::new();
    for (index, line) in BufReader::new(File::open(corpus)?).lines().enumerate() {
        let line = line?;
        if !line.trim().is_empty() {
            let row: Row =
                serde_json::from_str(&line).map_err(|error| format!("{corpus}, line {}: {error}", index + 1))?;
            rows.push(row);
        }
    }
    let mut out = BufWriter::new(File::create(output)?);
    let mut changed = 0;
    for row in &rows {
        let text = testing::redact(&mut redact, &row.path, &row.text)?;
        changed += usize::from(text != row.text);
        writeln!(out, "{}", serde_json::json!({"id": row.id, "text": text}))?;
    }
    out.flush()?;
    let (plain, rest): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| {
        let mut edits = Edits::default();
        redact.edits(&row.path, &row.text, &mut edits);
        edits.count() == 0
    });
    println!("{} texts, {changed} changed", rows.len());
    for (name, rows) in [
        ("all", rows.iter().collect()),
        ("without findings", plain),
        ("with findings", rest),
    ] {
        let bytes: usize = rows.iter().map(|row| row.text.len()).sum();
        if bytes == 0 {
            continue;
        }
        let seconds = fastest(&mut redact, &rows).as_secs_f64();
        println!("{name}: {bytes} bytes, {:.0} MB/s", bytes as f64 / 1e6 / seconds);
    }
    Ok(())
}

/// The sum of the fastest times of a few texts each: what others on the machine take away is not counted.
fn fastest(redact: &mut Redact, rows: &[&Row]) -> Duration {
    let mut time = |rows: &[&Row]| {
        let started = Instant::now();
        let mut edits = Edits::default();
        for row in rows {
            redact.edits(black_box(&row.path), black_box(&row.text), &mut edits);
        }
        black_box(edits.count());
        started.elapsed()
    };
    let mut fastest = |rows| (0..ROUNDS).map(|_| time(rows)).min().unwrap_or_default();
    rows.chunks(TEXTS).map(&mut fastest).sum()
}
