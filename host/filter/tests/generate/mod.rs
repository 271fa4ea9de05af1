//! Random patterns and events.

use patchpanel_filter::Pattern;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// Few names and few values, so that patterns often meet events.
fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    select(vec![
        "", "x", "X", "xy", "yx", "x*y", "y\\", "10.0.0.1", "10.9.0.1", "info", "error", "É", "é",
    ])
    .prop_map(str::to_owned)
}

fn number() -> impl Strategy<Value = Value> {
    select(vec![
        json!(-1),
        json!(0),
        json!(1),
        json!(1.0),
        json!(1.5),
        json!(2),
        json!(1e30),
    ])
}

pub(crate) fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => text().prop_map(Value::from),
        3 => number(),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ]
}

fn loose_event() -> impl Strategy<Value = Map<String, Value>> {
    let value = scalar().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::btree_map(name(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(name(), value, 0..4).prop_map(|map| map.into_iter().collect())
}

/// Lists of objects within lists of objects, along the paths that patterns use.
fn nested_event() -> impl Strategy<Value = Map<String, Value>> {
    fn layer(inner: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
        let object = prop::collection::btree_map(name(), inner, 1..4);
        let object = object.prop_map(|map| Value::Object(map.into_iter().collect())).boxed();
        let element = prop_oneof![6 => object.clone(), 1 => scalar(), 1 => Just(json!([]))];
        let list = prop::collection::vec(element.clone(), 1..4).prop_map(Value::from);
        prop_oneof![2 => list, 1 => object].boxed()
    }
    let bottom = prop_oneof![3 => scalar(), 1 => prop::collection::vec(scalar(), 0..3).prop_map(Value::from)];
    let value = layer(layer(bottom.boxed()));
    prop::collection::btree_map(name(), value, 1..4).prop_map(|map| map.into_iter().collect())
}

/// Lists that are longer than what an index looks up one by one.
fn long_event() -> impl Strategy<Value = Map<String, Value>> {
    let object = prop::collection::btree_map(name(), scalar(), 1..3);
    let object = object.prop_map(|map| Value::Object(map.into_iter().collect()));
    let list = |element: BoxedStrategy<Value>| prop::collection::vec(element, 5..25).prop_map(Value::from);
    let value = prop_oneof![list(scalar().boxed()), list(object.boxed())];
    prop::collection::btree_map(name(), value, 1..3).prop_map(|map| map.into_iter().collect())
}

pub(crate) fn event() -> impl Strategy<Value = Map<String, Value>> {
    prop_oneof![3 => loose_event(), 3 => nested_event(), 1 => long_event()]
}

fn wildcard() -> impl Strategy<Value = String> {
    select(vec!["*", "x*", "*y", "x*y", "*x*", "x\\*y", "*\\\\", "", "*y*x*"]).prop_map(str::to_owned)
}

fn numeric() -> impl Strategy<Value = Value> {
    let one = (select(vec!["=", "<", "<=", ">", ">="]), number()).prop_map(|(sign, number)| json!([sign, number]));
    let two = (select(vec![">", ">="]), number(), select(vec!["<", "<="]), number())
        .prop_map(|(low, low_number, high, high_number)| json!([low, low_number, high, high_number]));
    prop_oneof![one, two]
}

fn one_or_more<T: Into<Value> + std::fmt::Debug + Clone>(
    items: impl Strategy<Value = T>,
) -> impl Strategy<Value = Value> {
    prop::collection::vec(items, 1..3).prop_map(|items| match items.as_slice() {
        [only] => only.clone().into(),
        _ => Value::from(items.into_iter().map(Into::into).collect::<Vec<Value>>()),
    })
}

fn affix() -> impl Strategy<Value = String> {
    text().prop_filter("empty", |text| !text.is_empty())
}

/// An item that wants a value, without `all`.
fn item() -> impl Strategy<Value = Value> {
    let anything_but = prop_oneof![
        one_or_more(text()),
        one_or_more(number()),
        one_or_more(affix()).prop_map(|texts| json!({"prefix": texts})),
        one_or_more(affix()).prop_map(|texts| json!({"suffix": texts})),
        one_or_more(text()).prop_map(|texts| json!({"equals-ignore-case": texts})),
        one_or_more(wildcard()).prop_map(|texts| json!({"wildcard": texts})),
    ];
    let level = || select(vec!["debug", "info", "warning", "error"]);
    prop_oneof![
        6 => scalar(),
        1 => Just(json!({"exists": true})),
        1 => text().prop_map(|text| json!({"exactly": text})),
        1 => text().prop_map(|text| json!({"prefix": text})),
        1 => text().prop_map(|text| json!({"suffix": text})),
        1 => text().prop_map(|text| json!({"prefix": {"equals-ignore-case": text}})),
        1 => text().prop_map(|text| json!({"suffix": {"equals-ignore-case": text}})),
        1 => text().prop_map(|text| json!({"equals-ignore-case": text})),
        1 => wildcard().prop_map(|text| json!({"wildcard": text})),
        2 => numeric().prop_map(|bounds| json!({"numeric": bounds})),
        3 => anything_but.prop_map(|excluded| json!({"anything-but": excluded})),
        1 => select(vec!["10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32"]).prop_map(|network| json!({"cidr": network})),
        1 => level().prop_map(|level| json!({"at-least": level})),
        1 => level().prop_map(|level| json!({"at-most": level})),
    ]
}

pub(crate) fn list() -> impl Strategy<Value = Value> {
    let item = prop_oneof![
        8 => item(),
        3 => Just(json!({"exists": false})),
        1 => prop::collection::vec(item(), 1..3).prop_map(|items| json!({"all": items})),
    ];
    prop::collection::vec(item, 1..3).prop_map(Value::from)
}

fn object(values: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    let keys = subsequence(vec!["a", "b", "c", "a.b", "b.c", "a.b.c", "c.a"], 1..4);
    keys.prop_flat_map(move |keys| {
        let count = keys.len();
        (Just(keys), prop::collection::vec(values.clone(), count))
    })
    .prop_map(|(keys, values)| Value::Object(keys.into_iter().map(str::to_owned).zip(values).collect()))
}

pub(crate) fn pattern() -> impl Strategy<Value = Value> {
    object(list().boxed()).prop_recursive(4, 24, 3, |inner| {
        let values = prop_oneof![list(), inner.clone().boxed()].boxed();
        (
            object(values),
            prop::option::weighted(0.4, prop::collection::vec(inner.clone(), 2..4)),
            prop::option::weighted(0.4, inner),
        )
            .prop_map(|(mut object, or, not)| {
                let members = object.as_object_mut().unwrap();
                members.extend(or.map(|or| ("$or".to_owned(), Value::from(or))));
                members.extend(not.map(|not| ("not".to_owned(), not)));
                object
            })
    })
}

/// Random patterns may contradict themselves or ask for an empty range; those are refused, not wrong.
pub(crate) fn compile(pattern: &Value) -> Option<Pattern> {
    match pattern.to_string().parse::<Pattern>() {
        Ok(compiled) => Some(compiled),
        Err(mistakes) => {
            for mistake in mistakes {
                let expected = [
                    "twice",
                    "both a list and",
                    "no number lies",
                    "multiplies out",
                    "multiplied out",
                ];
                assert!(
                    expected.iter().any(|part| mistake.message.contains(part)),
                    "{pattern}: {mistake}"
                );
            }
            None
        }
    }
}
