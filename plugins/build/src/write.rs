//! The Rust files that crates include.

use crate::place::Place;
use crate::{Error, Guest};
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn bytes(place: &Place, guests: &[Guest<'_>], components: &[PathBuf]) -> Result<(), Error> {
    let entry = |path: &str| format!("include_bytes!({path:?})");
    let head =
        "/// The components that are part of this program: name and bytes.\npub static BUNDLED: &[(&str, &[u8])]";
    write(&place.out.join("bundled.rs"), &table(head, guests, components, entry))
}

pub(crate) fn paths(place: &Place, guests: &[Guest<'_>], components: &[PathBuf]) -> Result<(), Error> {
    let entry = |path: &str| format!("{path:?}");
    let head = "/// Components that were built for tests: name and file.\npub static GUESTS: &[(&str, &str)]";
    write(&place.out.join("guests.rs"), &table(head, guests, components, entry))
}

fn table(head: &str, guests: &[Guest<'_>], components: &[PathBuf], entry: impl Fn(&str) -> String) -> String {
    let mut text = format!("{head} = &[\n");
    for (guest, component) in guests.iter().zip(components) {
        text += &format!("    ({:?}, {}),\n", guest.name, entry(&component.to_string_lossy()));
    }
    text + "];\n"
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|error| Error::Write(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_rust() {
        let guests = [Guest {
            name: "a",
            package: "plugin-a",
            dir: "plugins/a",
        }];
        let components = [PathBuf::from("/t/plugin_a.wasm")];
        let text = table("pub static X: &[(&str, &str)]", &guests, &components, |path| {
            format!("{path:?}")
        });
        assert_eq!(
            text,
            "pub static X: &[(&str, &str)] = &[\n    (\"a\", \"/t/plugin_a.wasm\"),\n];\n"
        );
    }
}
