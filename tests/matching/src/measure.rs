//! Times of matching, and of changes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::engines::{Engine, Way};
use crate::workload::Events;

/// A pass over events is as long as this, or over all events if that is shorter.
const PASS: Duration = Duration::from_millis(300);
const FEWEST_EVENTS: usize = 50;
const FEWEST_PASSES: usize = 3;
/// Of rules that are removed and added again.
const MOST_CHANGES: usize = 1_000;
const CHANGES: Duration = Duration::from_secs(1);

/// Events per second in one thread; the median of several passes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Speed {
    /// Of events that are known to be JSON.
    pub(crate) valid: Option<f64>,
    /// Of any bytes.
    pub(crate) checked: Option<f64>,
    /// Of `sonic_rs::from_slice::<sonic_rs::Value>` and nothing else, for the same events in the same rounds.
    pub(crate) parsed: f64,
    /// How many rules an event matches, on average.
    pub(crate) matches: f64,
    /// How many events a pass had.
    pub(crate) events: usize,
}

/// Microseconds of one change.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

/// Measures each way for so many seconds at least. All that is compared is measured in turns, so that a machine which
/// gets slower meanwhile is as slow for all.
pub(crate) fn speed(engine: &mut dyn Engine, events: &Events, seconds: f64) -> Result<Speed> {
    let ways = engine.ways();
    let slowest = ways.first().copied().unwrap_or(Way::Valid);
    let started = Instant::now();
    pass(engine, slowest, events, FEWEST_EVENTS)?;
    let each = started.elapsed().as_secs_f64() / FEWEST_EVENTS.min(events.len()) as f64;
    let count = (PASS.as_secs_f64() / each) as usize;
    let count = count.max(FEWEST_EVENTS).min(events.len());

    let (mut times, mut parsing) = (vec![Vec::new(); ways.len()], Vec::new());
    let mut matches = 0;
    while parsing.len() < FEWEST_PASSES || times.iter().any(|times| total(times) < seconds) {
        for (way, times) in ways.iter().zip(&mut times) {
            let started = Instant::now();
            matches = pass(engine, *way, events, count)?;
            times.push(started.elapsed().as_secs_f64());
        }
        let started = Instant::now();
        for event in events.spread(count) {
            black_box(sonic_rs::from_slice::<sonic_rs::Value>(black_box(event))?);
        }
        parsing.push(started.elapsed().as_secs_f64());
    }
    let per_second = |times: &mut [f64]| count as f64 / quantile(times, 0.5);
    let mut of = |way| {
        let place = ways.iter().position(|known| *known == way)?;
        times.get_mut(place).map(|times| per_second(times))
    };
    Ok(Speed {
        valid: of(Way::Valid),
        checked: of(Way::Checked),
        parsed: per_second(&mut parsing),
        matches: matches as f64 / count as f64,
        events: count,
    })
}

fn total(times: &[f64]) -> f64 {
    times.iter().sum()
}

fn pass(engine: &mut dyn Engine, way: Way, events: &Events, count: usize) -> Result<usize> {
    let (mut matches, mut matched) = (0, Vec::new());
    for event in events.spread(count) {
        matched.clear();
        engine.matches(way, black_box(event), &mut matched)?;
        matches += black_box(&matched).len();
    }
    Ok(matches)
}

/// Removes rules and adds them again, drawn from so many; gives the times of adding and of removing. Each counts until
/// it shows in what matches.
pub(crate) fn changes(engine: &mut dyn Engine, rules: u32) -> Result<(Change, Change)> {
    let mut random = fastrand::Rng::with_seed(3);
    let (mut adding, mut removing) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while adding.is_empty() || (adding.len() < MOST_CHANGES && begun.elapsed() < CHANGES) {
        let rule = random.u32(..rules);
        let started = Instant::now();
        engine.remove(rule)?;
        engine.settle()?;
        removing.push(started.elapsed().as_secs_f64() * 1e6);
        let started = Instant::now();
        engine.insert(rule)?;
        engine.settle()?;
        adding.push(started.elapsed().as_secs_f64() * 1e6);
    }
    Ok((change(&mut adding), change(&mut removing)))
}

fn change(times: &mut [f64]) -> Change {
    Change {
        median: quantile(times, 0.5),
        p99: quantile(times, 0.99),
    }
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * part) as usize;
    values.get(place).or(values.last()).copied().unwrap_or(f64::NAN)
}
