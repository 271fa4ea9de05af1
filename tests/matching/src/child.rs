//! One engine with one workload, measured in a process of its own: nothing that goes wrong there stops the bench, and
//! no memory is counted but its own.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::allocator;
use crate::conditions::CannotSay;
use crate::engines::{Engine, Name, Ours, Way};
use crate::measure::{Change, Speed, changes, speed};
use crate::workload::{Origin, Workload};

/// How many events are matched in another way as well, to compare.
const COMPARED: usize = 200;

/// What a child is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) origin: Origin,
    pub(crate) engine: Name,
    /// For each speed.
    pub(crate) seconds: f64,
    /// The most memory it may take, in bytes.
    pub(crate) memory: usize,
    /// Whether to count the matches of each rule over all events.
    pub(crate) counts: bool,
}

/// What a child says, each on a line of its output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    /// What it does now.
    Stage(String),
    Figures(Figures),
    /// Times of adding and of removing a rule.
    Changes(Change, Change),
    /// Of each rule.
    Counts(Vec<u64>),
    /// The engine has no words for the rules.
    CannotSay(String),
    Failed(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    #[serde(flatten)]
    pub(crate) speed: Speed,
    /// For all rules; nothing where adding them includes it.
    pub(crate) parse_ms: Option<f64>,
    /// For all rules, until they can be matched.
    pub(crate) add_ms: f64,
    /// What all rules take in the engine, as the allocator counts it.
    pub(crate) bytes: usize,
    /// The same as the engine counts it.
    pub(crate) said_bytes: Option<usize>,
    /// How many events were compared, and of how many the answer was wrong.
    pub(crate) compared: usize,
    pub(crate) wrong: usize,
}

/// Does the job, and prints what it has to say.
pub(crate) fn run(job: &Job) {
    allocator::limit(job.memory);
    if let Err(error) = measure(job) {
        say(&match error.downcast::<CannotSay>() {
            Ok(cannot) => Said::CannotSay(cannot.to_string()),
            Err(error) => Said::Failed(format!("{error:#}")),
        });
    }
}

fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        println!("{line}");
    }
}

fn stage(name: &str) {
    say(&Said::Stage(name.to_owned()));
}

fn measure(job: &Job) -> Result<()> {
    stage("reading");
    let workload = Workload::of(&job.origin)?;
    let rules = u32::try_from(workload.rules.len())?;
    let mut engine = job.engine.prepare(&workload)?;

    stage("adding");
    let (taken, started) = (allocator::taken(), Instant::now());
    for rule in 0..rules {
        engine.insert(rule)?;
    }
    engine.settle()?;
    let add_ms = started.elapsed().as_secs_f64() * 1e3;
    let bytes = allocator::taken().saturating_sub(taken);

    stage("comparing");
    let (compared, wrong) = compare(engine.as_mut(), job.engine, &workload)?;
    if wrong > 0 && job.engine == Name::Ours {
        bail!("the index and the patterns one by one differ for {wrong} of {compared} events");
    }

    stage("measuring");
    let speed = speed(engine.as_mut(), &workload.events, job.seconds)?;
    say(&Said::Figures(Figures {
        speed,
        parse_ms: engine.parsing().map(|parsing| parsing.as_secs_f64() * 1e3),
        add_ms,
        bytes,
        said_bytes: engine.bytes(),
        compared,
        wrong,
    }));

    if job.counts {
        stage("counting");
        say(&Said::Counts(counts(engine.as_mut(), &workload)?));
    }

    stage("changing");
    let (adding, removing) = changes(engine.as_mut(), rules)?;
    say(&Said::Changes(adding, removing));
    Ok(())
}

/// Matches some events in another way: our own answers are compared with those of the patterns one by one, and those of
/// the others with our own. Gives how many events were compared, and of how many any answer was different.
fn compare(engine: &mut dyn Engine, name: Name, workload: &Workload) -> Result<(usize, usize)> {
    let mut reference = match name {
        Name::Ours => Ours::new(workload)?,
        _ => Ours::complete(workload)?,
    };
    let (mut compared, mut wrong) = (0, 0);
    for event in workload.events.spread(COMPARED) {
        let right = match name {
            Name::Ours => reference.one_by_one(event)?,
            _ => {
                let mut matched = Vec::new();
                reference.matches(Way::Valid, event, &mut matched)?;
                matched
            }
        };
        let mut same = true;
        for way in engine.ways() {
            let mut matched = Vec::new();
            engine.matches(*way, event, &mut matched)?;
            matched.sort_unstable();
            same &= matched == right;
        }
        compared += 1;
        wrong += usize::from(!same);
    }
    Ok((compared, wrong))
}

fn counts(engine: &mut dyn Engine, workload: &Workload) -> Result<Vec<u64>> {
    let mut counts = vec![0; workload.rules.len()];
    let way = engine.ways().first().copied().context("there is no way to match")?;
    let mut matched = Vec::new();
    for event in workload.events.iter() {
        matched.clear();
        engine.matches(way, event, &mut matched)?;
        for rule in &matched {
            *counts.get_mut(*rule as usize).context("no such rule")? += 1;
        }
    }
    Ok(counts)
}
