use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of plugin, each with a world of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub fn world(self) -> &'static str {
        match self {
            Kind::Redactor => "redactor-plugin",
            Kind::Transform => "transform-plugin",
            Kind::Channel => "channel-plugin",
        }
    }
}

impl fmt::Display for Kind {
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
