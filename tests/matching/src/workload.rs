//! Events and rules, generated or out of files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use patchpanel_filter::{Index, Pattern, Scratch};
use serde::{Deserialize, Serialize};

use crate::events;
use crate::sets::Set;

/// JSON texts, one after the other in memory.
#[derive(Default)]
pub(crate) struct Events {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Events {
    pub(crate) fn push(&mut self, event: &[u8]) {
        self.bytes.extend_from_slice(event);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of one, on average.
    pub(crate) fn mean_bytes(&self) -> usize {
        self.bytes.len() / self.len().max(1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spread(self.len())
    }

    /// So many of them, evenly spread, but no more than there are.
    pub(crate) fn spread(&self, count: usize) -> impl Iterator<Item = &[u8]> {
        let count = count.min(self.len());
        (0..count).filter_map(move |number| {
            let place = number * self.len() / count;
            let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
            self.bytes.get(start.unwrap_or(0)..*self.ends.get(place)?)
        })
    }
}

/// Where a workload is from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Origin {
    /// So many rules of a set.
    Generated(Set, usize),
    Files {
        events: PathBuf,
        rules: PathBuf,
    },
}

pub(crate) struct Workload {
    pub(crate) events: Events,
    /// The text of each rule. Its place in the list is its number.
    pub(crate) rules: Vec<String>,
}

impl Workload {
    /// # Errors
    /// Files that cannot be read or hold something else, with the places.
    pub(crate) fn of(origin: &Origin) -> Result<Workload> {
        match origin {
            Origin::Generated(set, count) => Ok(Workload {
                events: events::generate(),
                rules: set.generate(*count)?,
            }),
            Origin::Files { events, rules } => Ok(Workload {
                events: read_events(events)?,
                rules: read_rules(rules)?,
            }),
        }
    }
}

impl Origin {
    /// As tables call it: the name of the set, or of the rules' file.
    pub(crate) fn name(&self) -> String {
        match self {
            Origin::Generated(set, _) => set.name(),
            Origin::Files { rules, .. } => rules.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

/// The lines that are not blank, with their numbers from one.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines
        .enumerate()
        .map(|(line, text)| (line + 1, text))
        .filter(|(_, text)| !text.is_empty())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_events(path: &Path) -> Result<Events> {
    let text = read(path)?;
    let snapshot = Index::default().snapshot();
    let (mut scratch, mut matched) = (Scratch::default(), Vec::new());
    let mut events = Events::default();
    for (line, event) in lines(&text) {
        if let Err(invalid) = snapshot.matches(event, &mut scratch, &mut matched) {
            bail!("{}:{line}: {invalid}", path.display());
        }
        events.push(event);
    }
    if events.len() == 0 {
        bail!("{} holds no events", path.display());
    }
    Ok(events)
}

fn read_rules(path: &Path) -> Result<Vec<String>> {
    let text = read(path)?;
    let (mut rules, mut mistakes) = (Vec::new(), Vec::new());
    for (line, rule) in lines(&text) {
        let place = format!("{}:{line}", path.display());
        let Ok(rule) = std::str::from_utf8(rule) else {
            mistakes.push(format!("{place}: not UTF-8"));
            continue;
        };
        match rule.parse::<Pattern>() {
            Ok(_) => rules.push(rule.to_owned()),
            Err(wrong) => mistakes.extend(wrong.iter().map(|mistake| format!("{place}: {mistake}"))),
        }
    }
    if !mistakes.is_empty() {
        bail!("{}", mistakes.join("\n"));
    }
    if rules.is_empty() {
        bail!("{} holds no rules", path.display());
    }
    Ok(rules)
}

/// Reads how many events each rule should match: numbers between white space, in the order of the rules.
///
/// # Errors
/// A file that cannot be read or holds something else, with the place.
pub(crate) fn read_expected(path: &Path) -> Result<Vec<u64>> {
    let text = read(path)?;
    let mut counts = Vec::new();
    for (line, numbers) in lines(&text) {
        for number in numbers
            .split(u8::is_ascii_whitespace)
            .filter(|number| !number.is_empty())
        {
            let number = String::from_utf8_lossy(number);
            let count = number.parse();
            counts.push(count.with_context(|| format!("{}:{line}: `{number}` is no count", path.display()))?);
        }
    }
    Ok(counts)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn events_are_spread_evenly() {
        let mut events = Events::default();
        for event in ["a", "bb", "", "c"] {
            events.push(event.as_bytes());
        }
        let of = |count| {
            events
                .spread(count)
                .map(|event| String::from_utf8_lossy(event).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of(9), ["a", "bb", "", "c"]);
        assert_eq!(of(2), ["a", ""]);
        assert_eq!(of(0), [""; 0]);
    }
}
