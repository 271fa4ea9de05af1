//! What is told about plugins, as served by the API.

use serde::Serialize;

use crate::registry::{Origin, Unit};
use crate::{Grants, HealthReport, Kind, Revision};

/// Whether a plugin serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// The newest revision is in service.
    Ready,
    /// An older revision is in service, because the newest was refused.
    Degraded,
    /// Out of service after repeated failures.
    Quarantined,
    /// Sound, but no configuration uses it.
    Unused,
    /// Nothing is in service.
    Absent,
}

/// One plugin.
#[derive(Clone, Debug, Serialize)]
pub struct PluginStatus {
    /// In the configuration, or of its file.
    pub name: String,
    /// Whether it serves.
    pub state: PluginState,
    /// Why the newest file is not in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the revision in service came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// SHA-256 of the revision in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// As declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// As declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// As declared.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What it asks for, as declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks: Option<serde_json::Value>,
    /// What it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<Granted>,
    /// Its uses.
    pub uses: Vec<UnitStatus>,
}

/// Grants, without anything that is secret.
#[derive(Clone, Debug, Serialize)]
pub struct Granted {
    /// Rules for outgoing requests.
    pub http: Vec<String>,
    /// Whether private addresses may be reached.
    pub private_addresses: bool,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Directory.
    pub directory: Option<String>,
    /// Names of environment variables.
    pub env: Vec<String>,
    /// The router's standard output.
    pub stdout: bool,
    /// A redactor's log.
    pub log: bool,
}

impl Granted {
    pub(crate) fn of(grants: &Grants) -> Self {
        Granted {
            http: grants.http.iter().map(ToString::to_string).collect(),
            private_addresses: grants.private_addresses,
            secrets: grants.secrets.keys().cloned().collect(),
            directory: grants.directory.as_ref().map(|path| path.display().to_string()),
            env: grants.env.clone(),
            stdout: grants.stdout,
            log: grants.log,
        }
    }
}

/// One use of a plugin.
#[derive(Clone, Debug, Serialize)]
pub struct UnitStatus {
    /// Such as `channel audit`.
    pub id: String,
    /// How it fares.
    #[serde(flatten)]
    pub health: HealthReport,
    /// Log lines that were left out: too many, or withheld.
    pub suppressed_log_lines: u64,
    /// Outgoing requests that were not granted.
    pub refused_requests: u64,
}

impl UnitStatus {
    pub(crate) fn of(id: &str, unit: &Unit) -> Self {
        let about = unit.about();
        UnitStatus {
            id: id.to_owned(),
            health: about.health(),
            suppressed_log_lines: about.suppressed_log_lines(),
            refused_requests: about.refused_requests(),
        }
    }
}

impl PluginStatus {
    pub(crate) fn of(name: &str, origin: &Origin, revision: &Revision, error: Option<String>) -> Self {
        let declared = revision.declaration();
        PluginStatus {
            name: name.to_owned(),
            state: if error.is_some() {
                PluginState::Degraded
            } else {
                PluginState::Ready
            },
            error,
            origin: Some(origin.clone()),
            revision: Some(revision.hash().to_owned()),
            kind: Some(declared.kind),
            version: Some(declared.version.clone()),
            description: declared.description.clone(),
            asks: declared.capabilities.clone(),
            granted: None,
            uses: Vec::new(),
        }
    }

    pub(crate) fn absent(name: &str, error: Option<String>) -> Self {
        PluginStatus {
            name: name.to_owned(),
            state: PluginState::Absent,
            error,
            origin: None,
            revision: None,
            kind: None,
            version: None,
            description: String::new(),
            asks: None,
            granted: None,
            uses: Vec::new(),
        }
    }

    pub(crate) fn unused(self) -> Self {
        PluginStatus {
            state: PluginState::Unused,
            ..self
        }
    }

    /// Quarantine comes and goes by itself, so it is looked at when somebody asks.
    pub(crate) fn settle_state(&mut self) {
        if self.uses.iter().any(|unit| unit.health.quarantined) {
            self.state = PluginState::Quarantined;
        }
    }
}
