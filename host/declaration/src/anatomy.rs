//! What a component imports and exports, read without compiling it.

use wasmparser::{Encoding, Parser, Payload};

use crate::{DeclarationError, Kind};

/// The interfaces of a component, by their full names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Anatomy {
    /// What it wants of the host.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

impl Anatomy {
    /// Reads the outermost component.
    ///
    /// # Errors
    /// [`DeclarationError::NotAComponent`]
    pub fn read(bytes: &[u8]) -> Result<Anatomy, DeclarationError> {
        let failed = |error: wasmparser::BinaryReaderError| DeclarationError::NotAComponent(error.message().to_owned());
        let mut anatomy = Anatomy::default();
        // Sections of what is nested in it stand between its own.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(failed)? {
                Payload::Version { encoding, .. } => {
                    if depth == 0 && encoding == Encoding::Module {
                        return Err(DeclarationError::NotAComponent("it is a core module".to_owned()));
                    }
                    depth += 1;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        anatomy.imports.push(import.map_err(failed)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        anatomy.exports.push(export.map_err(failed)?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(anatomy)
    }

    /// Whether it gives events out by the clock, where it is a transform.
    pub fn is_timed(&self) -> bool {
        self.exports.contains(&interface("timer"))
    }

    /// The interfaces that this kind of plugin has to export and this one does not.
    pub fn missing(&self, kind: Kind) -> Vec<String> {
        let own = match kind {
            Kind::Redactor => "redactor",
            Kind::Transform => "transformer",
            Kind::Channel => "channel",
        };
        let needed = ["lifecycle", own].map(interface);
        needed.into_iter().filter(|name| !self.exports.contains(name)).collect()
    }
}

fn interface(name: &str) -> String {
    format!("patchpanel:plugin/{name}@{}", crate::API_VERSION)
}
