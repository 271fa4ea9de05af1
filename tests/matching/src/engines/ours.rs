//! The index of `patchpanel-filter`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use patchpanel_filter::{Index, Pattern, Scratch, Snapshot};
use serde_json::{Map, Value};

use super::{Engine, Way};
use crate::workload::Workload;

pub(crate) struct Ours {
    patterns: Vec<Pattern>,
    parsing: Duration,
    index: Index,
    /// Held while the index changes, as whoever matches holds it.
    snapshot: Option<Arc<Snapshot>>,
    scratch: Scratch,
}

impl Ours {
    pub(crate) fn new(workload: &Workload) -> Result<Ours> {
        let started = Instant::now();
        let patterns = workload.rules.iter().map(|rule| rule.parse());
        let patterns = patterns.collect::<Result<_, Vec<_>>>();
        let parsing = started.elapsed();
        let Ok(patterns) = patterns else {
            bail!("a rule is no pattern")
        };
        Ok(Ours {
            patterns,
            parsing,
            index: Index::default(),
            snapshot: None,
            scratch: Scratch::default(),
        })
    }

    /// With all rules added.
    pub(crate) fn complete(workload: &Workload) -> Result<Ours> {
        let mut ours = Ours::new(workload)?;
        for rule in 0..u32::try_from(workload.rules.len())? {
            ours.insert(rule)?;
        }
        ours.settle()?;
        Ok(ours)
    }

    /// The rules that match according to [`Pattern::matches`], asked of one after the other.
    pub(crate) fn one_by_one(&self, event: &[u8]) -> Result<Vec<u32>> {
        let event = match serde_json::from_slice(event)? {
            Value::Object(event) => event,
            _ => Map::new(),
        };
        let rules = (0..).zip(&self.patterns);
        Ok(rules
            .filter(|(_, pattern)| pattern.matches(&event))
            .map(|(rule, _)| rule)
            .collect())
    }
}

impl Engine for Ours {
    fn ways(&self) -> &'static [Way] {
        &[Way::Checked, Way::Valid]
    }

    fn parsing(&self) -> Option<Duration> {
        Some(self.parsing)
    }

    fn insert(&mut self, rule: u32) -> Result<()> {
        let pattern = self.patterns.get(rule as usize).context("no such rule")?;
        self.index.insert(rule, pattern);
        Ok(())
    }

    fn remove(&mut self, rule: u32) -> Result<()> {
        self.index.remove(rule);
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.snapshot = Some(self.index.snapshot());
        Ok(())
    }

    fn matches(&mut self, way: Way, event: &[u8], matched: &mut Vec<u32>) -> Result<()> {
        let snapshot = self.snapshot.as_ref().context("not settled")?;
        match way {
            Way::Checked => snapshot.matches(event, &mut self.scratch, matched)?,
            Way::Valid => snapshot.matches_json(event, &mut self.scratch, matched),
        }
        Ok(())
    }

    fn bytes(&self) -> Option<usize> {
        Some(self.index.bytes())
    }
}
