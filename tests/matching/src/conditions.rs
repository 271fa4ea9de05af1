//! A rule's fields one by one, for engines that spell rules differently.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::names::LEVELS;

/// What a field is asked.
pub(crate) struct Condition {
    /// The names from the event down.
    pub(crate) path: Vec<String>,
    /// One of these must hold. Values stand for themselves, and objects have an operator's name as their only key.
    pub(crate) items: Vec<Value>,
}

impl Condition {
    /// The path with dots between the names.
    pub(crate) fn dotted(&self) -> String {
        self.path.join(".")
    }
}

/// What an engine has no words for.
#[derive(Debug)]
pub(crate) struct CannotSay(pub(crate) String);

impl CannotSay {
    pub(crate) fn because<T>(what: impl Into<String>) -> Result<T, CannotSay> {
        Err(CannotSay(what.into()))
    }
}

impl std::error::Error for CannotSay {}

impl fmt::Display for CannotSay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot say: {}", self.0)
    }
}

/// All conditions of a rule, which must hold together. Orders of levels are turned into lists of levels.
pub(crate) fn conditions(rule: &str) -> Result<Vec<Condition>, CannotSay> {
    let mut conditions = Vec::new();
    match serde_json::from_str(rule) {
        Ok(Value::Object(rule)) => fields(&rule, &[], &mut conditions)?,
        _ => return CannotSay::because("CloudEvents filters"),
    }
    Ok(conditions)
}

fn fields(object: &Map<String, Value>, above: &[String], conditions: &mut Vec<Condition>) -> Result<(), CannotSay> {
    for (name, value) in object {
        if name == "$or" || name == "not" {
            return CannotSay::because(name);
        }
        let mut path = above.to_vec();
        path.extend(name.split('.').map(str::to_owned));
        match value {
            Value::Object(object) => fields(object, &path, conditions)?,
            Value::Array(items) => conditions.push(Condition {
                path,
                items: items.iter().flat_map(without_orders).collect(),
            }),
            _ => return CannotSay::because(value.to_string()),
        }
    }
    Ok(())
}

fn without_orders(item: &Value) -> Vec<Value> {
    let place = |level: &Value| LEVELS.iter().position(|known| level == known);
    let levels = match operator(item) {
        Some(("at-least", level)) => place(level).and_then(|place| LEVELS.get(place..)),
        Some(("at-most", level)) => place(level).and_then(|place| LEVELS.get(..=place)),
        _ => None,
    };
    match levels {
        Some(levels) => levels.iter().map(|level| json!(level)).collect(),
        None => vec![item.clone()],
    }
}

/// The name of an operator and what stands beside it; nothing for a plain value.
pub(crate) fn operator(item: &Value) -> Option<(&str, &Value)> {
    let (name, argument) = item.as_object()?.iter().next()?;
    Some((name, argument))
}

/// The bounds of `numeric`, such as `>=` and 1.5.
pub(crate) fn bounds(list: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.chunks_exact(2).filter_map(|pair| match pair {
        [operator, bound] => Some((operator.as_str()?, bound)),
        _ => None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn nested_and_dotted_fields_are_the_same() {
        let rule = r#"{"a": {"b.c": [1, {"prefix": "x"}]}, "level": [{"at-least": "error"}]}"#;
        let conditions = conditions(rule).unwrap();
        let (one, other) = (conditions.first().unwrap(), conditions.get(1).unwrap());
        assert_eq!((one.dotted().as_str(), one.items.len()), ("a.b.c", 2));
        assert_eq!(other.items, [json!("error"), json!("critical")]);
        assert_eq!(operator(&json!({"prefix": "x"})), Some(("prefix", &json!("x"))));
        assert_eq!(bounds(&json!([">", 1, "<", 2])).count(), 2);
    }
}
