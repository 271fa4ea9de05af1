//! Files that are to be written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::WriteError;

/// Contents under their paths, which are relative and use `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    pub(crate) fn add(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), content.into());
    }

    /// Adds those of `other`.
    pub fn merge(&mut self, other: Files) {
        self.0.extend(other.0);
    }

    /// The paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What stands under a path, as text where it is text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).and_then(|content| std::str::from_utf8(content).ok())
    }

    /// Writes into `directory`, over what is there.
    ///
    /// # Errors
    /// At the first file that cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), WriteError> {
        for (path, content) in &self.0 {
            let path = directory.join(path);
            let parent = path.parent().unwrap_or(directory);
            fs::create_dir_all(parent)
                .and_then(|()| fs::write(&path, content))
                .map_err(failed(&path))?;
        }
        Ok(())
    }

    /// Writes into `directory`, which must not be there before.
    ///
    /// # Errors
    /// Where it is there, or at the first file that cannot be written.
    pub fn write_new(&self, directory: &Path) -> Result<(), WriteError> {
        if directory.symlink_metadata().is_ok() {
            return Err(WriteError::Exists(directory.to_owned()));
        }
        fs::create_dir(directory).map_err(failed(directory))?;
        self.write(directory)
    }
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> WriteError {
    let path = PathBuf::from(path);
    move |source| WriteError::File { path, source }
}
