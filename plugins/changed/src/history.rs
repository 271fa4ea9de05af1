//! What is remembered of a subject: its last changes, newest last.
//!
//! One would be enough to compare with. But an attempt may be repeated after others have come (a channel failed, the router
//! was killed), and has to get the answer that it got before.

use serde::{Deserialize, Serialize};

/// Attempts are repeated over minutes, and subjects seldom change so often meanwhile.
const KEPT: usize = 16;

/// What was said about one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// The event's.
    id: String,
    /// None: the first of its subject.
    pub(crate) old: Option<String>,
    pub(crate) new: String,
}

impl Decision {
    /// Whether nothing has changed.
    pub(crate) fn is_same(&self) -> bool {
        self.old.as_ref() == Some(&self.new)
    }
}

/// As stored: a JSON list.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History(Vec<Decision>);

impl History {
    /// What another version may have left and nobody can read any more is nothing.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The same event with the same content gets the same answer.
    pub(crate) fn decide(&self, id: &str, content: &str) -> Decision {
        let known = self
            .0
            .iter()
            .rfind(|decision| decision.id == id && decision.new == content);
        known.cloned().unwrap_or_else(|| Decision {
            id: id.to_owned(),
            old: self.0.last().map(|last| last.new.clone()),
            new: content.to_owned(),
        })
    }

    pub(crate) fn knows(&self, decision: &Decision) -> bool {
        self.0.contains(decision)
    }

    pub(crate) fn remember(&mut self, decision: Decision) {
        if self.0.len() >= KEPT {
            self.0.remove(0);
        }
        self.0.push(decision);
    }
}
