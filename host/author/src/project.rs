//! A new plugin, from the example of its kind and language.

use crate::embedded::EXAMPLES;
use crate::language::example;
use crate::{Files, Kind, Language, NameError};

/// The files of a new plugin called `name`, without [`bindings`](crate::bindings()).
///
/// # Errors
/// Where no plugin can be called so.
pub fn project(kind: Kind, language: Language, name: &str) -> Result<Files, NameError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() > 64 || !name.chars().all(good) {
        return Err(NameError(name.chars().take(80).collect()));
    }
    let mut files = Files::default();
    for (path, text) in below(&format!("{language}/{kind}/")) {
        files.add(path, named(text, kind, name));
    }
    for (path, text) in below(&format!("fixtures/{kind}/")) {
        files.add(format!("fixtures/{path}"), text);
    }
    Ok(files)
}

fn below(place: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    EXAMPLES
        .iter()
        .filter_map(move |(path, text)| Some((path.strip_prefix(place)?, *text)))
}

/// The example's text with the name of the new plugin in place of its own.
fn named(text: &str, kind: Kind, name: &str) -> String {
    let example = example(kind);
    // Files that rustc writes are called as crates are, and in the repository the SDK is not beside the project.
    let built = |name: &str| format!("release/{}.wasm", name.replace('-', "_"));
    let built_example = built(example);
    let parts = text.split(&built_example).map(|part| {
        part.replace(example, name)
            .replace("../../../sdk", "patchpanel/plugins/sdk")
    });
    parts.collect::<Vec<_>>().join(&built(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_example_is_complete_and_takes_the_new_name() {
        for language in Language::ALL {
            for kind in Kind::ALL {
                let files = project(kind, language, "my-own").unwrap();
                let paths: Vec<&str> = files.paths().collect();
                for needed in ["README.md", ".gitignore"] {
                    assert!(paths.contains(&needed), "{language} {kind}: no {needed} in {paths:?}");
                }
                assert!(
                    paths.iter().any(|path| path.starts_with("fixtures/")),
                    "{language} {kind}"
                );
                for path in paths.iter().filter(|path| !path.starts_with("fixtures/")) {
                    let text = files.text(path).unwrap();
                    assert!(!text.contains(example(kind)), "{language} {kind}: {path}");
                }
                let readme = files.text("README.md").unwrap();
                assert_eq!(readme.matches("```sh\n").count(), 1, "{language} {kind}");
                assert!(readme.contains("my-own.wasm"), "{language} {kind}");
            }
        }
    }

    #[test]
    fn files_of_rustc_have_no_hyphens() {
        let files = project(Kind::Redactor, Language::Rust, "tickets-of-ours").unwrap();
        let readme = files.text("README.md").unwrap();
        assert!(
            readme.contains("release/tickets_of_ours.wasm tickets-of-ours.wasm"),
            "{readme}"
        );
        let manifest = files.text("Cargo.toml").unwrap();
        assert!(manifest.contains("path = \"patchpanel/plugins/sdk\""), "{manifest}");
    }

    #[test]
    fn names_are_those_that_every_tool_takes() {
        for name in ["a", "a-1", "a".repeat(64).as_str()] {
            assert!(project(Kind::Redactor, Language::C, name).is_ok(), "{name}");
        }
        for name in ["", "A", "1a", "-a", "a_b", "a/b", "..", "ä", "a".repeat(65).as_str()] {
            assert!(project(Kind::Redactor, Language::C, name).is_err(), "{name}");
        }
    }
}
