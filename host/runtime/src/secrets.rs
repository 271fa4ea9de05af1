//! Where secrets come from. Their values are read when a plugin asks, and appear in no log, error or `Debug` output.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use crate::SecretCommand;

/// A reference to a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable of the router.
    Env(String),
    /// A file's content, without a newline at its end.
    File(PathBuf),
    /// What a command prints.
    Command(Arc<SecretCommand>),
}

impl SecretSource {
    /// Reads a reference such as `env:NAME`, `file:/run/secrets/token` or `cmd:/usr/bin/pass show token`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(reference: &str) -> Result<SecretSource, String> {
        match reference.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(SecretSource::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(SecretSource::File(path.into())),
            Some(("cmd", line)) => SecretCommand::parse(line)
                .map(|command| SecretSource::Command(Arc::new(command)))
                .ok_or_else(|| "behind `cmd:` stands a program with its arguments".to_owned()),
            _ => {
                Err("secrets are given by reference: write \"env:NAME\", \"file:/path\" or \"cmd:program\"".to_owned())
            }
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
            SecretSource::Command(command) => command.read(),
        }
    }
}
