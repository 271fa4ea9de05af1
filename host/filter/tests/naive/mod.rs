//! A second evaluator, written from the description alone and with no regard to speed: it works on the pattern's JSON,
//! lists every value of the event with the list elements it stands in, and tries all choices.

use std::collections::BTreeMap;

use serde_json::Value;

/// Which element was taken of each list; lists are named by where they stand.
type Choice = BTreeMap<String, usize>;

/// What the event has at some path.
#[derive(Clone, Debug)]
struct Found<'e> {
    value: Option<&'e Value>,
    choice: Choice,
}

/// One condition of an alternative.
#[derive(Clone)]
enum Condition<'p> {
    List(Vec<String>, &'p [Value]),
    Not(Vec<String>, &'p Value),
}

pub(crate) fn matches(pattern: &Value, event: &Value) -> bool {
    alternatives(pattern, &[])
        .iter()
        .any(|conditions| search(conditions, event, &Choice::new()))
}

/// The pattern with every `$or` resolved in every way.
fn alternatives<'p>(pattern: &'p Value, at: &[String]) -> Vec<Vec<Condition<'p>>> {
    let mut all = vec![Vec::new()];
    for (key, value) in pattern.as_object().unwrap() {
        let ways: Vec<Vec<Condition<'p>>> = match (key.as_str(), value) {
            ("$or", Value::Array(branches)) => branches.iter().flat_map(|branch| alternatives(branch, at)).collect(),
            ("not", inner) => vec![vec![Condition::Not(at.to_vec(), inner)]],
            (name, value) => {
                let path: Vec<String> = at.iter().cloned().chain(name.split('.').map(str::to_owned)).collect();
                match value {
                    Value::Array(items) => vec![vec![Condition::List(path, items)]],
                    object => alternatives(object, &path),
                }
            }
        };
        all = all
            .iter()
            .flat_map(|before| ways.iter().map(move |way| before.iter().chain(way).cloned().collect()))
            .collect();
    }
    all
}

/// Tries every value for every list that wants one; what wants absence is checked once all are chosen.
fn search(conditions: &[Condition<'_>], event: &Value, chosen: &Choice) -> bool {
    fn step(
        rest: &[Condition<'_>],
        absent: &mut Vec<Vec<String>>,
        all: &[Condition<'_>],
        event: &Value,
        chosen: &Choice,
    ) -> bool {
        let Some((condition, rest)) = rest.split_first() else {
            return settled(absent, all, event, chosen);
        };
        let Condition::List(path, items) = condition else {
            return step(rest, absent, all, event, chosen);
        };
        for found in holders(event, path) {
            if found
                .value
                .is_some_and(|value| items.iter().any(|item| item_matches(item, value)))
                && let Some(both) = agree(chosen, &found.choice)
                && step(rest, absent, all, event, &both)
            {
                return true;
            }
        }
        if !items.iter().any(|item| *item == serde_json::json!({"exists": false})) {
            return false;
        }
        absent.push(path.clone());
        let found = step(rest, absent, all, event, chosen);
        absent.pop();
        found
    }
    step(conditions, &mut Vec::new(), conditions, event, chosen)
}

fn settled(absent: &[Vec<String>], all: &[Condition<'_>], event: &Value, chosen: &Choice) -> bool {
    let none_there = absent.iter().all(|path| {
        let mut scalars = holders(event, path);
        scalars.retain(|found| found.value.is_some_and(|value| !value.is_array()));
        scalars.iter().all(|found| agree(chosen, &found.choice).is_none())
    });
    none_there
        && all.iter().all(|condition| match condition {
            Condition::List(..) => true,
            Condition::Not(path, inner) => {
                let nothing = serde_json::json!({});
                places(event, path)
                    .iter()
                    .filter(|place| agree(chosen, &place.choice).is_some())
                    .all(|place| {
                        let object = place.value.filter(|value| value.is_object()).unwrap_or(&nothing);
                        !matches(inner, object)
                    })
            }
        })
}

fn agree(a: &Choice, b: &Choice) -> Option<Choice> {
    let mut both = a.clone();
    for (list, element) in b {
        if *both.entry(list.clone()).or_insert(*element) != *element {
            return None;
        }
    }
    Some(both)
}

/// The objects, scalars and gaps that the path can lead to, each with the elements it stands in.
fn places<'e>(event: &'e Value, path: &[String]) -> Vec<Found<'e>> {
    let mut now = opened(
        Found {
            value: Some(event),
            choice: Choice::new(),
        },
        "",
    );
    let mut shown = String::new();
    for name in path {
        shown = format!("{shown}.{name}");
        now = now
            .into_iter()
            .flat_map(|found| {
                let value = found
                    .value
                    .and_then(|value| value.as_object())
                    .and_then(|object| object.get(name));
                let name = format!("{shown}{:?}", found.choice);
                opened(
                    Found {
                        value,
                        choice: found.choice,
                    },
                    &name,
                )
            })
            .collect();
    }
    now
}

/// Lists replaced by their elements; an empty list is a gap.
fn opened<'e>(found: Found<'e>, name: &str) -> Vec<Found<'e>> {
    match found.value {
        Some(Value::Array(elements)) if elements.is_empty() => vec![Found { value: None, ..found }],
        Some(Value::Array(elements)) => (elements.iter().enumerate())
            .flat_map(|(index, element)| {
                let mut choice = found.choice.clone();
                choice.insert(name.to_owned(), index);
                opened(
                    Found {
                        value: Some(element),
                        choice,
                    },
                    &format!("{name}[{index}]"),
                )
            })
            .collect(),
        _ => vec![found],
    }
}

