//! All plugins of a configuration: which revision of each is in service, and how a new one takes over.
//!
//! A change is made in full beside what is running: read, checked, compiled, configured, tried on its own examples. Only
//! then is it published, as one immutable [`Generation`]. Whatever fails on the way leaves the plugin as it was, and the
//! reason stands in its status.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::directory::{self, Stamp};
use crate::guest::About;
use crate::kv::Kv;
use crate::revision::{Pre, Revision};
use crate::state::Shared;
use crate::status::{PluginStatus, UnitStatus};
use crate::{ChannelPlugin, LoadError, PluginSpec, RedactorPlugin, Runtime, TransformPlugin, UnitSpec};

/// Components that are part of the binary: name and bytes.
pub type Bundled = &'static [(&'static str, &'static [u8])];

/// A configured plugin of one revision, ready to be called.
#[derive(Clone)]
pub enum Unit {
    /// A redactor.
    Redactor(Arc<RedactorPlugin>),
    /// A transform.
    Transform(Arc<TransformPlugin>),
    /// A channel.
    Channel(Arc<ChannelPlugin>),
}

impl Unit {
    /// What can be told about it.
    pub fn about(&self) -> &About {
        match self {
            Unit::Redactor(plugin) => plugin.about(),
            Unit::Transform(plugin) => plugin.about(),
            Unit::Channel(plugin) => plugin.about(),
        }
    }
}

/// Everything that is in service at one time. Never changes; a reload makes another one.
#[derive(Clone, Default)]
pub struct Generation {
    /// Counts up with every change.
    pub number: u64,
    /// By [`UnitSpec::id`]; uses of optional plugins that are not there are absent.
    pub units: BTreeMap<String, Unit>,
}

/// Which plugin a load error is about.
#[derive(Clone, Debug, thiserror::Error)]
#[error("plugin `{plugin}`{}: {error}", .unit.as_ref().map(|unit| format!(", used as {unit}")).unwrap_or_default())]
pub struct PluginError {
    /// Its name in the configuration.
    pub plugin: String,
    /// The use that failed, where it is not the plugin itself.
    pub unit: Option<String>,
    /// Why.
    #[source]
    pub error: LoadError,
}

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A file of the plugins directory.
    File(PathBuf),
    /// The binary itself.
    Bundled,
}

/// What is known of one component by name.
#[derive(Clone)]
struct Component {
    origin: Origin,
    stamp: Option<Stamp>,
    result: Result<Arc<Revision>, LoadError>,
}

/// A plugin in service.
#[derive(Clone)]
struct Active {
    spec: PluginSpec,
    origin: Origin,
    revision: Arc<Revision>,
    units: Vec<(UnitSpec, Unit)>,
}

#[derive(Default)]
struct Inner {
    specs: Vec<PluginSpec>,
    units: Vec<UnitSpec>,
    components: BTreeMap<String, Component>,
    active: BTreeMap<String, Active>,
    /// Why the newest content of a plugin is not in service; with the content it is about, so that it is tried once.
    rejected: BTreeMap<String, (String, LoadError)>,
    kv: BTreeMap<String, Arc<Kv>>,
}

/// Loads plugins and keeps them current.
pub struct Registry {
    runtime: Runtime,
    directory: Option<PathBuf>,
    bundled: Bundled,
    inner: Mutex<Inner>,
    generation: ArcSwap<Generation>,
    statuses: ArcSwap<Vec<PluginStatus>>,
}

impl Registry {
    /// An empty registry over a plugins directory and the bundled components.
    pub fn new(runtime: Runtime, directory: Option<PathBuf>, bundled: Bundled) -> Registry {
        Registry {
            runtime,
            directory,
            bundled,
            inner: Mutex::default(),
            generation: ArcSwap::default(),
            statuses: ArcSwap::default(),
        }
    }

