//! What is told about plugins, as served by the API.

use std::sync::Arc;

use serde::Serialize;

use crate::active::Active;
use crate::registry::Inner;
use crate::shadow::{ShadowReport, Tally};
use crate::shelf::Origin;
use crate::{Grants, HealthReport, Kind, Revision, Unit};

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
    /// Whether a new revision is still watched, and the one before it at hand.
    pub watched: bool,
    /// The revision that runs in the shadow of the one in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow: Option<ShadowStatus>,
    /// Its uses.
    pub uses: Vec<UnitStatus>,
}

/// A revision in the shadow.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowStatus {
    /// SHA-256 of it.
    pub revision: String,
    /// As declared.
    pub version: String,
    /// How it compares.
    #[serde(flatten)]
    pub report: ShadowReport,
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
    fn of(grants: &Grants) -> Self {
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
    fn of(name: &str, origin: &Origin, revision: &Revision, error: Option<String>) -> Self {
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
            watched: false,
            shadow: None,
            uses: Vec::new(),
        }
    }

    fn in_service(active: &Active, rejected: Option<String>) -> Self {
        let uses = active.units.iter().map(|(spec, unit)| UnitStatus::of(&spec.id, unit));
        PluginStatus {
            granted: Some(Granted::of(&active.spec.grants)),
            watched: active.previous.is_some(),
            shadow: active.candidate.as_ref().map(|candidate| ShadowStatus {
                revision: candidate.revision.hash().to_owned(),
                version: candidate.revision.declaration().version.clone(),
                report: candidate.tally.report(),
            }),
            uses: uses.collect(),
            ..PluginStatus::of(&active.spec.name, &active.origin, &active.revision, rejected)
        }
    }

    fn absent(name: &str, error: Option<String>) -> Self {
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
            watched: false,
            shadow: None,
            uses: Vec::new(),
        }
    }

    fn unused(self) -> Self {
        PluginStatus {
            state: PluginState::Unused,
            ..self
        }
    }

    fn listed(self) -> Listed {
        Listed {
            status: self,
            tally: None,
        }
    }

    /// Quarantine comes and goes by itself, so it is looked at when somebody asks.
    pub(crate) fn settle_state(&mut self) {
        if self.uses.iter().any(|unit| unit.health.quarantined) {
            self.state = PluginState::Quarantined;
        }
    }
}

/// What can be told of a plugin without asking it, and where its shadow counts.
pub(crate) struct Listed {
    pub(crate) status: PluginStatus,
    pub(crate) tally: Option<Arc<Tally>>,
}

/// All plugins that are configured, and then what else lies in the directory.
pub(crate) fn statuses(inner: &Inner) -> Vec<Listed> {
    let configured = inner.specs.iter().map(|spec| {
        let rejected = inner.rejected.get(&spec.name).map(|(_, error)| error.to_string());
        match inner.active.get(&spec.name) {
            Some(active) => Listed {
                status: PluginStatus::in_service(active, rejected),
                tally: active.candidate.as_ref().map(|candidate| candidate.tally.clone()),
            },
            None => PluginStatus::absent(&spec.name, rejected).listed(),
        }
    });
    let is_used = |name: &str| inner.specs.iter().any(|spec| spec.from == name);
    let others = inner.components.iter().filter(|(name, _)| !is_used(name));
    let others = others.map(|(name, component)| match &component.result {
        Ok(revision) => PluginStatus::of(name, &component.origin, revision, None)
            .unused()
            .listed(),
        Err(error) => PluginStatus::absent(name, Some(error.to_string())).listed(),
    });
    configured.chain(others).collect()
}
