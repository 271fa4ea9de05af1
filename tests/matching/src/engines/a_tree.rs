//! The crate `a-tree`, which has values of fields and lists of them, and no parts of texts.
//!
//! Fields and their kinds are defined up front, from what stands in the events. An event is parsed by `sonic-rs`, and
//! the fields that any rule names are handed over.

use std::collections::BTreeMap;

use a_tree::{ATree, AttributeDefinition, EventBuilder};
use anyhow::{Context as _, Result, anyhow};
use serde_json::Value as Json;
use sonic_rs::{JsonContainerTrait as _, JsonValueTrait as _};

use super::{Engine, Way};
use crate::conditions::{CannotSay, Condition, bounds, conditions, operator};
use crate::shape::{Kinds, Shape};
use crate::workload::Workload;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Texts,
    Whole,
    Broken,
    Truth,
}

/// The attribute of a field, and the fields in it.
#[derive(Default)]
struct Field {
    attribute: Option<(String, Kind)>,
    below: BTreeMap<String, Field>,
}

pub(crate) struct Tree {
    rules: Vec<String>,
    fields: Field,
    tree: ATree<u32>,
}

impl Tree {
    pub(crate) fn new(workload: &Workload) -> Result<Tree> {
        let shape = Shape::of(&workload.events)?;
        let (mut fields, mut definitions, mut rules) = (Field::default(), Vec::new(), Vec::new());
        for rule in &workload.rules {
            let parts = conditions(rule)?.into_iter().map(|condition| {
                let kind = kind(&condition, &shape)?;
                let name = fields.attribute(&condition.path, kind, &mut definitions);
                let items = condition.items.iter().map(|item| one(item, kind, &name));
                Ok(format!("({})", items.collect::<Result<Vec<_>, _>>()?.join(" or ")))
            });
            rules.push(parts.collect::<Result<Vec<_>, CannotSay>>()?.join(" and "));
        }
        let tree = ATree::new(&definitions).map_err(|error| anyhow!("{error}"))?;
        Ok(Tree { rules, fields, tree })
    }
}

impl Field {
    fn attribute(&mut self, path: &[String], kind: Kind, definitions: &mut Vec<AttributeDefinition>) -> String {
        let mut field = self;
        for name in path {
            field = field.below.entry(name.clone()).or_default();
        }
        let (name, _) = field.attribute.get_or_insert_with(|| {
            let name = format!("f{}", definitions.len());
            definitions.push(match kind {
                Kind::Text => AttributeDefinition::string(&name),
                Kind::Texts => AttributeDefinition::string_list(&name),
                Kind::Whole => AttributeDefinition::integer(&name),
                Kind::Broken => AttributeDefinition::float(&name),
                Kind::Truth => AttributeDefinition::boolean(&name),
            });
            (name, kind)
        });
        name.clone()
    }

    fn fill(&self, value: &sonic_rs::Value, event: &mut EventBuilder<'_>) -> Result<()> {
        match &self.attribute {
            Some((name, Kind::Text)) => value.as_str().map(|text| event.with_string(name, text)),
            Some((name, Kind::Texts)) => value.as_array().map(|texts| {
                let texts: Vec<&str> = texts.iter().filter_map(|text| text.as_str()).collect();
                event.with_string_list(name, &texts)
            }),
            Some((name, Kind::Whole)) => value.as_i64().map(|number| event.with_integer(name, number)),
            Some((name, Kind::Broken)) => value.as_f64().map(|number| {
                let (digits, scale) = decimal(number);
                event.with_float(name, digits, scale)
            }),
            Some((name, Kind::Truth)) => value.as_bool().map(|truth| event.with_boolean(name, truth)),
            None => None,
        }
        .transpose()?;
        if !self.below.is_empty() {
            for (name, member) in value.as_object().into_iter().flat_map(|object| object.iter()) {
                if let Some(field) = self.below.get(name) {
                    field.fill(member, event)?;
                }
            }
        }
        Ok(())
    }
}

fn kind(condition: &Condition, shape: &Shape) -> Result<Kind, CannotSay> {
    for depth in 1..condition.path.len() {
        let above: Vec<String> = condition.path.iter().take(depth).cloned().collect();
        if shape.at(&above.join(".")).has(Kinds::LIST) {
            return CannotSay::because("objects in lists");
        }
    }
    let kinds = shape.at(&condition.dotted());
    match kinds {
        Kinds::TEXT => Ok(Kind::Text),
        Kinds::WHOLE => Ok(Kind::Whole),
        Kinds::TRUTH => Ok(Kind::Truth),
        _ if kinds == Kinds::BROKEN || kinds == Kinds::BROKEN.with(Kinds::WHOLE) => Ok(Kind::Broken),
        _ if kinds == Kinds::LIST.with(Kinds::TEXT) => Ok(Kind::Texts),
        _ if kinds == Kinds::default() => {
            let number = |item: &Json| item.is_number() || matches!(operator(item), Some(("numeric", _)));
            Ok(if condition.items.iter().any(number) {
                Kind::Broken
            } else {
                Kind::Text
            })
        }
        _ => CannotSay::because("values of several kinds"),
    }
}

