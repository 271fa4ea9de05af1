//! The choices that an author has.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A kind of plugin, each with a world of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sees text, answers with edits.
    Redactor,
    /// Changes, drops or splits events.
    Transform,
    /// Delivers outward.
    Channel,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Redactor, Kind::Transform, Kind::Channel];

    /// As authors write it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Redactor => "redactor",
            Kind::Transform => "transform",
            Kind::Channel => "channel",
        }
    }

    /// The world that such a component implements.
    pub(crate) fn world(self) -> &'static str {
        match self {
            Kind::Redactor => "redactor-plugin",
            Kind::Transform => "transform-plugin",
            Kind::Channel => "channel-plugin",
        }
    }

    /// What the example of this kind is called, in every language.
    pub(crate) fn example(self) -> &'static str {
        match self {
            Kind::Redactor => "tickets",
            Kind::Transform => "escalate",
            Kind::Channel => "tally",
        }
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

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("there is no kind `{name}`"))
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
