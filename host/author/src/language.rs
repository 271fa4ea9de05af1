//! The choices that an author has besides the kind.

use std::fmt;
use std::str::FromStr;

use patchpanel_declaration::Kind;

/// What the example of a kind is called, in every language.
pub(crate) fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Redactor => "tickets",
        Kind::Transform => "escalate",
        Kind::Channel => "tally",
    }
}

/// A language that has examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// With the SDK.
    Rust,
    /// JavaScript, on QuickJS.
    Js,
    /// CPython.
    Python,
    /// C, by any compiler for `wasm32-wasi`.
    C,
    /// Go's own compiler.
    Go,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 5] = [
        Language::Rust,
        Language::Js,
        Language::Python,
        Language::C,
        Language::Go,
    ];

    /// As authors write it.
    pub fn name(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Js => "js",
            Language::Python => "python",
            Language::C => "c",
            Language::Go => "go",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Language::ALL
            .into_iter()
            .find(|language| language.name() == name)
            .ok_or_else(|| format!("there are no templates for `{name}`"))
    }
}
