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

/// One of the marker guests as another revision, which differs in the text of its number only.
///
/// # Panics
/// Where the guest holds no such text.
pub fn revision(guest: &str, number: u32) -> Vec<u8> {
    let mut bytes = component(guest);
    let old = b"REVISION-0000";
    let new = format!("REVISION-{number:04}");
    let places: Vec<usize> = bytes
        .windows(old.len())
        .enumerate()
        .filter(|(_, window)| window == old)
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{guest} holds its revision as data");
    for at in places {
        bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
    }
    bytes
}
