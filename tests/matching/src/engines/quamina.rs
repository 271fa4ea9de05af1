//! The crate `quamina`, whose language is nearly ours.
//!
//! Its limit on the size of automata is lifted; the bench has its own. It does not check what it need not read.

use anyhow::{Context as _, Result};
use quamina::QuaminaBuilder;
use serde_json::{Map, Value};

use super::{Engine, Way};
use crate::conditions::{CannotSay, conditions, operator};
use crate::workload::Workload;

/// What it calls the same as we do.
const OPERATORS: [&str; 8] = [
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
];

pub(crate) struct Quamina {
    rules: Vec<String>,
    engine: quamina::Quamina<u32>,
}

impl Quamina {
    pub(crate) fn new(workload: &Workload) -> Result<Quamina> {
        let builder = QuaminaBuilder::new()
            .with_arena_byte_budget(1 << 40)
            .with_max_states_per_pattern(1 << 20);
        let rules = workload.rules.iter().map(|rule| translate(rule));
        Ok(Quamina {
            rules: rules.collect::<Result<_, _>>()?,
            engine: builder.build()?,
        })
    }
}

/// Paths are nested objects.
fn translate(rule: &str) -> Result<String, CannotSay> {
    let mut translated = Map::new();
    for condition in conditions(rule)? {
        for item in &condition.items {
            match operator(item) {
                Some((name, _)) if !OPERATORS.contains(&name) => return CannotSay::because(name),
                _ => {}
            }
        }
        let (mut path, mut object) = (condition.path, &mut translated);
        let Some(last) = path.pop() else { continue };
        for name in path {
            let below = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(below) = below else {
                return CannotSay::because("a value and what is in it");
            };
            object = below;
        }
        object.insert(last, Value::Array(condition.items));
    }
    Ok(Value::Object(translated).to_string())
}

impl Engine for Quamina {
    fn ways(&self) -> &'static [Way] {
        &[Way::Valid]
    }

    fn insert(&mut self, rule: u32) -> Result<()> {
        let text = self.rules.get(rule as usize).context("no such rule")?;
        self.engine.add_pattern(rule, text)?;
        Ok(())
    }

    fn remove(&mut self, rule: u32) -> Result<()> {
        self.engine.delete_patterns(&rule)?;
        Ok(())
    }

    /// What was added is made ready when the next event is matched.
    fn settle(&mut self) -> Result<()> {
        self.engine.matches_for_event(b"{}")?;
        Ok(())
    }

    fn matches(&mut self, _: Way, event: &[u8], matched: &mut Vec<u32>) -> Result<()> {
        *matched = self.engine.matches_for_event(event)?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rules_are_nested_and_levels_are_lists() {
        let rule = r#"{"a.b": [1], "a.c": [{"prefix": "x"}], "level": [{"at-least": "error"}]}"#;
        let expected = r#"{"a":{"b":[1],"c":[{"prefix":"x"}]},"level":["error","critical"]}"#;
        assert_eq!(translate(rule).unwrap(), expected);
        let error = translate(r#"{"$or": [{"a": [1]}, {"b": [1]}]}"#).unwrap_err();
        assert_eq!(error.to_string(), "cannot say: $or");
    }
}
