//! Nothing stands where a value is asked for.

use crate::explain::places::{Place, joined, places};
use crate::explain::show::{cut, place};
use crate::explain::{Found, found};
use crate::fields::Fields;
use crate::mistake::nearest;

/// Most members of an object that are named.
const NAMED: usize = 3;
/// Most members of an object among which a name that was meant is looked for.
const LOOKED_AT: usize = 1024;

/// What stands there instead: an object, a value on the way, or a name that is nearly the same.
pub(super) fn hint(ends: &[Place<'_>], object: &dyn Fields, prefix: &str, path: &[Box<str>]) -> String {
    for end in ends {
        if let Some(object) = end.object() {
            let names: Vec<String> = object
                .keys()
                .take(NAMED)
                .map(|name| format!("`{}`", shown(name)))
                .collect();
            let with = match names.join(", ") {
                names if names.is_empty() => String::new(),
                names if object.len() > NAMED => format!(" with {names} and others"),
                names => format!(" with {names}"),
            };
            return format!(
                "{} is an object{with}, and the pattern asks for a value",
                place(&end.at)
            );
        }
        if end.value.is_some() {
            return format!("{} is an empty list", place(&end.at));
        }
    }
    let missing = place(&joined(prefix, path));
    for length in (1..path.len()).rev() {
        let (Some(way), Some((name, _))) = (path.get(..length), path.get(length..).and_then(<[_]>::split_first)) else {
            break;
        };
        let stands = places(object, prefix, way);
        let mut objects = stands
            .iter()
            .filter_map(|stand| Some((stand, stand.object()?)))
            .peekable();
        if objects.peek().is_some() {
            let dotted = path.get(length..).unwrap_or_default().join(".");
            let other = objects.find_map(|(stand, object)| {
                if dotted.contains('.') && object.contains_key(&dotted) {
                    return Some(format!(
                        "{} has a field called `{dotted}`, and a pattern cannot name fields with dots",
                        place(&stand.at)
                    ));
                }
                let names: Vec<&str> = object.keys().take(LOOKED_AT).map(String::as_str).collect();
                let near = nearest(name, &names)?;
                let there = joined(&stand.at, &[shown(near).into()]);
                Some(format!("the event has {}", place(&there)))
            });
            let there_is_no = place(&joined(&joined(prefix, way), std::slice::from_ref(name)));
            return match other {
                Some(other) => format!("there is no {there_is_no}; {other}"),
                None => format!("there is no {there_is_no}"),
            };
        }
        if let Some(value) = stands.iter().find_map(found) {
            return format!(
                "{} is {}, so there is no {missing}",
                place(&value.at),
                Found::shown(&value)
            );
        }
    }
    match path.first() {
        Some(root) if path.len() > 1 => format!("there is no {}", place(&joined(prefix, std::slice::from_ref(root)))),
        _ => format!("there is no {missing}"),
    }
}

/// A name from the event, fit for a terminal.
fn shown(name: &str) -> String {
    cut(&name.escape_debug().to_string())
}
