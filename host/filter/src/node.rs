//! The compiled form: one tree of names for each alternative.

use crate::matcher::Leaf;

/// All that one alternative asks of one place in the event, as a tree along the names of paths.
///
/// `$or` is multiplied out before, so a tree holds only what must be true together. That is what makes arrays
/// consistent: whatever shares a path through an array shares its node, and so is asked of the same element.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    /// What the scalars at this place must be.
    pub(crate) leaf: Option<Leaf>,
    /// What the members of an object at this place must be, in alphabetical order, each name once. A sorted list,
    /// because most places have one or two members and patterns are many.
    pub(crate) children: Vec<(Box<str>, Node)>,
    /// Alternatives none of which may hold at this place.
    pub(crate) not: Vec<Node>,
}

impl Node {
    /// Changes the node at the end of `path`, which is made if need be.
    pub(crate) fn at(&mut self, path: &[&str], change: impl FnOnce(&mut Node)) {
        match path.split_first() {
            None => change(self),
            Some((name, rest)) => self.child(name, |child| child.at(rest, change)),
        }
    }

    fn child(&mut self, name: &str, change: impl FnOnce(&mut Node)) {
        match self.children.binary_search_by(|(other, _)| (**other).cmp(name)) {
            Ok(at) => {
                if let Some((_, child)) = self.children.get_mut(at) {
                    change(child);
                }
            }
            Err(at) => {
                let mut child = Node::default();
                change(&mut child);
                if self.children.is_empty() {
                    // Most places have one child, and a list that grows by itself begins with room for four.
                    self.children.reserve_exact(1);
                }
                self.children.insert(at, (name.into(), child));
            }
        }
    }

    /// Gives back the room that was left for more.
    pub(crate) fn shrink(&mut self) {
        self.children.shrink_to_fit();
        self.not.shrink_to_fit();
        self.children.iter_mut().for_each(|(_, child)| child.shrink());
        self.not.iter_mut().for_each(Node::shrink);
    }

    /// Adds a leaf to what is asked here.
    pub(crate) fn ask(&mut self, leaf: Leaf) {
        match &mut self.leaf {
            None => self.leaf = Some(leaf),
            Some(both) => both.and(leaf),
        }
    }

    /// Adds all that `other` asks.
    pub(crate) fn merge(&mut self, other: &Node) {
        if let Some(leaf) = &other.leaf {
            self.ask(leaf.clone());
        }
        self.not.extend(other.not.iter().cloned());
        for (name, child) in &other.children {
            self.child(name, |mine| mine.merge(child));
        }
    }

    /// The names that are looked up at this place.
    pub(crate) fn names<'n>(&'n self, into: &mut Vec<&'n str>) {
        into.extend(self.children.iter().map(|(name, _)| &**name));
        for alternative in &self.not {
            alternative.names(into);
        }
    }
}
