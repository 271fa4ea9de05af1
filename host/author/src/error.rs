use std::io;
use std::path::PathBuf;

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The input is of another kind.
    #[error("the input is not WebAssembly: it begins with neither the header of a core module nor that of a component")]
    NotWebAssembly,
    /// The input is WebAssembly that does not parse.
    #[error("the input is damaged: {0}")]
    Damaged(String),
    /// Not JSON, or no kind in it.
    #[error("the declaration is wrong: {0}")]
    Declaration(String),
    /// What the world of its kind asks for is not all there.
    #[error("a {kind} exports {}, which the input does not; was it built with the bindings of this kind?", .missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))]
    MissingExports {
        /// As declared.
        kind: crate::Kind,
        /// Names as they stand in the file.
        missing: Vec<String>,
    },
    /// The module does not fit the contract in another way, in the words of `wit-component`.
    #[error("the module cannot become a component: {0}")]
    Component(String),
}

impl PackError {
    /// Whether it is about the declaration, not about the input.
    pub fn is_about_declaration(&self) -> bool {
        matches!(self, PackError::Declaration(_))
    }
}

/// Why there are no bindings.
#[derive(Debug, thiserror::Error)]
#[error("cannot generate bindings: {0}")]
pub struct BindingsError(pub(crate) String);

/// A plugin cannot be called so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plugin's name is 1 to 64 characters of a-z, 0-9 and `-`, and begins with a letter; {0:?} is not")]
pub struct NameError(pub(crate) String);

/// Why files are not there.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A new project's directory.
    #[error("{} is there already; choose another name, or remove it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// It, or its directory.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}
