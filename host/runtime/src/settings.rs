//! How the operator wants a plugin to run.

use std::fmt;
use std::time::Duration;

use crate::{Grants, Kind, Limits};

/// What the call of a channel plugin may take where the operator does not say.
const CHANNEL_DEADLINE: Duration = Duration::from_secs(30);

/// Limits that the operator sets; what is `None` stays at the kind's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// [`Limits::memory`]
    pub memory: Option<usize>,
    /// [`Limits::table_elements`]
    pub table_elements: Option<usize>,
    /// [`Limits::instances`]
    pub instances: Option<usize>,
    /// [`Limits::memories`]
    pub memories: Option<usize>,
    /// [`Limits::tables`]
    pub tables: Option<usize>,
    /// [`Limits::stack`]
    pub stack: Option<usize>,
    /// [`Limits::deadline`]
    pub deadline: Option<Duration>,
    /// [`Limits::item_deadline`]
    pub item_deadline: Option<Duration>,
    /// [`Limits::output`]
    pub output: Option<usize>,
    /// [`Limits::log_lines`]
    pub log_lines: Option<u32>,
    /// [`Limits::log_bytes`]
    pub log_bytes: Option<usize>,
    /// [`Limits::log_line_bytes`]
    pub log_line_bytes: Option<usize>,
    /// [`Limits::http_requests`]
    pub http_requests: Option<u32>,
    /// [`Limits::http_concurrency`]
    pub http_concurrency: Option<u32>,
    /// [`Limits::http_request_body`]
    pub http_request_body: Option<usize>,
    /// [`Limits::http_response_body`]
    pub http_response_body: Option<usize>,
    /// [`Limits::kv_keys`]
    pub kv_keys: Option<usize>,
    /// [`Limits::kv_bytes`]
    pub kv_bytes: Option<usize>,
    /// [`Limits::mails`]
    pub mails: Option<u32>,
    /// [`Limits::notifications`]
    pub notifications: Option<u32>,
    /// [`Limits::recycle_after`]
    pub recycle_after: Option<u64>,
    /// [`Limits::recycle_memory`]
    pub recycle_memory: Option<usize>,
    /// [`Limits::recycle_age`]
    pub recycle_age: Option<Duration>,
}

impl LimitSettings {
    /// The limits of a plugin of this kind. Channels wait for others, so their calls may take longer.
    pub(crate) fn resolve(&self, kind: Kind) -> Limits {
        let default = Limits::default();
        let memory = self.memory.unwrap_or(default.memory);
        let deadline = self.deadline.unwrap_or(match kind {
            Kind::Redactor | Kind::Transform => default.deadline,
            Kind::Channel => CHANNEL_DEADLINE,
        });
        Limits {
            memory,
            deadline,
            item_deadline: self.item_deadline.unwrap_or(deadline),
            recycle_memory: self.recycle_memory.unwrap_or(memory / 4 * 3),
            table_elements: self.table_elements.unwrap_or(default.table_elements),
            instances: self.instances.unwrap_or(default.instances),
            memories: self.memories.unwrap_or(default.memories),
            tables: self.tables.unwrap_or(default.tables),
            stack: self.stack.unwrap_or(default.stack),
            output: self.output.unwrap_or(default.output),
            log_lines: self.log_lines.unwrap_or(default.log_lines),
            log_bytes: self.log_bytes.unwrap_or(default.log_bytes),
            log_line_bytes: self.log_line_bytes.unwrap_or(default.log_line_bytes),
            http_requests: self.http_requests.unwrap_or(default.http_requests),
            http_concurrency: self.http_concurrency.unwrap_or(default.http_concurrency),
            http_request_body: self.http_request_body.unwrap_or(default.http_request_body),
            http_response_body: self.http_response_body.unwrap_or(default.http_response_body),
            kv_keys: self.kv_keys.unwrap_or(default.kv_keys),
            kv_bytes: self.kv_bytes.unwrap_or(default.kv_bytes),
            mails: self.mails.unwrap_or(default.mails),
            notifications: self.notifications.unwrap_or(default.notifications),
            recycle_after: self.recycle_after.unwrap_or(default.recycle_after),
            recycle_age: self.recycle_age.unwrap_or(default.recycle_age),
        }
    }
}

/// How much uses of a plugin share from call to call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Instances are kept and called again.
    #[default]
    Warm,
    /// Each call gets an instance that nobody has used, and nobody uses afterwards.
    PerBatch,
    /// The same, and each call is about one event.
    PerEvent,
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
    /// What its instances share.
    pub isolation: Isolation,
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
