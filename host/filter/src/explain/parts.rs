//! The conditions of one alternative, one by one, and which of them an event meets together.

use std::cmp::Ordering;

use serde_json::Map;

use super::Apart;
use super::places::{joined, places};
use crate::eval;
use crate::fields::Fields;
use crate::matcher::Leaf;
use crate::node::Node;

/// What one condition asks for at the end of its path.
#[derive(Clone, Copy)]
pub(super) enum Ask<'n> {
    Leaf(&'n Leaf),
    Not(&'n Node),
}

/// One condition.
pub(super) struct Part<'n> {
    pub(super) path: Vec<Box<str>>,
    pub(super) ask: Ask<'n>,
}

/// All conditions of an alternative, those on values by path.
pub(super) fn parts(alternative: &Node) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    collect(alternative, &mut Vec::new(), &mut found);
    found
}

fn collect<'n>(node: &'n Node, path: &mut Vec<Box<str>>, found: &mut Vec<Part<'n>>) {
    let asks = node.leaf.iter().map(Ask::Leaf).chain(node.not.iter().map(Ask::Not));
    found.extend(asks.map(|ask| Part {
        path: path.clone(),
        ask,
    }));
    for (name, child) in &node.children {
        path.push(name.clone());
        collect(child, path, found);
        path.pop();
    }
}

impl Part<'_> {
    /// Whether it can hold where nothing stands. What such a part is asked of depends on the parts that need a value.
    fn takes_nothing(&self) -> bool {
        match self.ask {
            Ask::Leaf(leaf) => leaf.or_absent,
            Ask::Not(_) => true,
        }
    }

    /// An alternative of this condition alone, on objects that stand behind the first `skip` names of the path.
    fn node(&self, skip: usize) -> Node {
        let mut node = match self.ask {
            Ask::Leaf(leaf) => Node {
                leaf: Some(leaf.clone()),
                ..Node::default()
            },
            Ask::Not(inner) => Node {
                not: vec![inner.clone()],
                ..Node::default()
            },
        };
        for name in self.path.iter().skip(skip).rev() {
            node = Node {
                children: [(name.clone(), node)].into_iter().collect(),
                ..Node::default()
            };
        }
        node
    }

    /// Whether it holds with nothing else asked.
    fn holds_alone(&self, event: &dyn Fields) -> bool {
        eval::holds(&self.node(0), event)
    }
}

/// Which conditions of an alternative that does not hold are to blame.
pub(super) struct Verdicts {
    /// For each part whether it holds by itself, or with those that hold together.
    pub(super) held: Vec<bool>,
    /// Parts that hold by themselves and not together.
    pub(super) apart: Vec<Apart>,
    /// All that holds together.
    pub(super) together: Node,
}

/// Asks for more and more parts at once. What needs a value goes first, since it settles of which elements absence is
/// asked.
pub(super) fn verdicts(parts: &[Part<'_>], event: &dyn Fields, prefix: &str) -> Verdicts {
    let mut together = Node::default();
    let (mut kept, mut rivals) = (Vec::new(), Vec::new());
    let mut held = vec![false; parts.len()];
    for takes_nothing in [false, true] {
        let mut turn = parts.iter().zip(&mut held);
        for (part, held) in turn.by_ref().filter(|(part, _)| part.takes_nothing() == takes_nothing) {
            let mut more = together.clone();
            more.merge(&part.node(0));
            if eval::holds(&more, event) {
                *held = true;
                kept.push(part);
                together = more;
            } else if part.holds_alone(event) {
                *held = true;
                rivals.push(part);
            }
        }
    }
    let mut apart: Vec<Apart> = Vec::new();
    for rival in rivals {
        let group = group(rival, &kept, event);
        let list = joined(prefix, list_of(&group, event));
        let paths = group.iter().map(|part| joined(prefix, &part.path));
        match apart.iter_mut().find(|other| other.list == list) {
            Some(other) => other.paths.extend(paths),
            None => apart.push(Apart {
                list,
                paths: paths.collect(),
            }),
        }
    }
    for apart in &mut apart {
        apart.paths.sort_unstable();
        apart.paths.dedup();
    }
    Verdicts { held, apart, together }
}

/// The part with those that it does not hold together with.
fn group<'p, 'n>(rival: &'p Part<'n>, kept: &[&'p Part<'n>], event: &dyn Fields) -> Vec<&'p Part<'n>> {
    let clashes = |other: &&&Part<'n>| {
        let mut both = rival.node(0);
        both.merge(&other.node(0));
        !eval::holds(&both, event)
    };
    let mut group: Vec<_> = kept.iter().filter(clashes).copied().collect();
    if group.is_empty() {
        // It goes with each of them, and not with all: then they meet in a list.
        let neighbours = kept.iter().filter(|other| other.path.first() == rival.path.first());
        group.extend(neighbours);
    }
    group.push(rival);
    group
}

/// The list that has no element for which all of the parts hold.
fn list_of<'p>(group: &[&'p Part<'_>], event: &dyn Fields) -> &'p [Box<str>] {
    let Some((first, rest)) = group.split_first() else {
        return &[];
    };
    let shared = rest.iter().fold(first.path.len(), |shared, part| {
        let same = first.path.iter().zip(&part.path).take_while(|(a, b)| a == b);
        shared.min(same.count())
    });
    let mut list = first.path.get(..shared).unwrap_or_default();
    for length in 1..=shared {
        let path = first.path.get(..length).unwrap_or_default();
        let mut places = places(event, "", path);
        places.retain(|place| place.is_element);
        if places.is_empty() {
            continue;
        }
        list = path;
        let nothing = Map::new();
        let all_hold = places.iter().any(|place| {
            group.iter().all(|part| match (part.path.len().cmp(&length), part.ask) {
                (Ordering::Equal, Ask::Leaf(leaf)) => place.scalar().is_some_and(|scalar| leaf.matches(scalar)),
                _ => eval::holds(&part.node(length), place.object().unwrap_or(&nothing)),
            })
        });
        if !all_hold {
            break;
        }
    }
    list
}
