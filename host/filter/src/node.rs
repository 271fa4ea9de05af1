//! The compiled form: one tree of names for each alternative.

use std::collections::BTreeMap;

use crate::matcher::Leaf;

/// All that one alternative asks of one place in the event, as a tree along the names of paths.
///
/// `$or` is multiplied out before, so a tree holds only what must be true together. That is what makes arrays
/// consistent: whatever shares a path through an array shares its node, and so is asked of the same element.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    /// What the scalars at this place must be.
    pub(crate) leaf: Option<Leaf>,
    /// What the members of an object at this place must be.
    pub(crate) children: BTreeMap<Box<str>, Node>,
    /// Alternatives none of which may hold at this place.
    pub(crate) not: Vec<Node>,
}

impl Node {
    /// The node at the end of `path`, made if need be.
    pub(crate) fn at(&mut self, path: &[Box<str>]) -> &mut Node {
        match path.split_first() {
            None => self,
            Some((name, rest)) => self.children.entry(name.clone()).or_default().at(rest),
        }
    }

    /// Adds all that `other` asks. Their leaves are at different places: the reader refuses anything else.
    pub(crate) fn merge(&mut self, other: &Node) {
        if let Some(leaf) = &other.leaf {
            self.leaf = Some(leaf.clone());
        }
        self.not.extend(other.not.iter().cloned());
        for (name, child) in &other.children {
            self.children.entry(name.clone()).or_default().merge(child);
        }
    }

    /// The names that are looked up at this place.
    pub(crate) fn names<'n>(&'n self, into: &mut Vec<&'n str>) {
        into.extend(self.children.keys().map(|name| &**name));
        for alternative in &self.not {
            alternative.names(into);
        }
    }
}
