//! How the operator wants a plugin to run.

use std::fmt;
use std::time::Duration;

use crate::{Grants, Kind, Limits};

/// Limits that the operator sets; what is `None` stays at the kind's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// [`Limits::memory`]
    pub memory: Option<usize>,
    /// [`Limits::deadline`]
    pub deadline: Option<Duration>,
    /// [`Limits::output`]
    pub output: Option<usize>,
    /// [`Limits::table_elements`]
    pub table_elements: Option<usize>,
    /// [`Limits::log_lines`]
    pub log_lines: Option<u32>,
    /// [`Limits::log_line_bytes`]
    pub log_line_bytes: Option<usize>,
    /// [`Limits::http_body`]
    pub http_body: Option<usize>,
    /// [`Limits::recycle_after`]
    pub recycle_after: Option<u64>,
}

impl LimitSettings {
    /// The limits of a plugin of this kind. Channels wait for others, so their calls may take longer.
    pub(crate) fn resolve(&self, kind: Kind) -> Limits {
        let default = match kind {
            Kind::Redactor | Kind::Transform => Limits::default(),
            Kind::Channel => Limits {
                deadline: Duration::from_secs(30),
                ..Limits::default()
            },
        };
        Limits {
            memory: self.memory.unwrap_or(default.memory),
            deadline: self.deadline.unwrap_or(default.deadline),
            output: self.output.unwrap_or(default.output),
            table_elements: self.table_elements.unwrap_or(default.table_elements),
            log_lines: self.log_lines.unwrap_or(default.log_lines),
            log_line_bytes: self.log_line_bytes.unwrap_or(default.log_line_bytes),
            http_body: self.http_body.unwrap_or(default.http_body),
            recycle_after: self.recycle_after.unwrap_or(default.recycle_after),
        }
    }
}

/// A plugin as configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginSpec {
    /// What the rest of the configuration calls it.
    pub name: String,
    /// The component it is made of: `<from>.wasm` in the plugins directory, or else the bundled one of that name.
    pub from: String,
    /// Whether the router starts without it; it joins when its file appears.
    pub optional: bool,
    /// SHA-256 that its file must have, in lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Where set, a new revision first runs beside the one in service, on the same events.
    pub shadow: Option<Shadowing>,
    /// What it may use.
    pub limits: LimitSettings,
    /// What it is given.
    pub grants: Grants,
}

/// When a revision in the shadow takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shadowing {
    /// When a person says so.
    ByHand,
    /// After so many items of live events on which both gave the same answer, and no other one.
    After(u64),
}

/// One use of a plugin, with a configuration of its own: an ingress transform or a channel, say.
#[derive(Clone, PartialEq)]
pub struct UnitSpec {
    /// Unique among all uses.
    pub id: String,
    /// The [`PluginSpec`] it is a use of.
    pub plugin: String,
    /// What `configure` gets.
    pub config: serde_json::Value,
    /// What it must be able to do here.
    pub role: Role,
}

/// Without the configuration: an operator may have put a secret there.
impl fmt::Debug for UnitSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnitSpec { id, plugin, role, .. } = self;
        f.debug_struct("UnitSpec")
            .field("id", id)
            .field("plugin", plugin)
            .field("role", role)
            .finish_non_exhaustive()
    }
}

/// Which kinds of plugin fit a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A redactor or a transform.
    Transform,
    /// A channel.
    Channel,
}

impl Role {
    pub(crate) fn fits(self, kind: Kind) -> bool {
        match self {
            Role::Transform => matches!(kind, Kind::Redactor | Kind::Transform),
            Role::Channel => kind == Kind::Channel,
        }
    }

    pub(crate) fn expected(self) -> &'static str {
        match self {
            Role::Transform => "redactor or transform",
            Role::Channel => "channel",
        }
    }
}
