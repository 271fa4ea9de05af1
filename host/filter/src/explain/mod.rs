//! Why a pattern matches an event or does not: every condition by itself, with what the event has in its place.
//!
//! Whether an alternative holds is asked of the same walk that matches ([`eval`]), and so is each of its
//! conditions, as a pattern of its own. What does not fail by itself fails with the others: those are the conditions on
//! the elements of a list. To tell them, conditions are put together again one after the other, as long as they hold.

mod hint;
mod parts;
mod places;
mod show;

use serde_json::{Map, Value};

use self::parts::{Ask, Part, Verdicts, parts, verdicts};
use self::places::{Place, joined, places};
use crate::eval;
use crate::fields::Fields;
use crate::node::Node;
use crate::print;

/// Most values that are shown of those at one path.
const SHOWN_VALUES: usize = 5;
/// Most characters that are shown of one value.
const SHOWN_CHARACTERS: usize = 120;

/// Why an event matches a pattern, or why it does not.
///
/// It repeats values of the event, so it is for whoever may see the event. `Display` is a tree of lines for people,
/// without the line end after the last; where nothing matched, the last line is the nearest miss.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The pattern with `$or` multiplied out: it matches if one of these holds. Never empty.
    pub alternatives: Vec<Alternative>,
}

/// One way for the pattern to match. It holds if all of its predicates do, and together.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// Whether it holds.
    pub held: bool,
    /// By path.
    pub predicates: Vec<Predicate>,
    /// Predicates that hold, and not together. Empty if the alternative holds.
    pub apart: Vec<Apart>,
}

/// What is asked of one place in the event.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// Dotted; empty for the event itself. Inside of a `not` it may lead through an element: `people[1].age`.
    pub path: String,
    /// What is asked, and what is there.
    pub test: Test,
    /// Whether it holds by itself. What may be absent, and `not`, are asked as the whole alternative would, of the
    /// elements that the other predicates settled on.
    pub held: bool,
    /// If it does not hold: what comes nearest, as a sentence without its full stop.
    pub hint: Option<String>,
}

/// What a predicate asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// That a value is what one item of a list says.
    Values {
        /// The list in canonical spelling, each item as JSON.
        items: Vec<String>,
        /// The first values at the path. Empty where nothing stands.
        found: Vec<Found>,
        /// How many values more there are.
        more: usize,
    },
    /// That a pattern does not hold for the object at the path.
    Not {
        /// In canonical spelling.
        pattern: String,
        /// If it does hold: for which object, such as `people[1]`; empty for the event itself.
        at: Option<String>,
        /// If it does hold: all of what holds there.
        inner: Vec<Predicate>,
    },
}

/// A value of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where it stands, such as `tags[0]`.
    pub at: String,
    /// `null`, `boolean`, `number`, `string`, `object` or, if it is empty, `list`. The elements of others stand for them.
    pub kind: &'static str,
    /// A string itself, or else its JSON; cut to 120 characters and then ended with `…`. Empty for objects and lists.
    pub text: String,
}

/// Predicates of which each holds somewhere in a list, and no element of it has them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The path of the list.
    pub list: String,
    /// The paths of the predicates, two or more.
    pub paths: Vec<String>,
}

impl Explanation {
    /// Whether the event matches: always what [`Pattern::matches`](crate::Pattern::matches) says.
    pub fn matched(&self) -> bool {
        self.alternatives.iter().any(|alternative| alternative.held)
    }

    /// The first of the alternatives that lack the least, with its index; none if the event matches.
    pub fn nearest(&self) -> Option<(usize, &Alternative)> {
        if self.matched() {
            return None;
        }
        let alternatives = self.alternatives.iter().enumerate();
        alternatives.min_by_key(|(_, alternative)| alternative.lacks())
    }
}

impl Alternative {
    /// How many of its predicates would have to go for it to hold.
    fn lacks(&self) -> usize {
        let failed = self.predicates.iter().filter(|predicate| !predicate.held).count();
        let apart = self
            .apart
            .iter()
            .map(|apart| apart.paths.len().saturating_sub(1).max(1));
        failed.saturating_add(apart.sum())
    }

    /// What keeps it from holding, as sentences without full stops; empty if it holds.
    pub fn misses(&self) -> Vec<String> {
        let hints = self.predicates.iter().filter_map(|predicate| predicate.hint.clone());
        hints.chain(self.apart.iter().map(Apart::sentence)).collect()
    }
}