/// The scalars and lists at a path. A scalar in a list does not count as an element that was taken.
fn holders<'e>(event: &'e Value, path: &[String]) -> Vec<Found<'e>> {
    fn collect<'e>(found: Found<'e>, name: &str, into: &mut Vec<Found<'e>>) {
        match found.value {
            None | Some(Value::Object(_)) => {}
            Some(Value::Array(elements)) => {
                into.push(found.clone());
                for (index, element) in elements.iter().enumerate() {
                    let mut choice = found.choice.clone();
                    if element.is_array() {
                        choice.insert(name.to_owned(), index);
                    }
                    collect(
                        Found {
                            value: Some(element),
                            choice,
                        },
                        &format!("{name}[{index}]"),
                        into,
                    );
                }
            }
            Some(_) => into.push(found),
        }
    }
    let (last, before) = path.split_last().unwrap();
    let mut all = Vec::new();
    for found in places(event, before) {
        let value = found
            .value
            .and_then(|value| value.as_object())
            .and_then(|object| object.get(last));
        let name = format!(
            "{}.{last}{:?}",
            before.iter().map(|name| format!(".{name}")).collect::<String>(),
            found.choice
        );
        collect(
            Found {
                value,
                choice: found.choice,
            },
            &name,
            &mut all,
        );
    }
    all
}

/// One item of a list against a scalar; against a list only `all`.
fn item_matches(item: &Value, value: &Value) -> bool {
    let Some((operator, operand)) = item.as_object().and_then(|object| object.iter().next()) else {
        return !value.is_array() && same(item, value);
    };
    if operator == "all" {
        let mut scalars = Vec::new();
        flatten(value, &mut scalars);
        let wanted = operand.as_array().unwrap();
        return wanted
            .iter()
            .all(|item| scalars.iter().any(|scalar| item_matches(item, scalar)));
    }
    if value.is_array() {
        return false;
    }
    let text = value.as_str();
    let lower = |value: &Value| value.as_str().unwrap().to_lowercase();
    let caseless = |operand: &Value| operand.get("equals-ignore-case").map(lower);
    let low = text.map(str::to_lowercase).unwrap_or_default();
    let rank = |name: &str| {
        ["debug", "info", "warning", "error", "critical"]
            .iter()
            .position(|level| *level == name)
    };
    match operator.as_str() {
        "exactly" => same(operand, value),
        "exists" => *operand == Value::Bool(true),
        "prefix" => match caseless(operand) {
            Some(operand) => text.is_some() && low.starts_with(&operand),
            None => text.is_some_and(|text| text.starts_with(operand.as_str().unwrap())),
        },
        "suffix" => match caseless(operand) {
            Some(operand) => text.is_some() && low.ends_with(&operand),
            None => text.is_some_and(|text| text.ends_with(operand.as_str().unwrap())),
        },
        "equals-ignore-case" => text.is_some() && low == lower(operand),
        "wildcard" => text.is_some_and(|text| {
            let pattern: Vec<char> = operand.as_str().unwrap().chars().collect();
            star(&pattern, &text.chars().collect::<Vec<_>>())
        }),
        "numeric" => value.as_f64().is_some_and(|value| {
            operand.as_array().unwrap().chunks(2).all(|bound| {
                let number = bound[1].as_f64().unwrap();
                match bound[0].as_str().unwrap() {
                    "=" => value == number,
                    "<" => value < number,
                    "<=" => value <= number,
                    ">" => value > number,
                    ">=" => value >= number,
                    other => panic!("{other}"),
                }
            })
        }),
        "anything-but" => {
            let (operator, excluded) = match operand.as_object().and_then(|object| object.iter().next()) {
                Some((operator, excluded)) => (Some(operator), excluded),
                None => (None, operand),
            };
            let one = [excluded.clone()];
            let excluded = excluded.as_array().map_or(&one[..], Vec::as_slice);
            !excluded.iter().any(|excluded| match operator {
                Some(operator) => item_matches(&serde_json::json!({ operator.as_str(): excluded }), value),
                None => same(excluded, value),
            })
        }
        "cidr" => text.is_some_and(|text| {
            let (network, length) = operand.as_str().unwrap().split_once('/').unwrap();
            let bits = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
            let shift = 32 - length.parse::<u32>().unwrap();
            bits(text).is_some_and(|text| text >> shift == bits(network).unwrap() >> shift)
        }),
        "at-least" => text
            .and_then(rank)
            .is_some_and(|value| value >= rank(operand.as_str().unwrap()).unwrap()),
        "at-most" => text
            .and_then(rank)
            .is_some_and(|value| value <= rank(operand.as_str().unwrap()).unwrap()),
        other => panic!("{other}"),
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn flatten<'e>(value: &'e Value, into: &mut Vec<&'e Value>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| flatten(element, into)),
        Value::Object(_) => {}
        scalar => into.push(scalar),
    }
}

fn star(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|taken| star(rest, &text[taken..])),
        Some(('\\', rest)) => text
            .split_first()
            .is_some_and(|(first, text)| *first == rest[0] && star(&rest[1..], text)),
        Some((plain, rest)) => text
            .split_first()
            .is_some_and(|(first, text)| first == plain && star(rest, text)),
    }
}
