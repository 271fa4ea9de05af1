//! Refuses what cannot be asked together: one path with two lists, or with a list and a `not`.
//!
//! Two lists would have to mean "and" where everything else about lists means "or", and event-ruler silently takes the
//! last one. Branches of one `$or` are never asked together and may name the same path.

use std::collections::BTreeSet;

use crate::mistake::Report;
use crate::terms::{Origin, Term};

/// A path and what it is used for.
type Used<'t> = (&'t [&'t str], Use);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    List,
    Not,
}

/// Reports every collision among the terms, once each.
pub(crate) fn refuse(terms: &[Term<'_>], report: &mut Report) {
    walk(terms, &BTreeSet::new(), report);
}

/// Returns all that is used by the terms or was used outside of them.
fn walk<'t>(terms: &'t [Term<'t>], outside: &BTreeSet<Used<'t>>, report: &mut Report) -> BTreeSet<Used<'t>> {
    let mut used = outside.clone();
    for term in terms {
        match term {
            Term::Field { path, origin, .. } => {
                if used.contains(&(path, Use::Not)) {
                    list_and_not(path, origin, report);
                } else if !used.insert((path, Use::List)) {
                    let message = format!("`{}` is given twice for the same event", path.join("."));
                    let help = "put all of its values into one list, or each into its own `$or` alternative";
                    report.advise::<()>(&origin.span, &origin.path, message, help);
                }
            }
            Term::Not { path, terms, origin } => {
                refuse(terms, report);
                if used.contains(&(path, Use::List)) {
                    list_and_not(path, origin, report);
                } else {
                    used.insert((path, Use::Not));
                }
            }
            Term::Or(_) => {}
        }
    }
    for term in terms {
        if let Term::Or(branches) = term {
            let branches: Vec<_> = branches.iter().map(|branch| walk(branch, &used, report)).collect();
            used.extend(branches.into_iter().flatten());
        }
    }
    used
}

fn list_and_not(path: &[&str], origin: &Origin, report: &mut Report) {
    let message = format!("`{}` has both a list and a `not`", path.join("."));
    let help = "a list describes a value, and a `not` an object; use one of them here";
    report.advise::<()>(&origin.span, &origin.path, message, help);
}
