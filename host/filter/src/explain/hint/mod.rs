//! What came nearest to a predicate that does not hold.

mod absent;
mod nearly;

use self::nearly::{Near, nearly};
use super::places::{Place, joined};
use super::show::{cut, place};
use super::{Found, found};
use crate::fields::Fields;
use crate::matcher::{Leaf, Matcher, Scalar};
use crate::print;

/// Most values that are held against the items of a list: enough to find a slip, and bounded for long lists.
const LOOKED_AT: usize = 64;

/// A sentence, without its full stop, about the value that nearly did, or about what stands in the way.
///
/// `places` are the ends of `path`, which begins at `object`; `prefix` is the way there.
pub(super) fn hint(leaf: &Leaf, places: &[Place<'_>], object: &dyn Fields, prefix: &str, path: &[Box<str>]) -> String {
    let whole = joined(prefix, path);
    let scalars: Vec<_> = places
        .iter()
        .filter_map(|place| Some((place, place.scalar()?)))
        .take(LOOKED_AT)
        .collect();
    let Some((first, _)) = scalars.first() else {
        return absent::hint(places, object, prefix, path);
    };
    if leaf.any.is_empty() {
        return format!("{} is there, and must be absent", place(&first.at));
    }
    if let Some(missing) = leaf.any.iter().find_map(|item| missing(item, &scalars)) {
        return format!(
            "nothing at {} matches {}, which `all` asks for, too",
            place(&whole),
            print::item(missing)
        );
    }
    let near = scalars.iter().flat_map(|(place, scalar)| {
        leaf.any
            .iter()
            .filter_map(move |item| Some((place, nearly(item, *scalar)?)))
    });
    if let Some((at, Near { how, .. })) = near.min_by(|(_, a), (_, b)| a.distance.total_cmp(&b.distance)) {
        return format!("{} {how}", place(&at.at));
    }
    let asked = match leaf.any.as_ref() {
        [only] if !leaf.or_absent => print::item(only),
        _ => "any of the items".to_owned(),
    };
    let asked = cut(&asked);
    match (scalars.as_slice(), leaf.any.as_ref()) {
        ([_], [Matcher::Null | Matcher::Bool(_) | Matcher::Number(_) | Matcher::Text(_)]) if !leaf.or_absent => {
            format!("{} is {}, not {asked}", place(&first.at), shown(first))
        }
        ([_], _) => format!("{} is {}, which does not match {asked}", place(&first.at), shown(first)),
        _ => format!("no value at {} matches {asked}", place(&whole)),
    }
}

fn shown(place: &Place<'_>) -> String {
    found(place).as_ref().map_or_else(String::new, Found::shown)
}

/// What `all` asks for and no value is.
fn missing<'m>(item: &'m Matcher, scalars: &[(&Place<'_>, Scalar<'_>)]) -> Option<&'m Matcher> {
    let Matcher::All(items) = item else { return None };
    items
        .iter()
        .find(|item| !scalars.iter().any(|(_, scalar)| item.matches(*scalar)))
}
