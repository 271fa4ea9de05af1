//! What a text's path says: that the operator left it out, or that the whole text is a secret.

use crate::context::Context;
use crate::key::{Names, Strength};
use std::sync::Arc;

/// A dotted path with `*` for one step and `**` for any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<String>);

impl Pattern {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }

    /// A pattern also covers what is below the place that it names.
    fn covers(&self, path: &str) -> bool {
        let steps: Vec<&str> = path.split('.').collect();
        // After each part of the pattern: which numbers of steps it may have used up.
        let mut reached = vec![false; steps.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for part in &self.0 {
            let mut next = vec![false; steps.len() + 1];
            let mut any = false;
            for (index, slot) in next.iter_mut().enumerate() {
                any |= reached.get(index).copied().unwrap_or_default();
                let before = index.checked_sub(1);
                let step_fits = before
                    .and_then(|at| steps.get(at))
                    .is_some_and(|step| part == "*" || part == step);
                *slot = match part.as_str() {
                    "**" => any,
                    _ => step_fits && before.and_then(|at| reached.get(at)).copied().unwrap_or_default(),
                };
            }
            reached = next;
        }
        reached.contains(&true)
    }
}

/// What to do with texts at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Leave them alone.
    Excluded,
    /// Replace them as a whole, as profile number so and so says.
    Secret(usize),
    /// Look into them, as profile number so and so says, with what the path says about numbers.
    Scan(usize, Context),
}

/// Remembers verdicts: the same few paths come again with every event.
#[derive(Debug)]
pub(crate) struct Paths {
    excluded: Vec<Pattern>,
    /// The first that covers a path counts; its profile has the next higher number.
    rules: Vec<Vec<Pattern>>,
    names: Arc<Names>,
    known: Vec<Option<(Box<str>, Verdict)>>,
}

const SLOTS: usize = 256;

impl Paths {
    pub(crate) fn new(excluded: Vec<Pattern>, rules: Vec<Vec<Pattern>>, names: Arc<Names>) -> Self {
        Self {
            excluded,
            rules,
            names,
            known: vec![None; SLOTS],
        }
    }

    #[inline]
    pub(crate) fn verdict(&mut self, path: &str) -> Verdict {
        let slot = slot(path.as_bytes());
        match self.known.get(slot) {
            Some(Some((known, verdict))) if **known == *path => *verdict,
            _ => self.judge(path, slot),
        }
    }

    fn judge(&mut self, path: &str, slot: usize) -> Verdict {
        let covers = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.covers(path));
        let rule = self.rules.iter().position(|patterns| covers(patterns));
        let profile = rule.map_or(0, |rule| rule + 1);
        // Elements of a list have the list's name.
        let is_number = |step: &&str| !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        let name = path
            .rsplit('.')
            .find(|step| !is_number(step))
            .unwrap_or_default()
            .as_bytes();
        let verdict = if covers(&self.excluded) {
            Verdict::Excluded
        } else if self
            .names
            .strength(name)
            .is_some_and(|strength| strength > Strength::Weak)
        {
            Verdict::Secret(profile)
        } else {
            Verdict::Scan(profile, Context::of_name(name))
        };
        if let Some(known) = self.known.get_mut(slot) {
            *known = Some((path.into(), verdict));
        }
        verdict
    }
}

/// Cheap rather than even: a clash costs one more judgement.
#[inline]
fn slot(path: &[u8]) -> usize {
    let mix = |sum: usize, byte: Option<&u8>| {
        sum.wrapping_mul(31)
            .wrapping_add(usize::from(byte.copied().unwrap_or(0)))
    };
    let middle = path.len() / 2;
    let sum = [
        path.last(),
        path.get(middle),
        path.get(middle + 2),
        path.len().checked_sub(3).and_then(|at| path.get(at)),
    ]
    .into_iter()
    .fold(path.len(), mix);
    sum % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, covers) in [
            ("payload.commit", "payload.commit", true),
            ("payload.commit", "payload.commit.author.email", true),
            ("payload.commit", "payload.commits", false),
            ("payload.*.email", "payload.user.email", true),
            ("payload.*.email", "payload.email", false),
            ("**.email", "email", true),
            ("**.email", "payload.user.email", true),
            ("payload.**.email", "payload.a.b.email", true),
            ("payload.**.email", "metadata.a.email", false),
            ("payload.commit.*", "payload.commit", false),
        ] {
            assert_eq!(Pattern::new(pattern).covers(path), covers, "{pattern} {path}");
        }
    }

    #[test]
    fn verdicts() {
        let rules = vec![vec![Pattern::new("payload.free")], vec![Pattern::new("payload.**")]];
        let names = Arc::new(Names::new(&["kennwort".to_owned()], std::iter::empty()));
        let mut paths = Paths::new(vec![Pattern::new("metadata.token")], rules, names);
        for _ in 0..2 {
            assert_eq!(paths.verdict("metadata.user.password"), Verdict::Secret(0));
            assert_eq!(paths.verdict("payload.Kenn-Wort"), Verdict::Secret(2));
            assert_eq!(paths.verdict("metadata.token"), Verdict::Excluded);
            assert_eq!(
                paths.verdict("payload.free.token_count"),
                Verdict::Scan(1, Context::NONE)
            );
            assert_eq!(paths.verdict("payload.phones.0"), Verdict::Scan(2, Context::PHONE));
            assert_eq!(paths.verdict("message"), Verdict::Scan(0, Context::NONE));
        }
    }
}
