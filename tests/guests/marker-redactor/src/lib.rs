//! A redactor that puts its own revision in place of the word `STAMP`.
//!
//! Its revision is a text of fixed length among its data: tests make any number of revisions by writing another one
//! over it, without compiling anything.

use std::hint::black_box;

use patchpanel_plugin::{ConfigError, Edits, Redactor, export_redactor};
use serde::de::IgnoredAny;

static REVISION: &str = "REVISION-0000";

const WORD: &str = "STAMP";

/// Puts its revision in place of a word.
#[derive(Debug)]
pub struct Marker;

impl Redactor for Marker {
    /// Whatever another plugin in its place may want.
    type Config = IgnoredAny;

    fn configure(_: IgnoredAny) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn edits(&mut self, _: &str, text: &str, out: &mut Edits) {
        for (at, _) in text.match_indices(WORD) {
            // Behind the black box, so that the text stays data and is not compiled into instructions.
            out.replace(at..at + WORD.len(), "stamp", black_box(REVISION));
        }
    }
}

export_redactor! { Marker, name: "marker-redactor", description: "Puts its own revision in place of a word." }
