//! Matching, straight over the compiled tree.
//!
//! # Arrays
//! The meaning is event-ruler's: a match picks one value for every condition, the picked values must agree on which
//! element they took of every array that they both pass through, and a condition that wants a field absent looks only
//! where the picked elements leave room. Scalars that stand directly in an array are values of the array itself and
//! pick no element.
//!
//! One walk decides this without trying combinations, by telling apart *why* a place satisfies a node: because
//! something was [found](Verdict::Found) there, or merely because nothing forbidden is there
//! ([`Verdict::Free`]). An array satisfies a node if something is found in one element, or if all elements are free.

use serde_json::{Map, Value};

use crate::fields::{FieldValue, Fields};
use crate::matcher::{Leaf, Scalar};
use crate::node::Node;

/// How a place meets a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It does not.
    No,
    /// Nothing there stands against it, and nothing there was needed.
    Free,
    /// A value that was asked for is there.
    Found,
}

impl Verdict {
    pub(crate) fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::No, _) | (_, Verdict::No) => Verdict::No,
            (Verdict::Free, Verdict::Free) => Verdict::Free,
            _ => Verdict::Found,
        }
    }
}

/// What is still to be asked of a node's own leaf, on the way through nested arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// All of it.
    Leaf,
    /// A value: an outer array holds scalars, so the field is not absent.
    Value,
    /// Nothing: a value was found.
    Nothing,
}

/// Where there is no object, no field has a value.
struct Nowhere;

impl Fields for Nowhere {
    fn field(&self, _: &str) -> Option<FieldValue<'_>> {
        None
    }
}

/// Whether the alternative holds for the event.
pub(crate) fn holds(alternative: &Node, event: &dyn Fields) -> bool {
    below(alternative, event) != Verdict::No
}

/// The node's children and negations, on an object.
fn below(node: &Node, object: &dyn Fields) -> Verdict {
    let mut verdict = Verdict::Free;
    for (name, child) in &node.children {
        let found = match object.field(name) {
            None => on_nothing(child, Ask::Leaf),
            Some(FieldValue::Text(text)) => on_scalar(child, Scalar::Text(&text), Ask::Leaf),
            Some(FieldValue::Tree(value)) => on_value(child, value, Ask::Leaf),
        };
        if found == Verdict::No {
            return Verdict::No;
        }
        verdict = verdict.and(found);
    }
    if node.not.iter().any(|alternative| holds(alternative, object)) {
        return Verdict::No;
    }
    verdict
}

fn on_value(node: &Node, value: &Value, ask: Ask) -> Verdict {
    match value {
        Value::Object(object) => on_object(node, object, ask),
        Value::Array(elements) => on_array(node, elements, ask),
        scalar => match Scalar::of(scalar) {
            Some(scalar) => on_scalar(node, scalar, ask),
            None => on_nothing(node, ask),
        },
    }
}

fn on_nothing(node: &Node, ask: Ask) -> Verdict {
    without_value(node, ask).and(below(node, &Nowhere))
}

fn on_object(node: &Node, object: &Map<String, Value>, ask: Ask) -> Verdict {
    match without_value(node, ask) {
        Verdict::No => Verdict::No,
        verdict => verdict.and(below(node, object)),
    }
}

/// The leaf where no scalar stands.
fn without_value(node: &Node, ask: Ask) -> Verdict {
    match asked(node, ask) {
        None => Verdict::Free,
        Some(leaf) if leaf.or_absent && ask == Ask::Leaf => Verdict::Free,
        Some(_) => Verdict::No,
    }
}

fn on_scalar(node: &Node, scalar: Scalar<'_>, ask: Ask) -> Verdict {
    let verdict = match asked(node, ask) {
        None => Verdict::Free,
        Some(leaf) if leaf.matches(scalar) => Verdict::Found,
        Some(_) => return Verdict::No,
    };
    if node.children.is_empty() && node.not.is_empty() {
        return verdict;
    }
    verdict.and(below(node, &Nowhere))
}

fn on_array(node: &Node, elements: &[Value], ask: Ask) -> Verdict {
    if elements.is_empty() {
        return on_nothing(node, ask);
    }
    let Some(leaf) = asked(node, ask) else {
        return each(node, elements, ask);
    };
    if leaf.matches_directly(elements) {
        let rest = each(node, elements, Ask::Nothing);
        if rest != Verdict::No {
            return Verdict::Found;
        }
    }
    if elements.iter().all(|element| Scalar::of(element).is_none()) {
        return each(node, elements, ask);
    }
    // Scalars stand here and none is what is asked for: left is a value deeper down, in one element.
    let deeper = elements.iter().filter(|element| Scalar::of(element).is_none());
    let mut deeper = deeper.map(|element| on_value(node, element, Ask::Value));
    if deeper.any(|verdict| verdict == Verdict::Found) {
        Verdict::Found
    } else {
        Verdict::No
    }
}

/// Found in one element, or else free in all.
fn each(node: &Node, elements: &[Value], ask: Ask) -> Verdict {
    let mut all_free = Verdict::Free;
    for element in elements {
        match on_value(node, element, ask) {
            Verdict::Found => return Verdict::Found,
            Verdict::Free => {}
            Verdict::No => all_free = Verdict::No,
        }
    }
    all_free
}

fn asked(node: &Node, ask: Ask) -> Option<&Leaf> {
    node.leaf.as_ref().filter(|_| ask != Ask::Nothing)
}
