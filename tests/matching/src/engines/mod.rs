//! Who matches: this project's index, and others that are asked the same in their own words.

mod a_tree;
mod cel;
mod ours;
mod quamina;

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::workload::Workload;
pub(crate) use ours::Ours;

/// An engine, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Name {
    /// The index of `patchpanel-filter`.
    Ours,
    /// The crate `quamina`.
    Quamina,
    /// The crate `a-tree`.
    ATree,
    /// The crate `cel`, one program after the other.
    Cel,
}

/// What is known of events before they are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// They are any bytes, and found out to be JSON or not.
    Checked,
    /// They are JSON.
    Valid,
}

/// Rules are known by their place in the workload.
pub(crate) trait Engine {
    /// How it can match, in the order in which to measure.
    fn ways(&self) -> &'static [Way];

    /// How long all rules took to parse, if adding them does not include that.
    fn parsing(&self) -> Option<Duration> {
        None
    }

    /// Adds a rule. It need not show before [`Engine::settle`].
    fn insert(&mut self, rule: u32) -> Result<()>;

    fn remove(&mut self, rule: u32) -> Result<()>;

    /// Makes what was changed show in what matches.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Puts the rules that match into `matched`, which is empty, in any order.
    fn matches(&mut self, way: Way, event: &[u8], matched: &mut Vec<u32>) -> Result<()>;

    /// How many bytes it says to take.
    fn bytes(&self) -> Option<usize> {
        None
    }
}

impl Name {
    /// As it is called in options and tables.
    pub(crate) fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Puts the rules into the engine's words; none is added yet.
    ///
    /// # Errors
    /// [`CannotSay`](crate::conditions::CannotSay), and what an engine finds wrong.
    pub(crate) fn prepare(self, workload: &Workload) -> Result<Box<dyn Engine>> {
        Ok(match self {
            Name::Ours => Box::new(Ours::new(workload)?),
            Name::Quamina => Box::new(quamina::Quamina::new(workload)?),
            Name::ATree => Box::new(a_tree::Tree::new(workload)?),
            Name::Cel => Box::new(cel::Cel::new(workload)?),
        })
    }
}