fn one(item: &Json, kind: Kind, name: &str) -> Result<String, CannotSay> {
    let Some((operator, argument)) = operator(item) else {
        return Ok(match (kind, item) {
            (Kind::Truth, Json::Bool(true)) => name.to_owned(),
            (Kind::Truth, Json::Bool(false)) => format!("not {name}"),
            (Kind::Texts, item) => format!("{name} one of [{}]", literal(item, Kind::Text)?),
            (kind, item) => format!("{name} = {}", literal(item, kind)?),
        });
    };
    Ok(match (operator, argument) {
        ("exists", Json::Bool(true)) if kind != Kind::Texts => format!("{name} is not null"),
        ("exists", Json::Bool(false)) if kind != Kind::Texts => format!("{name} is null"),
        ("numeric", list) if matches!(kind, Kind::Whole | Kind::Broken) => {
            let bounds =
                bounds(list).map(|(operator, bound)| Ok(format!("{name} {operator} {}", literal(bound, kind)?)));
            format!("({})", bounds.collect::<Result<Vec<_>, _>>()?.join(" and "))
        }
        ("anything-but", Json::Array(items)) if matches!(kind, Kind::Text | Kind::Whole) => {
            let items = items
                .iter()
                .map(|item| literal(item, kind))
                .collect::<Result<Vec<_>, _>>()?;
            format!("{name} not in [{}]", items.join(", "))
        }
        ("anything-but", item) if !item.is_object() && !item.is_array() && kind != Kind::Texts => {
            format!("{name} <> {}", literal(item, kind)?)
        }
        _ => return CannotSay::because(operator),
    })
}

fn literal(value: &Json, kind: Kind) -> Result<String, CannotSay> {
    let text = value.to_string();
    match (kind, value) {
        (Kind::Text, Json::String(inside)) if !inside.contains(['"', '\\', '\'']) => Ok(text),
        (Kind::Whole, Json::Number(number)) if number.is_i64() => Ok(text),
        (Kind::Broken, Json::Number(_)) if !text.contains(['e', 'E']) => {
            Ok(if text.contains('.') { text } else { format!("{text}.0") })
        }
        _ => CannotSay::because(text),
    }
}

/// A number as digits and how many of them stand behind the point.
fn decimal(number: f64) -> (i64, u32) {
    // Most have few places; a look is cheaper than writing them.
    for (scale, factor) in [(0, 1.0), (2, 100.0), (4, 10_000.0)] {
        let digits = (number * factor).round();
        if digits.abs() < 1e15 && digits / factor == number {
            return (digits as i64, scale);
        }
    }
    let text = number.to_string();
    let scale = text.split_once('.').map_or(0, |(_, places)| places.len());
    let digits = text.replace('.', "").parse().unwrap_or_default();
    (digits, u32::try_from(scale).unwrap_or_default())
}

impl Engine for Tree {
    fn ways(&self) -> &'static [Way] {
        &[Way::Checked]
    }

    fn insert(&mut self, rule: u32) -> Result<()> {
        let text = self.rules.get(rule as usize).context("no such rule")?;
        self.tree
            .insert(&rule, text)
            .map_err(|error| anyhow!("{error} in {text}"))
    }

    fn remove(&mut self, rule: u32) -> Result<()> {
        self.tree.delete(&rule);
        Ok(())
    }

    fn matches(&mut self, _: Way, event: &[u8], matched: &mut Vec<u32>) -> Result<()> {
        let value: sonic_rs::Value = sonic_rs::from_slice(event)?;
        let mut event = self.tree.make_event();
        self.fields.fill(&value, &mut event)?;
        let report = self.tree.search(&event.build()?).map_err(|error| anyhow!("{error}"))?;
        matched.extend(report.matches().iter().copied());
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_a_scale() {
        assert_eq!(decimal(12.34), (1234, 2));
        assert_eq!(decimal(-7.0), (-7, 0));
        assert_eq!(decimal(-122.42916360922355), (-12_242_916_360_922_355, 14));
    }
}
