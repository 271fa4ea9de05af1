//! The sections of a WebAssembly file, whichever of its two forms it has; sections of what is nested stay closed.

use wasm_encoder::{CustomSection, Section as _};
use wasmparser::BinaryReader;

use crate::PackError;

/// Bytes before the first section: magic number, version and form.
const HEADER: usize = 8;

/// Which form a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What most compilers give.
    Module,
    /// With typed interfaces around modules.
    Component,
}

impl Form {
    /// The form that the header of `bytes` tells.
    pub(crate) fn of(bytes: &[u8]) -> Result<Form, PackError> {
        match bytes.first_chunk::<HEADER>() {
            Some(b"\0asm\x01\0\0\0") => Ok(Form::Module),
            Some(b"\0asm\x0d\0\x01\0") => Ok(Form::Component),
            _ => Err(PackError::NotWebAssembly),
        }
    }
}

/// The file without its custom sections of this name.
pub(crate) fn without(bytes: &[u8], name: &str) -> Result<Vec<u8>, PackError> {
    let mut kept = bytes.get(..HEADER).unwrap_or_default().to_vec();
    for section in sections(bytes)? {
        if section.name != Some(name) {
            kept.extend_from_slice(section.bytes);
        }
    }
    Ok(kept)
}

/// The file with a custom section before all others, where whoever looks for the first one of its name finds it.
pub(crate) fn with(bytes: &[u8], name: &str, data: &[u8]) -> Vec<u8> {
    let (header, rest) = bytes.split_at_checked(HEADER).unwrap_or((bytes, &[]));
    let mut out = header.to_vec();
    let section = CustomSection {
        name: name.into(),
        data: data.into(),
    };
    section.append_to(&mut out);
    out.extend_from_slice(rest);
    out
}

struct Section<'a> {
    /// Only custom sections have one.
    name: Option<&'a str>,
    /// With those that tell its kind and size.
    bytes: &'a [u8],
}

/// All of them, in order.
fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>, PackError> {
    let damaged = |error: wasmparser::BinaryReaderError| PackError::Damaged(error.to_string());
    let mut reader = BinaryReader::new(bytes, 0);
    reader.read_bytes(HEADER).map_err(damaged)?;
    let mut found = Vec::new();
    while !reader.eof() {
        let start = reader.original_position();
        let id = reader.read_u8().map_err(damaged)?;
        let size = reader.read_var_u32().map_err(damaged)?;
        let at = reader.original_position();
        let body = reader.read_bytes(size as usize).map_err(damaged)?;
        let name = match id {
            0 => Some(BinaryReader::new(body, at).read_string().map_err(damaged)?),
            _ => None,
        };
        let bytes = bytes.get(start..reader.original_position()).unwrap_or_default();
        found.push(Section { name, bytes });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    #[test]
    fn a_section_comes_and_goes() {
        let one = with(EMPTY, "a", b"1");
        let two = with(&one, "b", b"22");
        let names: Vec<_> = sections(&two)
            .unwrap()
            .into_iter()
            .map(|section| section.name)
            .collect();
        assert_eq!(names, [Some("b"), Some("a")]);
        assert_eq!(without(&two, "b").unwrap(), one);
        assert_eq!(without(&one, "a").unwrap(), EMPTY);
        assert_eq!(without(&one, "c").unwrap(), one);
    }

    #[test]
    fn forms_are_told_apart() {
        assert_eq!(Form::of(EMPTY).unwrap(), Form::Module);
        assert_eq!(Form::of(b"\0asm\x0d\0\x01\0 and more").unwrap(), Form::Component);
        assert!(matches!(Form::of(b"\0asm"), Err(PackError::NotWebAssembly)));
        assert!(matches!(Form::of(b"#!/bin/sh"), Err(PackError::NotWebAssembly)));
    }

    #[test]
    fn what_is_cut_off_is_damaged() {
        let mut bytes = with(EMPTY, "a", b"12345");
        bytes.pop();
        assert!(matches!(without(&bytes, "a"), Err(PackError::Damaged(_))));
    }
}
