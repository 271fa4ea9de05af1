//! What of a plugin is in service: the revision and its uses, the one before it while it is watched, and the one that runs
//! in its shadow.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::revision::Revision;
use crate::shadow::Tally;
use crate::shelf::Origin;
use crate::{LoadError, PluginSpec, Shadowing, Unit, UnitSpec};

/// A plugin in service.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) spec: PluginSpec,
    pub(crate) origin: Origin,
    pub(crate) revision: Arc<Revision>,
    pub(crate) units: Vec<(UnitSpec, Unit)>,
    /// Comes back if the first calls fail.
    pub(crate) previous: Option<Box<Active>>,
    pub(crate) candidate: Option<Candidate>,
}

/// A new revision that is compared with the one in service.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub(crate) origin: Origin,
    pub(crate) revision: Arc<Revision>,
    pub(crate) tally: Arc<Tally>,
}

impl Active {
    /// The reason, where the first calls of a new revision failed.
    pub(crate) fn failed_at_first(&self) -> Option<String> {
        let failed = |unit: &Unit| {
            let health = unit.about().watched();
            health
                .failed_at_first()
                .then(|| health.report().last_failure.unwrap_or_default())
        };
        self.previous.as_ref()?;
        self.units.iter().find_map(|(_, unit)| failed(unit))
    }

    /// Forgets the revision before once nobody will go back to it.
    pub(crate) fn forget_previous(&mut self) {
        if self.units.iter().all(|(_, unit)| unit.about().watched().is_proven()) {
            self.previous = None;
        }
    }

    /// Has a new revision, started with the same uses, answer the same batches.
    pub(crate) fn begin_shadow(
        &mut self,
        candidate: Active,
        shadowing: Shadowing,
        alarm: Arc<Notify>,
    ) -> Result<(), LoadError> {
        let tally = Arc::new(Tally::new(shadowing, alarm));
        for ((_, unit), (_, new)) in self.units.iter().zip(candidate.units) {
            let begun = match (unit, new) {
                (Unit::Redactor(unit), Unit::Redactor(new)) => unit.shadow(Some((new, tally.clone()))),
                (Unit::Transform(unit), Unit::Transform(new)) => unit.shadow(Some((new, tally.clone()))),
                (Unit::Channel(_), _) => {
                    return Err(LoadError::Shadow(
                        "a channel would deliver everything twice; take `shadow` out of its configuration",
                    ));
                }
                _ => return Err(LoadError::Shadow("it is of another kind than the revision in service")),
            };
            begun.map_err(|_| LoadError::Shadow("its thread cannot be started"))?;
        }
        self.candidate = Some(Candidate {
            origin: candidate.origin,
            revision: candidate.revision,
            tally,
        });
        Ok(())
    }

    /// The revision in the shadow, which answers no more.
    pub(crate) fn end_shadow(&mut self) -> Option<Candidate> {
        for (_, unit) in &self.units {
            // Ending starts no thread, so it cannot fail.
            let _ = match unit {
                Unit::Redactor(unit) => unit.shadow(None),
                Unit::Transform(unit) => unit.shadow(None),
                Unit::Channel(_) => Ok(()),
            };
        }
        self.candidate.take()
    }
}
