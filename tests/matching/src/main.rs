//! How fast very many event patterns are matched, by this project's index and by other engines.
//!
//! ```text
//! cargo run --release --manifest-path tests/matching/Cargo.toml -- --help
//! ```
//!
//! Events and rules are generated ([`events`], [`sets`]) or read from files ([`workload`]). Each engine ([`engines`]) is
//! measured with each workload in a process of its own ([`child`]), which is ended if it takes too long or too much
//! memory ([`supervise`]). Before anything is measured, answers are compared: the index's with those of its patterns one
//! by one, and the other engines' with the index's.

mod allocator;
mod child;
mod conditions;
mod engines;
mod events;
mod measure;
mod names;
mod options;
mod report;
mod sets;
mod shape;
mod supervise;
mod workload;

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use clap::Parser as _;

use child::Job;
use engines::Name;
use options::Options;
use report::{HEAD, Row};
use supervise::Outcome;
use workload::{Origin, Workload};

#[global_allocator]
static ALLOCATOR: allocator::Counting = allocator::Counting;

fn main() -> ExitCode {
    let done = if std::env::args().nth(1).as_deref() == Some(supervise::CHILD) {
        supervise::job().map(|job| {
            child::run(&job);
            true
        })
    } else {
        bench(&Options::parse())
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures all that is asked for; says whether all counts that are expected were found.
///
/// # Errors
/// Wrong input, and wrong answers of our own.
fn bench(options: &Options) -> Result<bool> {
    let expected = options.expected()?;
    let mut as_expected = true;
    // How many rules an engine gave up on, and why.
    let mut hopeless = HashMap::<(String, Name), (usize, String)>::new();
    for (place, origin) in options.origins().into_iter().enumerate() {
        // Children read the same again. What is wrong with it is better found here, once.
        let workload = Workload::of(&origin)?;
        let rules = workload.rules.len();
        if let Some(expected) = &expected {
            let file = options.expect.as_deref().unwrap_or(Path::new("")).display();
            ensure!(
                expected.len() == rules,
                "{file}: {} counts are expected of {rules} rules",
                expected.len()
            );
        }
        if place == 0 && !options.json {
            let (count, bytes) = (workload.events.len(), workload.events.mean_bytes());
            println!("{count} events of {bytes} bytes\n\n{HEAD}");
        }
        let set = origin.name();
        for engine in options.engines() {
            let job = Job {
                origin: origin.clone(),
                engine,
                seconds: options.seconds,
                memory: options.memory(),
                counts: options.counts || options.expect.is_some(),
            };
            let key = (set.clone(), engine);
            let outcome = match hopeless.get(&key) {
                Some((fewer, words)) if *fewer < rules => given_up(*fewer, words),
                _ => supervise::run(&job, options.limit())?,
            };
            if let (true, Some(words)) = (outcome.hopeless, &outcome.words) {
                hopeless.entry(key).or_insert_with(|| (rules, words.clone()));
            }
            let row = Row {
                set: &set,
                rules,
                engine,
                outcome: &outcome,
            };
            match options.json {
                true => println!("{}", row.json()),
                false => println!("{}", row.line()),
            }
            if let (true, Some(words)) = (outcome.failed, &outcome.words) {
                bail!("{set} with {rules} rules: {words}");
            }
            if let Some(counts) = &outcome.counts {
                let agree = report_counts(options, engine, &workload.rules, counts, expected.as_deref());
                as_expected &= agree || engine != Name::Ours;
            }
        }
        if matches!(origin, Origin::Generated(..)) && !options.json && options.engines().len() > 1 {
            println!();
        }
    }
    Ok(as_expected)
}

/// Of an engine that was hopeless with fewer rules.
fn given_up(fewer: usize, words: &str) -> Outcome {
    let words = match words.starts_with("cannot say") {
        true => words.to_owned(),
        false => format!("not tried: with {fewer} rules {words}"),
    };
    Outcome {
        words: Some(words),
        ..Outcome::default()
    }
}

/// Prints the matches of each rule if that is asked for, and those that are not as expected; says whether all are.
fn report_counts(options: &Options, engine: Name, rules: &[String], counts: &[u64], expected: Option<&[u64]>) -> bool {
    let mut agree = true;
    for (place, (rule, count)) in rules.iter().zip(counts).enumerate() {
        let wanted = expected.and_then(|expected| expected.get(place));
        if options.counts {
            println!("{count:>10}  {rule}");
        }
        if let Some(wanted) = wanted.filter(|wanted| *wanted != count) {
            agree = false;
            eprintln!("{}: {count} matches where {wanted} are expected: {rule}", engine.name());
        }
    }
    if agree && expected.is_some() {
        eprintln!("{}: all {} counts are as expected", engine.name(), rules.len());
    }
    agree
}
