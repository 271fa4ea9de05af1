//! The crate `cel`: a program for each rule, and all of them run for each event.
//!
//! An event is parsed by `sonic-rs`, and the top-level fields that any rule names are turned into the crate's values.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use cel::{Context, Env, Program, Value};
use serde_json::Value as Json;
use sonic_rs::{JsonContainerTrait as _, JsonType, JsonValueTrait as _};

use super::{Engine, Way};
use crate::conditions::{CannotSay, Condition, bounds, conditions, operator};
use crate::shape::{Kinds, Shape};
use crate::workload::Workload;

pub(crate) struct Cel {
    rules: Vec<String>,
    /// The top-level fields that are named.
    roots: BTreeSet<String>,
    env: Arc<Env>,
    /// By the number of the rule.
    programs: Vec<Option<Program>>,
}

impl Cel {
    pub(crate) fn new(workload: &Workload) -> Result<Cel> {
        let shape = Shape::of(&workload.events)?;
        let (mut rules, mut roots) = (Vec::new(), BTreeSet::new());
        for rule in &workload.rules {
            let conditions = conditions(rule)?;
            rules.push(translate(&conditions, &shape)?);
            roots.extend(
                conditions
                    .into_iter()
                    .filter_map(|condition| condition.path.into_iter().next()),
            );
        }
        let programs = rules.iter().map(|_| None).collect();
        Ok(Cel {
            rules,
            roots,
            env: Arc::new(Env::stdlib()),
            programs,
        })
    }
}

/// Conditions on objects in one list are asked of the same object.
fn translate(conditions: &[Condition], shape: &Shape) -> Result<String, CannotSay> {
    let mut parts = Vec::new();
    let mut lists = BTreeMap::<String, Vec<String>>::new();
    for condition in conditions {
        if !condition.path.iter().all(|name| is_identifier(name)) {
            return CannotSay::because("names that are no identifiers");
        }
        let is_list = |depth: &usize| {
            let above = condition.path.iter().take(*depth).cloned().collect::<Vec<_>>();
            shape.at(&above.join(".")).has(Kinds::LIST)
        };
        let mut depths = (1..=condition.path.len()).filter(is_list);
        match (depths.next(), depths.next()) {
            (None, _) => parts.push(any(&condition.items, &format!("event.{}", condition.dotted()))?),
            (Some(depth), None) if !shape.at(&condition.dotted()).has(Kinds::LIST_IN_LIST) => {
                if condition
                    .items
                    .iter()
                    .any(|item| operator(item) == Some(("exists", &Json::Bool(false))))
                {
                    return CannotSay::because("absence in lists");
                }
                let (list, below) = condition.path.split_at(depth);
                let value = ["e"].into_iter().chain(below.iter().map(String::as_str));
                let value = value.collect::<Vec<_>>().join(".");
                let held = lists.entry(format!("event.{}", list.join("."))).or_default();
                held.push(any(&condition.items, &value)?);
            }
            _ => return CannotSay::because("lists in lists"),
        }
    }
    let lists = lists
        .iter()
        .map(|(list, held)| format!("{list}.exists(e, {})", held.join(" && ")));
    parts.extend(lists);
    Ok(parts.join(" && "))
}

fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn any(items: &[Json], value: &str) -> Result<String, CannotSay> {
    let items = items
        .iter()
        .map(|item| one(item, value))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(format!("({})", items.join(" || ")))
}

fn one(item: &Json, value: &str) -> Result<String, CannotSay> {
    let Some((name, argument)) = operator(item) else {
        return Ok(format!("{value} == {}", literal(item)?));
    };
    Ok(match (name, argument) {
        ("exists", Json::Bool(true)) if !value.contains('.') => "true".to_owned(),
        ("exists", Json::Bool(true)) => format!("has({value})"),
        ("exists", _) => format!("!has({value})"),
        ("prefix", Json::String(_)) => format!("{value}.startsWith({})", literal(argument)?),
        ("suffix", Json::String(_)) => format!("{value}.endsWith({})", literal(argument)?),
        ("equals-ignore-case", Json::String(text)) => matches(value, &format!("(?is)^{}$", escaped(text)))?,
        ("wildcard", Json::String(text)) => wildcard(value, text)?,
        ("numeric", list) => {
            let bounds = bounds(list).map(|(operator, bound)| {
                let operator = if operator == "=" { "==" } else { operator };
                Ok(format!("{value} {operator} {}", literal(bound)?))
            });
            bounds.collect::<Result<Vec<_>, _>>()?.join(" && ")
        }
        ("anything-but", Json::Array(items)) => {
            let items = items.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
            format!("!({value} in [{}])", items.join(", "))
        }
        ("anything-but", item) => format!("!({})", one(item, value)?),
        _ => return CannotSay::because(name),
    })
}

