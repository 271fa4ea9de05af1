//! What a pattern asks, as it was written, and multiplied out into alternatives.

use std::ops::Range;

use crate::matcher::Leaf;
use crate::node::Node;

/// One thing that a pattern asks, before it is multiplied out.
pub(crate) enum Term<'s> {
    /// The field at the path, counted from the innermost `not`, must be so.
    Field {
        path: Vec<&'s str>,
        leaf: Leaf,
        origin: Origin,
    },
    /// At the place at the path, not all of these.
    Not {
        path: Vec<&'s str>,
        terms: Vec<Term<'s>>,
        origin: Origin,
    },
    /// All of one of these.
    Or(Vec<Vec<Term<'s>>>),
}

/// Where a term was written.
pub(crate) struct Origin {
    pub(crate) span: Range<usize>,
    pub(crate) path: String,
}

/// What terms come to once multiplied out.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) alternatives: usize,
    pub(crate) matchers: usize,
    /// The largest number of alternatives in any `not`.
    pub(crate) inside_not: usize,
}

/// What the terms will come to, without multiplying them out.
pub(crate) fn cost(terms: &[Term<'_>]) -> Cost {
    let mut total = Cost {
        alternatives: 1,
        matchers: 0,
        inside_not: 0,
    };
    for term in terms {
        let term = match term {
            Term::Field { leaf, .. } => Cost {
                alternatives: 1,
                matchers: leaf.count(),
                inside_not: 0,
            },
            Term::Not { terms, .. } => {
                let inner = cost(terms);
                let inside_not = inner.inside_not.max(inner.alternatives);
                Cost {
                    alternatives: 1,
                    matchers: inner.matchers,
                    inside_not,
                }
            }
            Term::Or(branches) => {
                let none = Cost {
                    alternatives: 0,
                    matchers: 0,
                    inside_not: 0,
                };
                branches
                    .iter()
                    .map(|branch| cost(branch))
                    .fold(none, |sum, branch| Cost {
                        alternatives: sum.alternatives.saturating_add(branch.alternatives),
                        matchers: sum.matchers.saturating_add(branch.matchers),
                        inside_not: sum.inside_not.max(branch.inside_not),
                    })
            }
        };
        let ours = total.matchers.saturating_mul(term.alternatives);
        let theirs = term.matchers.saturating_mul(total.alternatives);
        total = Cost {
            alternatives: total.alternatives.saturating_mul(term.alternatives),
            matchers: ours.saturating_add(theirs),
            inside_not: total.inside_not.max(term.inside_not),
        };
    }
    total
}

/// All ways to choose one branch of every [`Term::Or`].
pub(crate) fn multiply_out(terms: Vec<Term<'_>>) -> Vec<Node> {
    let mut common = Node::default();
    let mut ors = Vec::new();
    for term in terms {
        match term {
            Term::Field { path, leaf, .. } => common.at(&path, |node| node.ask(leaf)),
            Term::Not { path, terms, .. } => common.at(&path, |node| node.not.extend(multiply_out(terms))),
            Term::Or(branches) => ors.push(branches),
        }
    }
    let mut alternatives = vec![common];
    for branches in ors {
        let branches: Vec<Node> = branches.into_iter().flat_map(multiply_out).collect();
        let pairs = alternatives
            .iter()
            .flat_map(|node| branches.iter().map(move |branch| (node, branch)));
        alternatives = pairs
            .map(|(node, branch)| {
                let mut both = node.clone();
                both.merge(branch);
                both
            })
            .collect();
    }
    alternatives
}
