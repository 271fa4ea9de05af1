//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;

use crate::engines::Name;
use crate::sets::Set;
use crate::workload::Origin;

/// How fast very many event patterns are matched, by this project's index and by other engines.
///
/// Each engine is measured with each set of rules in a process of its own and in one thread. CONTRIBUTING.md says what
/// the columns mean.
#[derive(Parser)]
#[command(name = "matching", max_term_width = 110)]
pub(crate) struct Options {
    /// Generated sets of rules; all by default
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    sets: Vec<Set>,

    /// How many rules of each set
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS", default_value = "5,1000,10000,100000",
          value_parser = clap::value_parser!(u32).range(1..))]
    sizes: Vec<u32>,

    /// Who is measured; all by default
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    engines: Vec<Name>,

    /// Match these events instead of generated ones: JSON, one on each line
    #[arg(long, value_name = "FILE", requires = "rules", conflicts_with_all = ["sets", "sizes"])]
    events: Option<PathBuf>,

    /// The rules for --events: event patterns in JSON, one on each line
    #[arg(long, value_name = "FILE", requires = "events")]
    rules: Option<PathBuf>,

    /// Fail unless each rule matches so many of the events: numbers in the order of the rules, between white space
    #[arg(long, value_name = "FILE", requires = "events")]
    pub(crate) expect: Option<PathBuf>,

    /// Print how many of all events each rule matches
    #[arg(long, requires = "events")]
    pub(crate) counts: bool,

    /// Print a JSON object for each row instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    /// Measure each speed for so long at least
    #[arg(long, value_name = "SECONDS", default_value = "0.3")]
    pub(crate) seconds: f64,

    /// Give up on an engine that takes longer than this to add all rules, or to do anything else
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,

    /// Give up on an engine that takes more memory than this
    #[arg(long, value_name = "GB", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=1024))]
    memory: u32,
}

impl Options {
    /// What to match, in the order of the rows.
    pub(crate) fn origins(&self) -> Vec<Origin> {
        if let (Some(events), Some(rules)) = (&self.events, &self.rules) {
            return vec![Origin::Files {
                events: events.clone(),
                rules: rules.clone(),
            }];
        }
        let sets = all_if_none(&self.sets);
        let sizes = self.sizes.iter().map(|size| *size as usize);
        sets.iter()
            .flat_map(|set| sizes.clone().map(|size| Origin::Generated(*set, size)))
            .collect()
    }

    pub(crate) fn engines(&self) -> Vec<Name> {
        all_if_none(&self.engines)
    }

    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.limit)
    }

    /// Bytes.
    pub(crate) fn memory(&self) -> usize {
        (self.memory as usize) << 30
    }

    /// The counts that are expected, if any are.
    ///
    /// # Errors
    /// A file that holds something else.
    pub(crate) fn expected(&self) -> Result<Option<Vec<u64>>> {
        self.expect.as_deref().map(crate::workload::read_expected).transpose()
    }
}

fn all_if_none<T: clap::ValueEnum + Clone>(chosen: &[T]) -> Vec<T> {
    if chosen.is_empty() {
        return T::value_variants().to_vec();
    }
    chosen.to_vec()
}
