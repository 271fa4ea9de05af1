//! All plugins of a configuration: which revision of each is in service, and how a new one takes over.
//!
//! A change is made in full beside what is running: read, checked, compiled, configured, tried on its own examples. Only
//! then is it published, as one immutable [`Generation`]. Whatever fails on the way leaves the plugin as it was, and the
//! reason stands in its status. A revision whose first calls fail goes again, and the one before it comes back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify};

use crate::active::Active;
use crate::keep::Keeping;
use crate::revision::Revision;
use crate::shelf::{Bundled, Components, Origin, Shelf};
use crate::status::{Listed, PluginStatus, UnitStatus, statuses};
use crate::unit::Start;
use crate::{DeedError, Keep, LoadError, PluginError, PluginSpec, Runtime, Trust, Unit, UnitSpec};

/// Everything that is in service at one time. Never changes; a reload makes another one.
#[derive(Clone, Default)]
pub struct Generation {
    /// Counts up with every change.
    pub number: u64,
    /// By [`UnitSpec::id`]; uses of optional plugins that are not there are absent.
    pub units: BTreeMap<String, Unit>,
}

/// What is known at one time.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) specs: Vec<PluginSpec>,
    units: Vec<UnitSpec>,
    pub(crate) components: Components,
    pub(crate) active: BTreeMap<String, Active>,
    /// Why the newest content of a plugin is not in service; with the content it is about, so that it is tried once.
    pub(crate) rejected: BTreeMap<String, (String, LoadError)>,
    keeping: Keeping,
}

/// Loads plugins and keeps them current.
pub struct Registry {
    shelf: Shelf,
    inner: Mutex<Inner>,
    generation: ArcSwap<Generation>,
    statuses: ArcSwap<Vec<Listed>>,
    /// Rung when a plugin in service is to be replaced: by the one before it, or by the one in its shadow.
    alarm: Arc<Notify>,
}

/// What a revision is started for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To serve as configured.
    Serve,
    /// To take over from another one.
    Replace,
    /// To be compared; what it keeps is its own.
    Shadow,
}

impl Registry {
    /// An empty registry over a plugins directory and the bundled components.
    pub fn new(runtime: Runtime, directory: Option<PathBuf>, bundled: Bundled, trust: Trust) -> Registry {
        Registry {
            shelf: Shelf {
                runtime,
                directory,
                bundled,
                trust,
            },
            inner: Mutex::default(),
            generation: ArcSwap::default(),
            statuses: ArcSwap::default(),
            alarm: Arc::default(),
        }
    }

    /// The same; what plugins keep outlives the process.
    #[must_use]
    pub fn keeping(mut self, keep: Arc<dyn Keep>) -> Registry {
        self.inner.get_mut().keeping.keep = Some(keep);
        self
    }

    /// What is in service.
    pub fn generation(&self) -> Arc<Generation> {
        self.generation.load_full()
    }