/// Explains what the alternatives make of the event.
pub(crate) fn explain(alternatives: &[Node], event: &dyn Fields) -> Explanation {
    let alternatives = alternatives.iter().map(|node| alternative(node, event, ""));
    Explanation {
        alternatives: alternatives.collect(),
    }
}

/// `prefix` is the way to the object.
fn alternative(node: &Node, object: &dyn Fields, prefix: &str) -> Alternative {
    let parts = parts(node);
    let held = eval::holds(node, object);
    let verdicts = if held {
        Verdicts {
            held: vec![true; parts.len()],
            apart: Vec::new(),
            together: Node::default(),
        }
    } else {
        verdicts(&parts, object, prefix)
    };
    let predicates = parts.iter().zip(&verdicts.held).map(|(part, held)| Predicate {
        path: joined(prefix, &part.path),
        ..predicate(part, *held, &verdicts.together, object, prefix)
    });
    Alternative {
        held,
        predicates: predicates.collect(),
        apart: verdicts.apart,
    }
}

fn predicate(part: &Part<'_>, held: bool, together: &Node, object: &dyn Fields, prefix: &str) -> Predicate {
    let (test, hint) = match part.ask {
        Ask::Leaf(leaf) => {
            let places = places(object, prefix, &part.path);
            let hint = (!held).then(|| hint::hint(leaf, &places, object, prefix, &part.path));
            let absent = leaf.or_absent.then(|| print::ABSENT.to_owned());
            let values = places.iter().filter_map(found);
            let test = Test::Values {
                items: leaf.any.iter().map(print::item).chain(absent).collect(),
                more: values.clone().count().saturating_sub(SHOWN_VALUES),
                found: values.take(SHOWN_VALUES).collect(),
            };
            (test, hint)
        }
        Ask::Not(inner) => {
            let pattern = print::pattern(inner);
            let offence = if held {
                None
            } else {
                offence(part, inner, together, object, prefix)
            };
            let hint = (!held).then(|| {
                let at = offence.as_ref().map_or_else(String::new, |(at, _)| at.clone());
                format!("{} has what must not hold: {}", show::place(&at), show::cut(&pattern))
            });
            let (at, inner) = offence.map_or_else(Default::default, |(at, inner)| (Some(at), inner));
            (Test::Not { pattern, at, inner }, hint)
        }
    };
    Predicate {
        path: String::new(),
        test,
        held,
        hint,
    }
}

/// The object for which the inner pattern holds although it must not, with what holds there. Objects for which the other
/// conditions hold come first: those are the ones that matter.
fn offence(
    part: &Part<'_>,
    inner: &Node,
    together: &Node,
    object: &dyn Fields,
    prefix: &str,
) -> Option<(String, Vec<Predicate>)> {
    if part.path.is_empty() {
        return Some((prefix.to_owned(), alternative(inner, object, prefix).predicates));
    }
    let nothing = Map::new();
    let mut places = places(object, prefix, &part.path);
    places.retain(|place| eval::holds(inner, place.object().unwrap_or(&nothing)));
    let beside = part.path.iter().try_fold(together, |node, name| {
        let mut children = node.children.iter();
        children.find(|(other, _)| *other == *name).map(|(_, child)| child)
    });
    let settled =
        |place: &&Place<'_>| beside.is_none_or(|beside| eval::holds(beside, place.object().unwrap_or(&nothing)));
    let place = places.iter().find(settled).or_else(|| places.first())?;
    let holds = alternative(inner, place.object().unwrap_or(&nothing), &place.at);
    Some((place.at.clone(), holds.predicates))
}

fn found(place: &Place<'_>) -> Option<Found> {
    let value = place.value.as_deref()?;
    let (kind, text) = match value {
        Value::Null => ("null", value.to_string()),
        Value::Bool(_) => ("boolean", value.to_string()),
        Value::Number(_) => ("number", value.to_string()),
        Value::String(text) => ("string", text.clone()),
        Value::Object(_) => ("object", String::new()),
        Value::Array(_) => ("list", String::new()),
    };
    Some(Found {
        at: place.at.clone(),
        kind,
        text: show::cut(&text),
    })
}
