//! The contract, parsed.

use wit_parser::{Resolve, UnresolvedPackageGroup, WorldId, WorldItem};

use crate::Kind;
use crate::embedded::WIT;

/// The package in `wit/`, and in it the world of `kind`.
///
/// # Errors
/// In the words of `wit-parser`. The package is part of this crate, so only a mistake in it leads here.
pub(crate) fn world(kind: Kind) -> Result<(Resolve, WorldId), String> {
    let mut map = wit_parser::SourceMap::new();
    for (name, text) in WIT {
        map.push_str(name, *text);
    }
    let group: UnresolvedPackageGroup = map.parse().map_err(|(_, error)| error.to_string())?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).map_err(|error| error.to_string())?;
    let world = resolve
        .select_world(&[package], Some(kind.world()))
        .map_err(|error| error.to_string())?;
    Ok((resolve, world))
}

/// What a component of this world exports: the name of each interface, with the names of its functions.
pub(crate) fn exports(resolve: &Resolve, world: WorldId) -> Vec<(String, Vec<String>)> {
    let Some(world) = resolve.worlds.get(world) else {
        return Vec::new();
    };
    let interface = |item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => Some(*id),
        _ => None,
    };
    let exported = world.exports.values().filter_map(interface);
    exported
        .filter_map(|id| {
            let functions = resolve.interfaces.get(id)?.functions.keys().cloned().collect();
            Some((resolve.id_of(id)?, functions))
        })
        .collect()
}