/// All numbers are of one kind, because values of different kinds are never equal.
fn literal(value: &Json) -> Result<String, CannotSay> {
    match value {
        Json::Number(number) => Ok(format!("{:?}", number.as_f64().unwrap_or_default())),
        // JSON's escapes are understood.
        Json::String(_) | Json::Bool(_) | Json::Null => Ok(value.to_string()),
        _ => CannotSay::because(value.to_string()),
    }
}

fn wildcard(value: &str, text: &str) -> Result<String, CannotSay> {
    if text.contains('\\') {
        return CannotSay::because("escaped stars");
    }
    let parts: Vec<&str> = text.split('*').collect();
    match parts.as_slice() {
        ["", inside, ""] => Ok(format!("{value}.contains({})", literal(&Json::from(*inside))?)),
        parts => {
            let parts: Vec<String> = parts.iter().map(|part| escaped(part)).collect();
            matches(value, &format!("(?s)^{}$", parts.join(".*")))
        }
    }
}

fn matches(value: &str, expression: &str) -> Result<String, CannotSay> {
    Ok(format!("{value}.matches({})", literal(&Json::from(expression))?))
}

/// As a regular expression that matches just this.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn value(json: &sonic_rs::Value) -> Value {
    match json.get_type() {
        JsonType::Null => Value::Null,
        JsonType::Boolean => Value::Bool(json.is_true()),
        JsonType::Number => Value::Float(json.as_f64().unwrap_or_default()),
        JsonType::String => Value::from(json.as_str().unwrap_or_default()),
        JsonType::Array => {
            let elements = json.as_array().into_iter().flat_map(|array| array.iter());
            Value::List(Arc::new(elements.map(value).collect()))
        }
        JsonType::Object => {
            let members = json.as_object().into_iter().flat_map(|object| object.iter());
            let members = members.map(|(name, member)| (name.to_owned(), value(member)));
            Value::from(members.collect::<HashMap<String, Value>>())
        }
    }
}

impl Engine for Cel {
    fn ways(&self) -> &'static [Way] {
        &[Way::Checked]
    }

    fn insert(&mut self, rule: u32) -> Result<()> {
        let text = self.rules.get(rule as usize).context("no such rule")?;
        let program = self.env.compile(text).map_err(|error| anyhow!("{error} in {text}"))?;
        *self.programs.get_mut(rule as usize).context("no such rule")? = Some(program);
        Ok(())
    }

    fn remove(&mut self, rule: u32) -> Result<()> {
        *self.programs.get_mut(rule as usize).context("no such rule")? = None;
        Ok(())
    }

    fn matches(&mut self, _: Way, event: &[u8], matched: &mut Vec<u32>) -> Result<()> {
        let event: sonic_rs::Value = sonic_rs::from_slice(event)?;
        let named = event.as_object().into_iter().flat_map(|object| object.iter());
        let named = named.filter(|(name, _)| self.roots.contains(*name));
        let named = named.map(|(name, field)| (name.to_owned(), value(field)));
        let mut context = Context::with_env(Arc::clone(&self.env));
        context.add_variable_from_value("event", named.collect::<HashMap<String, Value>>());
        for (rule, program) in (0..).zip(&self.programs) {
            let Some(program) = program else { continue };
            // A field that is missing or of another kind is an error, and so no match.
            if let Ok(Value::Bool(true)) = program.execute(&context) {
                matched.push(rule);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::workload::Events;

    #[test]
    fn rules_become_expressions() {
        let mut events = Events::default();
        events.push(br#"{"items": [{"sku": "a", "qty": 1}], "tags": ["x"], "n": 1}"#);
        let shape = Shape::of(&events).unwrap();
        let said = |rule: &str| translate(&conditions(rule).unwrap(), &shape).map_err(|error| error.to_string());
        assert_eq!(
            said(r#"{"items": {"sku": ["a"], "qty": [1, 2]}, "n": [{"numeric": [">", 0]}]}"#).unwrap(),
            r#"(event.n > 0.0) && event.items.exists(e, (e.qty == 1.0 || e.qty == 2.0) && (e.sku == "a"))"#
        );
        assert_eq!(
            said(r#"{"tags": ["x"]}"#).unwrap(),
            r#"event.tags.exists(e, (e == "x"))"#
        );
        assert_eq!(
            said(r#"{"a": [{"wildcard": "*b*"}]}"#).unwrap(),
            r#"(event.a.contains("b"))"#
        );
        assert_eq!(
            said(r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#).unwrap_err(),
            "cannot say: cidr"
        );
    }
}
