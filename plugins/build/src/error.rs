//! What can go wrong, and what to do about it.

use std::path::PathBuf;
use std::{fmt, io};

/// Why there are no components.
pub enum Error {
    /// A variable that Cargo sets for build scripts is missing.
    NotABuildScript(&'static str),
    /// `OUT_DIR` or the manifest is not where Cargo puts it.
    UnknownLayout(PathBuf),
    /// Cargo could not be started.
    Start(PathBuf, io::Error),
    /// The target's standard library is not installed.
    TargetMissing,
    /// The guests did not build. Cargo's own words.
    Failed(String),
    /// The build worked, but a component is not there.
    NoComponent(PathBuf),
    /// A file could not be written.
    Write(PathBuf, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotABuildScript(variable) => {
                write!(f, "{variable} is not set: guests are built by build scripts only")
            }
            Self::UnknownLayout(path) => {
                write!(
                    f,
                    "{} is not below the root of a workspace with `plugins/` and `wit/`",
                    path.display()
                )
            }
            Self::Start(cargo, error) => write!(f, "cannot run {}: {error}", cargo.display()),
            Self::TargetMissing => f.write_str(
                "the Rust target wasm32-wasip2, which plugins are built for, is not installed: run \
                 `rustup toolchain install --no-self-update` in the checkout",
            ),
            Self::Failed(output) => write!(f, "the plugins do not build:\n{output}"),
            Self::NoComponent(path) => {
                write!(
                    f,
                    "{} was not built: is the package's crate-type `cdylib`?",
                    path.display()
                )
            }
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

/// As text: a build script that returns an error shows it this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
