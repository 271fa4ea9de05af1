//! Components that are put into plugin directories.

use std::fs;

use generated::GUESTS;

#[allow(unreachable_pub, reason = "written by the build script")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

/// The bytes of a test guest or of a bundled plugin, by name.
pub fn component(name: &str) -> Vec<u8> {
    let (_, path) = GUESTS
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("there is no guest `{name}`"));
    fs::read(path).expect("a component that the build script made")
}
