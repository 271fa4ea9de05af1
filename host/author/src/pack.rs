//! From what a compiler gives to a component that declares itself.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use crate::sections::{self, Form};
use crate::world::{exports, world};
use patchpanel_declaration::SECTION;

use crate::{Kind, PackError};

/// Only what packing depends on; the router judges the rest.
#[derive(Deserialize)]
struct Declared {
    kind: Kind,
}

/// Makes a component of `input`, a core module or a component, that carries `declaration`, the JSON text that
/// `wit/worlds.wit` describes. A declaration that is there already gives way.
///
/// A module needs the exports of its kind's world, under the names that binding generators give them; its WASI preview 1
/// imports become those of preview 2.
///
/// # Errors
/// Where the input is neither, the declaration names no kind, or an export of the world is missing.
pub fn pack(input: &[u8], declaration: &[u8]) -> Result<Vec<u8>, PackError> {
    let form = Form::of(input)?;
    let declared: Declared =
        serde_json::from_slice(declaration).map_err(|error| PackError::Declaration(error.to_string()))?;
    let input = sections::without(input, SECTION)?;
    let component = match form {
        Form::Module => encode(input, declared.kind)?,
        Form::Component => {
            let needed = needed(declared.kind, |interface, _| interface.to_owned())?;
            refuse_missing(declared.kind, needed, &names(&input)?.exports)?;
            input
        }
    };
    Ok(sections::with(&component, SECTION, declaration))
}

fn encode(mut module: Vec<u8>, kind: Kind) -> Result<Vec<u8>, PackError> {
    let needed = needed(kind, |interface, function| format!("{interface}#{function}"))?;
    let names = names(&module)?;
    refuse_missing(kind, needed, &names.exports)?;
    if !names.typed {
        let (resolve, world) = world(kind).map_err(PackError::Component)?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).map_err(failed)?;
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).map_err(failed)?;
    if names.preview1 {
        encoder.adapter(PREVIEW1, ADAPTER).map_err(failed)?;
    }
    encoder.encode().map_err(failed)
}

fn failed(error: impl fmt::Display) -> PackError {
    PackError::Component(format!("{error:#}"))
}

/// What the outermost level of a file says of itself.
#[derive(Default)]
struct Names {
    exports: HashSet<String>,
    /// Whether a module brings its component types along.
    typed: bool,
    /// Whether a module imports WASI as it was before components.
    preview1: bool,
}

fn names(bytes: &[u8]) -> Result<Names, PackError> {
    let damaged = |error: wasmparser::BinaryReaderError| PackError::Damaged(error.to_string());
    let mut names = Names::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ if depth > 1 => {}
            Payload::ExportSection(section) => {
                for export in section {
                    names.exports.insert(export.map_err(damaged)?.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    names.exports.insert(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    names.preview1 |= import.map_err(damaged)?.module == PREVIEW1;
                }
            }
            Payload::CustomSection(section) => names.typed |= section.name().starts_with("component-type"),
            _ => {}
        }
    }
    Ok(names)
}

/// What a file of this kind exports, each function of each interface named by `name`.
fn needed(kind: Kind, name: impl Fn(&str, &str) -> String) -> Result<Vec<String>, PackError> {
    let (resolve, world) = world(kind).map_err(PackError::Component)?;
    let mut needed: Vec<String> = exports(&resolve, world)
        .iter()
        .flat_map(|(interface, functions)| functions.iter().map(|function| name(interface, function)))
        .collect();
    needed.dedup();
    Ok(needed)
}

fn refuse_missing(kind: Kind, needed: Vec<String>, exports: &HashSet<String>) -> Result<(), PackError> {
    let missing: Vec<String> = needed.into_iter().filter(|name| !exports.contains(name)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(PackError::MissingExports { kind, missing })
    }
}
