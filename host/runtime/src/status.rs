//! What is told about plugins, as served by the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::active::Active;
use crate::registry::Inner;
use crate::shadow::{ShadowReport, Tally};
use crate::shelf::Origin;
use crate::{Capabilities, Grants, HealthReport, Isolation, Kind, PluginSpec, Revision, Unit, UsageReport};

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
    pub asks: Option<Capabilities>,
    /// What the operator allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<Granted>,
    /// What of that it does not ask for, and so is not given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub granted_in_vain: Vec<String>,
    /// What its instances share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
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
    /// Names of secrets that may be read.
    pub secrets: Vec<String>,
    /// Names of secrets that are filled into requests, with where these may go.
    pub secrets_for_http: BTreeMap<String, Vec<String>>,
    /// Directories.
    pub directories: Vec<String>,
    /// Names of environment variables.
    pub env: Vec<String>,
    /// State of its own.
    pub kv: bool,
    /// The router's standard output.
    pub stdout: bool,
    /// To whom it may send mail.
    pub mail: Vec<String>,
    /// Where its notifications go.
    pub notify: Option<String>,
    /// A redactor's log.
    pub log: bool,
}

impl Granted {
    fn of(grants: &Grants) -> Self {
        let fills = grants.secrets_for_http.iter();
        Granted {
            http: texts(&grants.http),
            private_addresses: grants.private_addresses,
            secrets: grants.secrets.keys().cloned().collect(),
            secrets_for_http: fills.map(|(name, grant)| (name.clone(), texts(&grant.to))).collect(),
            directories: texts(&grants.directories),
            env: grants.env.clone(),
            kv: grants.kv,
            stdout: grants.stdout,
            mail: grants
                .mail
                .as_ref()
                .map(|grant| texts(&grant.recipients))
                .unwrap_or_default(),
            notify: grants.notify.as_ref().map(ToString::to_string),
            log: grants.log,
        }
    }
}

fn texts<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
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
    /// What it has made of its grants and limits.
    #[serde(flatten)]
    pub usage: UsageReport,
}

impl UnitStatus {
    pub(crate) fn of(id: &str, unit: &Unit) -> Self {
        let about = unit.about();
        UnitStatus {
            id: id.to_owned(),
            health: about.health(),
            suppressed_log_lines: about.suppressed_log_lines(),
            usage: about.usage(),
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
            asks: Some(declared.capabilities.clone()).filter(|asks| !asks.is_empty()),
            granted: None,
            granted_in_vain: Vec::new(),
            isolation: None,
            watched: false,
            shadow: None,
            uses: Vec::new(),
        }
    }

    fn in_service(active: &Active, rejected: Option<String>) -> Self {
        let uses = active.units.iter().map(|(spec, unit)| UnitStatus::of(&spec.id, unit));
        PluginStatus {
            watched: active.previous.is_some(),
            shadow: active.candidate.as_ref().map(|candidate| ShadowStatus {
                revision: candidate.revision.hash().to_owned(),
                version: candidate.revision.declaration().version.clone(),
                report: candidate.tally.report(),
            }),
            uses: uses.collect(),
            ..PluginStatus::of(&active.spec.name, &active.origin, &active.revision, rejected)
        }
        .configured(&active.spec)
    }

    /// With what the operator says about it.
    fn configured(mut self, spec: &PluginSpec) -> Self {
        let asks = self.asks.as_ref();
        self.granted_in_vain = spec.grants.unasked(asks.unwrap_or(&Capabilities::default()));
        self.granted = Some(Granted::of(&spec.grants));
        self.isolation = Some(spec.isolation);
        self
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
            granted_in_vain: Vec::new(),
            isolation: None,
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
