//! Where secrets come from. Their values are read when a plugin asks, and appear in no log, error or `Debug` output.

use std::fs;
use std::path::PathBuf;

/// A reference to a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable of the router.
    Env(String),
    /// A file's content, without a newline at its end.
    File(PathBuf),
}

impl SecretSource {
    /// Reads a reference such as `env:NAME` or `file:/run/secrets/token`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(reference: &str) -> Result<SecretSource, String> {
        match reference.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(SecretSource::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(SecretSource::File(path.into())),
            _ => Err("secrets are given by reference: write \"env:NAME\" or \"file:/path\"".to_owned()),
        }
    }

    /// The value. The error names the source only.
    pub(crate) fn read(&self) -> Result<String, String> {
        match self {
            SecretSource::Env(name) => {
                std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
            }
            SecretSource::File(path) => fs::read_to_string(path)
                .map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned())
                .map_err(|error| format!("cannot read {}: {}", path.display(), error.kind())),
        }
    }
}
