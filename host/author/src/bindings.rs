//! What a plugin is compiled against, for each language.

use wit_bindgen_core::WorldGenerator;

use crate::embedded::{SDK, WIT};
use crate::world::world;
use crate::{BindingsError, Files, Kind, Language};

/// The contract, and what the language's compiler needs to see of it: for Rust the SDK, for C and Go generated bindings.
/// The tools of JavaScript and Python read the contract itself.
///
/// # Errors
/// Where a generator fails.
pub fn bindings(kind: Kind, language: Language) -> Result<Files, BindingsError> {
    let mut files = Files::default();
    let place = match language {
        // The SDK finds the contract by this path.
        Language::Rust => "patchpanel/wit",
        _ => "wit",
    };
    for (name, text) in WIT {
        files.add(format!("{place}/{name}"), *text);
    }
    match language {
        Language::Rust => sdk(&mut files),
        Language::C => c(kind, &mut files)?,
        Language::Go => go(kind, &mut files)?,
        Language::Js | Language::Python => {}
    }
    Ok(files)
}

fn sdk(files: &mut Files) {
    const PLACE: &str = "patchpanel/plugins/sdk";
    files.add(format!("{PLACE}/Cargo.toml"), include_str!("sdk.toml"));
    for (name, text) in SDK {
        files.add(format!("{PLACE}/src/{name}"), *text);
    }
}

fn c(kind: Kind, files: &mut Files) -> Result<(), BindingsError> {
    let options = wit_bindgen_c::Opts {
        // The same names whatever the kind: `patchpanel.h`, `patchpanel_string_t`.
        rename_world: Some("patchpanel".to_owned()),
        ..wit_bindgen_c::Opts::default()
    };
    for (name, content) in generate(kind, options.build().as_mut())?.iter() {
        files.add(format!("bindings/{name}"), content);
    }
    Ok(())
}

fn go(kind: Kind, files: &mut Files) -> Result<(), BindingsError> {
    let options = wit_bindgen_go::Opts {
        // The module of `bindings/go.mod`.
        pkg_name: Some("patchpanel".to_owned()),
        // Would run whatever is called `gofmt`.
        format: wit_bindgen_go::Format::False,
        quiet: true,
        ..wit_bindgen_go::Opts::default()
    };
    for (name, content) in generate(kind, options.build().as_mut())?.iter() {
        // What all Go bindings share is ours, in the same module: nothing has to be fetched.
        let text = String::from_utf8_lossy(content).replace("go.bytecodealliance.org/pkg/wit/", "patchpanel/wit/");
        files.add(format!("bindings/{name}"), text);
    }
    for (name, text) in [
        ("go.mod", include_str!("go/module")),
        ("wit/types/types.go", include_str!("go/types.go")),
        ("wit/runtime/runtime.go", include_str!("go/runtime.go")),
        ("wit/runtime/empty.s", include_str!("go/empty.s")),
        (
            "exports/export_patchpanel_plugin_lifecycle/export.go",
            include_str!("go/lifecycle.go"),
        ),
    ] {
        files.add(format!("bindings/{name}"), text);
    }
    let (name, text) = match kind {
        Kind::Redactor => ("redactor", include_str!("go/redactor.go")),
        Kind::Transform => ("transformer", include_str!("go/transformer.go")),
        Kind::Channel => ("channel", include_str!("go/channel.go")),
    };
    files.add(
        format!("bindings/exports/export_patchpanel_plugin_{name}/export.go"),
        text,
    );
    Ok(())
}

fn generate(kind: Kind, generator: &mut dyn WorldGenerator) -> Result<wit_bindgen_core::Files, BindingsError> {
    let (mut resolve, world) = world(kind).map_err(BindingsError)?;
    let mut files = wit_bindgen_core::Files::default();
    generator
        .generate(&mut resolve, world, &mut files)
        .map_err(|error| BindingsError(format!("{error:#}")))?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn there_is_something_to_compile_against_for_every_language() {
        for kind in Kind::ALL {
            for (language, expected) in [
                (Language::Rust, "patchpanel/plugins/sdk/src/lib.rs"),
                (Language::Js, "wit/worlds.wit"),
                (Language::Python, "wit/worlds.wit"),
                (Language::C, "bindings/patchpanel.h"),
                (Language::Go, "bindings/exports/wit_exports/wit_exports.go"),
            ] {
                let files = bindings(kind, language).unwrap();
                assert!(files.text(expected).is_some(), "{language} {kind}");
            }
        }
    }

    #[test]
    fn go_fetches_nothing() {
        for kind in Kind::ALL {
            let files = bindings(kind, Language::Go).unwrap();
            for path in files.paths() {
                assert!(!files.text(path).unwrap().contains("bytecodealliance"), "{path}");
            }
        }
    }

    #[test]
    fn the_sdk_needs_what_it_needs_in_the_workspace() {
        let read = |path: &str| {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../").to_owned() + path;
            std::fs::read_to_string(path).unwrap().parse::<toml::Table>().unwrap()
        };
        let (workspace, sdk) = (read("Cargo.toml"), read("plugins/sdk/Cargo.toml"));
        let alone: toml::Table = include_str!("sdk.toml").parse().unwrap();
        let ours = alone.get("dependencies").unwrap().as_table().unwrap();
        let theirs = sdk.get("dependencies").unwrap().as_table().unwrap();
        assert!(ours.keys().eq(theirs.keys()));
        let all = workspace.get("workspace").unwrap().get("dependencies").unwrap();
        for (name, value) in ours {
            assert_eq!(Some(value), all.get(name), "{name}");
        }
    }
}
