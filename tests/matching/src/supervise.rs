//! Starts a child for a job, and says in words what became of it.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::child::{Figures, Job, Said};
use crate::engines::Name;
use crate::measure::Change;

/// The argument that makes this program a child; the job comes to its standard input.
pub(crate) const CHILD: &str = "--child";

/// Of what a child writes when it panics.
const MOST_BYTES: u64 = 1 << 16;

/// What became of a job.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) figures: Option<Figures>,
    /// Times of adding and of removing a rule.
    pub(crate) changes: Option<(Change, Change)>,
    pub(crate) counts: Option<Vec<u64>>,
    /// Whatever is to be said beside the figures, or why there are none.
    pub(crate) words: Option<String>,
    /// It did not come to figures, and would not with more rules.
    pub(crate) hopeless: bool,
    /// Our own engine has not done all that it must.
    pub(crate) failed: bool,
}

/// Runs a job in a process of its own, and ends it if any stage takes longer than the limit.
///
/// # Errors
/// If no process can be started.
pub(crate) fn run(job: &Job, limit: Duration) -> Result<Outcome> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start a child")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(serde_json::to_string(job)?.as_bytes())?;
    }
    let errors = child.stderr.take().map(read_all);
    let said = child.stdout.take().map(listen).context("a child says nothing")?;

    let mut outcome = Outcome::default();
    let mut stage = "starting".to_owned();
    let too_long = loop {
        match said.recv_timeout(limit) {
            Ok(Said::Stage(next)) => stage = next,
            Ok(Said::Figures(figures)) => outcome.figures = Some(figures),
            Ok(Said::Changes(adding, removing)) => outcome.changes = Some((adding, removing)),
            Ok(Said::Counts(counts)) => outcome.counts = Some(counts),
            Ok(Said::CannotSay(words)) => {
                outcome.words = Some(words);
                outcome.hopeless = true;
            }
            Ok(Said::Failed(words)) => {
                outcome.words = Some(format!("{stage}: {words}"));
                outcome.failed = job.engine == Name::Ours;
            }
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => {
                child.kill()?;
                break true;
            }
        }
    };
    let status = child.wait()?;
    let errors = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
    if too_long {
        outcome.words = Some(format!("too slow: gave up {stage} after {} s", limit.as_secs()));
    } else if !status.success() {
        outcome.words = Some(format!("{stage}: {}", death(status, &errors, job.memory)));
    }
    if too_long || !status.success() {
        outcome.hopeless = outcome.figures.is_none();
        outcome.failed = job.engine == Name::Ours;
    }
    match &outcome.figures {
        Some(Figures { wrong, compared, .. }) if *wrong > 0 => {
            let miscounts = format!("miscounts: {wrong} of {compared} events");
            outcome.words = Some(match outcome.words.take() {
                Some(words) => format!("{miscounts}; {words}"),
                None => miscounts,
            });
        }
        _ => {}
    }
    Ok(outcome)
}

/// Reads lines for as long as there are any, so that waiting for one can end.
fn listen(output: impl Read + Send + 'static) -> Receiver<Said> {
    let (sender, receiver) = channel();
    spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let said = serde_json::from_str(&line).unwrap_or(Said::Failed(line));
            if sender.send(said).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Reads all, and keeps the beginning.
fn read_all(mut output: impl Read + Send + 'static) -> JoinHandle<String> {
    spawn(move || {
        let mut kept = Vec::new();
        let _ = output.by_ref().take(MOST_BYTES).read_to_end(&mut kept);
        let _ = std::io::copy(&mut output, &mut std::io::sink());
        String::from_utf8_lossy(&kept).into_owned()
    })
}

/// Why a child ended as it did.
fn death(status: ExitStatus, errors: &str, memory: usize) -> String {
    let mut lines = errors.lines().skip_while(|line| !line.contains("panicked at"));
    if let (Some(place), Some(message)) = (lines.next(), lines.next()) {
        let place = place.rsplit('/').next().unwrap_or(place).trim_end_matches(':');
        return format!("panics: {message} ({place})");
    }
    if errors.contains("memory allocation of") {
        return format!("takes more than {} GB", memory >> 30);
    }
    if errors.contains("overflowed its stack") {
        return "overflows its stack".to_owned();
    }
    status.to_string()
}

/// Reads the job of a child from its input.
///
/// # Errors
/// What was not written by [`run`].
pub(crate) fn job() -> Result<Job> {
    Ok(serde_json::from_reader(std::io::stdin())?)
}
