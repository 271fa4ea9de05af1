//! A transform that writes its own revision into `metadata.revision`.
//!
//! Its revision is a text of fixed length among its data: tests make any number of revisions by writing another one
//! over it, without compiling anything.

use std::hint::black_box;

use patchpanel_plugin::{ConfigError, Event, Failure, NoConfig, Outcome, Patch, Transform, export_transform};

static REVISION: &str = "REVISION-0000";

/// Writes its revision into the metadata.
#[derive(Debug)]
pub struct Marker;

impl Transform for Marker {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        let mut metadata = event.metadata_json();
        // Behind the black box, so that the text stays data and is not compiled into instructions.
        metadata.insert("revision".to_owned(), black_box(REVISION).into());
        Ok(Patch::new().metadata(&metadata)?.into())
    }
}

export_transform! { Marker, name: "marker-transform", description: "Writes its own revision into the metadata." }