    /// Waits until a look is due because of how a plugin in service behaves.
    pub async fn alarmed(&self) {
        self.alarm.notified().await;
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
        inner.components = self.shelf.look(&inner.components, &specs).await;
        let mut active = BTreeMap::new();
        let mut errors = Vec::new();
        for spec in &specs {
            let chosen = choose(&inner, spec).map_err(|error| fault(spec, error));
            let activated = match chosen {
                Ok(Some((origin, revision))) => {
                    let started = self.activate(&mut inner, spec, &units, origin, revision, Purpose::Serve);
                    started.await.map(Some)
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            match activated {
                Ok(Some(plugin)) => drop(active.insert(spec.name.clone(), plugin)),
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        // Compared anew, with whatever is in service now.
        for old in inner.active.values_mut() {
            old.end_shadow();
        }
        (inner.specs, inner.units, inner.active) = (specs, units, active);
        inner.rejected.retain(|_, (_, error)| error.is_final());
        let generation = self.publish(&inner);
        drop(inner);
        self.alarm.notify_one();
        Ok(generation)
    }

    /// Looks at the directory again and takes over what has changed and is sound; goes back from what is not. Returns the
    /// new generation where there is one.
    pub async fn rescan(&self) -> Option<Arc<Generation>> {
        let mut inner = self.inner.lock().await;
        let specs = inner.specs.clone();
        inner.components = self.shelf.look(&inner.components, &specs).await;
        let mut changed = false;
        for spec in &specs {
            changed |= roll_back(&mut inner, spec);
            changed |= self.look_at(&mut inner, spec).await;
        }
        if changed {
            return Some(self.publish(&inner));
        }
        self.statuses.store(Arc::new(statuses(&inner)));
        None
    }

    /// Puts the revision that runs in the shadow of a plugin into service.
    ///
    /// # Errors
    /// Where there is none, or where it cannot be started.
    pub async fn promote(&self, name: &str) -> Result<Arc<Generation>, DeedError> {
        let mut inner = self.inner.lock().await;
        self.promote_candidate(&mut inner, name).await?;
        Ok(self.publish(&inner))
    }

    /// Ends the shadow of a plugin; the content that ran in it is not tried again.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn discard(&self, name: &str) -> Result<(), DeedError> {
        let mut inner = self.inner.lock().await;
        let active = inner
            .active
            .get_mut(name)
            .ok_or_else(|| DeedError::Unknown(name.to_owned()))?;
        let candidate = active
            .end_shadow()
            .ok_or_else(|| DeedError::NoShadow(name.to_owned()))?;
        let rejected = (candidate.revision.hash.clone(), LoadError::Discarded);
        inner.rejected.insert(name.to_owned(), rejected);
        self.statuses.store(Arc::new(statuses(&inner)));
        Ok(())
    }

    /// Ends the quarantine of a plugin, and has content of its file tried again that was refused.
    ///
    /// # Errors
    /// Where there is no such plugin.
    pub async fn release(&self, name: &str) -> Result<(), DeedError> {
        let mut inner = self.inner.lock().await;
        let active = inner
            .active
            .get(name)
            .ok_or_else(|| DeedError::Unknown(name.to_owned()))?;
        for (_, unit) in &active.units {
            unit.about().watched().release();
        }
        inner.rejected.remove(name);
        self.statuses.store(Arc::new(statuses(&inner)));
        drop(inner);
        self.alarm.notify_one();
        Ok(())
    }

    /// Every plugin that is configured or lies in the directory, with how its uses fare now.
    pub fn statuses(&self) -> Vec<PluginStatus> {
        let generation = self.generation.load();
        let now = |listed: &Listed| {
            let mut status = listed.status.clone();
            for unit in &mut status.uses {
                if let Some(running) = generation.units.get(&unit.id) {
                    *unit = UnitStatus::of(&unit.id, running);
                }
            }
            if let (Some(shadow), Some(tally)) = (&mut status.shadow, &listed.tally) {
                shadow.report = tally.report();
            }
            status.settle_state();
            status
        };
        self.statuses.load().iter().map(now).collect()
    }

    /// Takes the newest content of a plugin over, or into the shadow of what is in service. Returns whether what is in
    /// service has changed.
    async fn look_at(&self, inner: &mut Inner, spec: &PluginSpec) -> bool {
        // Its file is gone: what is in service stays.
        let Some(component) = inner.components.get(&spec.from).cloned() else {
            return false;
        };
        let outcome = match component.result {
            Ok(revision) => {
                let tried = self.try_revision(inner, spec, component.origin, &revision).await;
                tried.map_err(|error| (revision.hash.clone(), error))
            }
            Err(error) => Err((String::new(), error)),
        };
        match outcome {
            Ok(changed) => changed,
            Err((hash, error)) => {
                if inner.rejected.get(&spec.name).is_none_or(|(_, known)| *known != error) {
                    tracing::warn!(plugin = spec.name, %error, "the new file is not taken; the last good revision stays in service");
                }
                inner.rejected.insert(spec.name.clone(), (hash, error));
                false
            }
        }
    }

    async fn try_revision(
        &self,
        inner: &mut Inner,
        spec: &PluginSpec,
        origin: Origin,
        revision: &Arc<Revision>,
    ) -> Result<bool, LoadError> {
        if let Some(active) = inner.active.get_mut(&spec.name) {
            active.forget_previous();
            if active.revision.hash == revision.hash {
                active.end_shadow();
                inner.rejected.remove(&spec.name);
                return Ok(false);
            }
            if let Some(candidate) = &active.candidate
                && candidate.revision.hash == revision.hash
            {
                let proven = candidate.tally.has_proven_itself();
                return match proven {
                    true => self
                        .promote_candidate(inner, &spec.name)
                        .await
                        .map(|()| true)
                        .map_err(load_error),
                    false => Ok(false),
                };
            }
            active.end_shadow();
        }
        if inner
            .rejected
            .get(&spec.name)
            .is_some_and(|(hash, _)| *hash == revision.hash)
        {
            return Ok(false);
        }
        let units = inner.units.clone();
        let shadowing = spec.shadow.filter(|_| inner.active.contains_key(&spec.name));
        let purpose = if shadowing.is_some() {
            Purpose::Shadow
        } else {
            Purpose::Replace
        };
        let started = self.activate(inner, spec, &units, origin, revision.clone(), purpose);
        let new = started.await.map_err(|error| error.error)?;
        inner.rejected.remove(&spec.name);
        if let (Some(shadowing), Some(active)) = (shadowing, inner.active.get_mut(&spec.name)) {
            active.begin_shadow(new, shadowing, self.alarm.clone())?;
            tracing::info!(
                plugin = spec.name,
                revision = revision.hash,
                "new revision in the shadow of the one in service"
            );
            return Ok(false);
        }
        replace(inner, new);
        Ok(true)
    }

    async fn promote_candidate(&self, inner: &mut Inner, name: &str) -> Result<(), DeedError> {
        let active = inner
            .active
            .get_mut(name)
            .ok_or_else(|| DeedError::Unknown(name.to_owned()))?;
        let candidate = active
            .candidate
            .clone()
            .ok_or_else(|| DeedError::NoShadow(name.to_owned()))?;
        let (spec, units) = (active.spec.clone(), inner.units.clone());
        let started = self.activate(
            inner,
            &spec,
            &units,
            candidate.origin,
            candidate.revision,
            Purpose::Replace,
        );
        let new = started.await?;
        if let Some(active) = inner.active.get_mut(name) {
            active.end_shadow();
        }
        replace(inner, new);
        Ok(())
    }

    /// Makes a revision of a plugin ready with all its uses. Those that already run as they should are kept.
    async fn activate(
        &self,
        inner: &mut Inner,
        spec: &PluginSpec,
        units: &[UnitSpec],
        origin: Origin,
        revision: Arc<Revision>,
        purpose: Purpose,
    ) -> Result<Active, PluginError> {
        if let Some(expected) = spec.sha256.as_ref().filter(|expected| **expected != revision.hash) {
            let error = LoadError::Pin {
                expected: expected.clone(),
                found: revision.hash.clone(),
            };
            return Err(fault(spec, error));
        }
        let same = |old: &&Active| old.spec == *spec && old.revision.hash == revision.hash;
        let running = inner.active.get(&spec.name).filter(same);
        let (mut ready, mut all_kept) = (Vec::new(), true);
        for unit in units.iter().filter(|unit| unit.plugin == spec.name) {
            let kept = running.and_then(|old| old.units.iter().find(|(known, _)| known == unit));
            all_kept &= kept.is_some();
            let started = match kept {
                Some((_, running)) => Ok(running.clone()),
                None => {
                    let kv = match purpose {
                        Purpose::Serve | Purpose::Replace => inner.keeping.of(spec, unit, &revision).await,
                        Purpose::Shadow => Ok(Arc::default()),
                    };
                    let start = |kv| Start {
                        runtime: &self.shelf.runtime,
                        spec,
                        unit,
                        revision: &revision,
                        kv,
                        alarm: (purpose == Purpose::Replace).then(|| self.alarm.clone()),
                    };
                    match kv {
                        Ok(kv) => start(kv).run().await,
                        Err(error) => Err(error),
                    }
                }
            };
            let started = started.map_err(|error| PluginError {
                unit: Some(unit.id.clone()),
                ..fault(spec, error)
            })?;
            ready.push((unit.clone(), started));
        }
        Ok(Active {
            spec: spec.clone(),
            origin,
            // With other uses than these, it could not take their place.
            previous: running
                .filter(|old| all_kept && old.units.len() == ready.len())
                .and_then(|old| old.previous.clone()),
            units: ready,
            candidate: None,
            revision,
        })
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
}

fn fault(spec: &PluginSpec, error: LoadError) -> PluginError {
    PluginError {
        plugin: spec.name.clone(),
        unit: None,
        error,
    }
}

fn load_error(error: DeedError) -> LoadError {
    match error {
        DeedError::Plugin(error) => error.error,
        DeedError::Unknown(_) | DeedError::NoShadow(_) => LoadError::Shadow("there is none any more"),
    }
}

/// The revision that a configuration puts into service; `None`: the plugin is optional and not there. What was rolled
/// back, and what has yet to prove itself in the shadow, does not come in with a change of something else.
fn choose(inner: &Inner, spec: &PluginSpec) -> Result<Option<(Origin, Arc<Revision>)>, LoadError> {
    let Some(component) = inner.components.get(&spec.from) else {
        return match spec.optional {
            true => Ok(None),
            false => Err(LoadError::Missing {
                name: spec.from.clone(),
                file: format!("{}.wasm", spec.from),
            }),
        };
    };
    let newest = component.result.clone()?;
    let refused = |(hash, error): &(String, LoadError)| *hash == newest.hash && error.is_final();
    let waits = spec.shadow.is_some() || inner.rejected.get(&spec.name).is_some_and(refused);
    let active = inner
        .active
        .get(&spec.name)
        .filter(|active| waits && active.spec.from == spec.from);
    Ok(Some(match active {
        Some(active) => (active.origin.clone(), active.revision.clone()),
        None => (component.origin.clone(), newest),
    }))
}

/// Puts a new revision into service; the one before it stays at hand.
fn replace(inner: &mut Inner, mut new: Active) {
    let name = new.spec.name.clone();
    tracing::info!(plugin = name, revision = new.revision.hash, "new revision in service");
    inner.rejected.remove(&name);
    if let Some(mut old) = inner.active.remove(&name) {
        // One step back only: what was before it had been replaced for a reason.
        old.previous = None;
        new.previous = Some(Box::new(old));
    }
    inner.active.insert(name, new);
}

/// Puts the revision before into service where the first calls of the present one failed.
fn roll_back(inner: &mut Inner, spec: &PluginSpec) -> bool {
    let Some(active) = inner.active.get_mut(&spec.name) else {
        return false;
    };
    let Some(reason) = active.failed_at_first() else {
        return false;
    };
    let Some(previous) = active.previous.take() else {
        return false;
    };
    let error = LoadError::RolledBack(reason);
    tracing::warn!(plugin = spec.name, revision = active.revision.hash, %error, "back to the revision before");
    inner
        .rejected
        .insert(spec.name.clone(), (active.revision.hash.clone(), error));
    inner.active.insert(spec.name.clone(), *previous);
    true
}