    /// What is in service.
    pub fn generation(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// Puts a configuration into service: all of it or nothing.
    ///
    /// # Errors
    /// Every plugin that cannot be had as configured.
    pub async fn configure(
        &self,
        specs: Vec<PluginSpec>,
        units: Vec<UnitSpec>,
    ) -> Result<Arc<Generation>, Vec<PluginError>> {
        let mut inner = self.inner.lock().await;
        self.refresh(&mut inner, &specs).await;
        let mut active = BTreeMap::new();
        let mut errors = Vec::new();
        for spec in &specs {
            match self.activate(&mut inner, spec, &units).await {
                Ok(Some(plugin)) => drop(active.insert(spec.name.clone(), plugin)),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        (inner.specs, inner.units, inner.active) = (specs, units, active);
        inner.rejected.clear();
        Ok(self.publish(&inner))
    }

    /// Looks at the directory again and takes over what has changed and is sound. Returns the new generation where there
    /// is one.
    pub async fn rescan(&self) -> Option<Arc<Generation>> {
        let mut inner = self.inner.lock().await;
        let specs = inner.specs.clone();
        self.refresh(&mut inner, &specs).await;
        let units = inner.units.clone();
        let mut changed = false;
        for spec in &specs {
            let fresh = inner.components.get(&spec.from).cloned();
            let current = inner.active.get(&spec.name).map(|active| active.revision.hash.clone());
            let outcome = match fresh.map(|component| component.result) {
                Some(Ok(revision)) if Some(&revision.hash) == current.as_ref() => {
                    inner.rejected.remove(&spec.name);
                    continue;
                }
                Some(Ok(revision))
                    if inner
                        .rejected
                        .get(&spec.name)
                        .is_some_and(|(hash, _)| *hash == revision.hash) =>
                {
                    continue;
                }
                Some(Ok(revision)) => self
                    .activate(&mut inner, spec, &units)
                    .await
                    .map_err(|error| (revision.hash.clone(), error.error)),
                Some(Err(error)) => Err((String::new(), error)),
                // Its file is gone: what is in service stays.
                None => continue,
            };
            match outcome {
                Ok(Some(plugin)) => {
                    tracing::info!(
                        plugin = spec.name,
                        revision = plugin.revision.hash,
                        "new revision in service"
                    );
                    inner.rejected.remove(&spec.name);
                    inner.active.insert(spec.name.clone(), plugin);
                    changed = true;
                }
                Ok(None) => {}
                Err((hash, error)) => {
                    if inner.rejected.get(&spec.name).is_none_or(|(_, known)| *known != error) {
                        tracing::warn!(plugin = spec.name, %error, "the new file is not taken; the last good revision stays in service");
                    }
                    inner.rejected.insert(spec.name.clone(), (hash, error));
                }
            }
        }
        if changed {
            return Some(self.publish(&inner));
        }
        self.statuses.store(Arc::new(statuses(&inner)));
        None
    }

    /// Reads what is new in the directory; content that was seen before is not read again.
    async fn refresh(&self, inner: &mut Inner, specs: &[PluginSpec]) {
        let files = self.directory.as_deref().map(directory::list).unwrap_or_default();
        let mut components = BTreeMap::new();
        for (name, found) in files {
            let known = inner
                .components
                .get(&name)
                .filter(|known| known.stamp == Some(found.stamp));
            if let Some(known) = known {
                components.insert(name, known.clone());
                continue;
            }
            let (runtime, path, stamp) = (self.runtime.clone(), found.path.clone(), found.stamp);
            let loading = tokio::task::spawn_blocking(move || {
                directory::read(&found).map(|bytes| bytes.map(|bytes| runtime.load(&bytes)))
            });
            let result = match loading.await {
                Ok(Ok(Some(result))) => result,
                Ok(Err(error)) => Err(error),
                // Still being written: as before, until the next look.
                Ok(Ok(None)) => {
                    if let Some(known) = inner.components.get(&name) {
                        components.insert(name, known.clone());
                    }
                    continue;
                }
                Err(panic) => Err(LoadError::Compile(panic.to_string())),
            };
            components.insert(
                name,
                Component {
                    origin: Origin::File(path),
                    stamp: Some(stamp),
                    result,
                },
            );
        }
        for spec in specs {
            let bundled = self.bundled.iter().find(|(name, _)| *name == spec.from);
            if let (false, Some((name, bytes))) = (components.contains_key(&spec.from), bundled) {
                let known = inner
                    .components
                    .get(*name)
                    .filter(|known| known.origin == Origin::Bundled)
                    .cloned();
                let component = match known {
                    Some(known) => known,
                    None => {
                        let (runtime, bytes) = (self.runtime.clone(), *bytes);
                        let result = tokio::task::spawn_blocking(move || runtime.load(bytes)).await;
                        let result = result.unwrap_or_else(|panic| Err(LoadError::Compile(panic.to_string())));
                        Component {
                            origin: Origin::Bundled,
                            stamp: None,
                            result,
                        }
                    }
                };
                components.insert((*name).to_owned(), component);
            }
        }
        inner.components = components;
    }

    /// Makes a plugin ready with all its uses. `None`: optional and not there.
    async fn activate(
        &self,
        inner: &mut Inner,
        spec: &PluginSpec,
        units: &[UnitSpec],
    ) -> Result<Option<Active>, PluginError> {
        let fail = |unit: Option<&UnitSpec>, error| PluginError {
            plugin: spec.name.clone(),
            unit: unit.map(|unit| unit.id.clone()),
            error,
        };
        let Some(component) = inner.components.get(&spec.from).cloned() else {
            let missing = LoadError::Missing {
                name: spec.from.clone(),
                file: format!("{}.wasm", spec.from),
            };
            return if spec.optional {
                Ok(None)
            } else {
                Err(fail(None, missing))
            };
        };
        let revision = component.result.map_err(|error| fail(None, error))?;
        let kv = inner.kv.entry(spec.name.clone()).or_default().clone();
        let mut ready = Vec::new();
        for unit in units.iter().filter(|unit| unit.plugin == spec.name) {
            let kept = inner
                .active
                .get(&spec.name)
                .filter(|old| old.spec == *spec && old.revision.hash == revision.hash);
            let kept = kept
                .and_then(|old| old.units.iter().find(|(known, _)| known == unit))
                .map(|(_, running)| running.clone());
            let started = match kept {
                Some(running) => running,
                None => self
                    .start(spec, unit, &revision, kv.clone())
                    .await
                    .map_err(|error| fail(Some(unit), error))?,
            };
            ready.push((unit.clone(), started));
        }
        Ok(Some(Active {
            spec: spec.clone(),
            origin: component.origin,
            revision,
            units: ready,
        }))
    }

    async fn start(
        &self,
        spec: &PluginSpec,
        unit: &UnitSpec,
        revision: &Arc<Revision>,
        kv: Arc<Kv>,
    ) -> Result<Unit, LoadError> {
        let kind = revision.declaration.kind;
        if !unit.role.fits(kind) {
            return Err(LoadError::WrongKind {
                found: kind,
                expected: unit.role.expected(),
            });
        }
        let shared = Arc::new(Shared::new(spec, &revision.declaration, kv));
        let pre = self.runtime.linked(revision, shared.profile())?;
        if let Pre::Channel(pre) = &pre {
            let channel = ChannelPlugin::start(revision, pre, shared, &unit.config).await?;
            return Ok(Unit::Channel(Arc::new(channel)));
        }
        let (revision, config) = (revision.clone(), unit.config.clone());
        let starting =
            tokio::task::spawn_blocking(move || match &pre {
                Pre::Redactor(pre) => RedactorPlugin::start(&revision, pre, shared, &config)
                    .map(|plugin| Unit::Redactor(Arc::new(plugin))),
                Pre::Transform(pre) => TransformPlugin::start(&revision, pre, shared, &config)
                    .map(|plugin| Unit::Transform(Arc::new(plugin))),
                Pre::Channel(_) => Err(LoadError::WrongKind {
                    found: kind,
                    expected: "redactor or transform",
                }),
            });
        starting
            .await
            .unwrap_or_else(|panic| Err(LoadError::Compile(panic.to_string())))
    }

    fn publish(&self, inner: &Inner) -> Arc<Generation> {
        let units = inner
            .active
            .values()
            .flat_map(|active| active.units.iter().map(|(spec, unit)| (spec.id.clone(), unit.clone())));
        let generation = Arc::new(Generation {
            number: self.generation.load().number + 1,
            units: units.collect(),
        });
        self.generation.store(generation.clone());
        self.statuses.store(Arc::new(statuses(inner)));
        generation
    }

    /// Every plugin that is configured or lies in the directory, with how its uses fare now.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        let generation = self.generation.load();
        let mut statuses = self.statuses.load().as_ref().clone();
        for status in &mut statuses {
            for unit in &mut status.uses {
                if let Some(running) = generation.units.get(&unit.id) {
                    *unit = UnitStatus::of(&unit.id, running);
                }
            }
            status.settle_state();
        }
        statuses
    }
}

fn statuses(inner: &Inner) -> Vec<PluginStatus> {
    let mut statuses = Vec::new();
    for spec in &inner.specs {
        let rejected = inner.rejected.get(&spec.name).map(|(_, error)| error.to_string());
        let status = match inner.active.get(&spec.name) {
            Some(active) => {
                let mut status =
                    PluginStatus::of(&spec.name, &active.origin, &active.revision, rejected).configured(spec);
                status.uses = active
                    .units
                    .iter()
                    .map(|(spec, unit)| UnitStatus::of(&spec.id, unit))
                    .collect();
                status
            }
            None => PluginStatus::absent(&spec.name, rejected),
        };
        statuses.push(status);
    }
    for (name, component) in &inner.components {
        if inner.specs.iter().any(|spec| spec.from == *name) {
            continue;
        }
        statuses.push(match &component.result {
            Ok(revision) => PluginStatus::unused(PluginStatus::of(name, &component.origin, revision, None)),
            Err(error) => PluginStatus::absent(name, Some(error.to_string())),
        });
    }
    statuses
}
