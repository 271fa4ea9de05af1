//! What plugins keep, beyond the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crate::kv::Kv;
use crate::revision::Revision;
use crate::{LoadError, PluginSpec, UnitSpec};

/// What a plugin keeps under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The plugin's.
    pub value: Vec<u8>,
    /// When it is gone, by [`Keep::now`]; `None`: never.
    pub expires: Option<u64>,
}

/// Where what plugins keep outlives the process. The runtime has all of it in memory, and reads nothing but [`Keep::load`].
pub trait Keep: Send + Sync {
    /// The time that times to live are counted by, in nanoseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// What is kept under this owner and has not expired. Blocks.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn load(&self, owner: &str) -> Result<Vec<(String, Kept)>, String>;

    /// To be called before each [`Keep::write`]. Blocks a little where too much waits to be written.
    ///
    /// # Errors
    /// Why nothing can be taken now.
    fn ready(&self) -> Result<(), String>;

    /// Takes over a change, `None` being the end of an entry; changes of one key take effect in the order of the calls. Does
    /// not block.
    fn write(&self, owner: &str, key: &str, kept: Option<&Kept>);
}

/// What all uses keep that are alive.
#[derive(Default)]
pub(crate) struct Keeping {
    pub(crate) keep: Option<Arc<dyn Keep>>,
    /// By owner. Whoever still writes to one must share it with whoever is started anew.
    alive: BTreeMap<String, Weak<Kv>>,
}

impl Keeping {
    /// What a use keeps; it is that of the plugin, too, so that one that takes another's place does not see it.
    pub(crate) async fn of(
        &mut self,
        spec: &PluginSpec,
        unit: &UnitSpec,
        revision: &Revision,
    ) -> Result<Arc<Kv>, LoadError> {
        if !spec.grants.given(&revision.declaration.capabilities).grants.kv {
            return Ok(Arc::default());
        }
        let owner = format!("{}: {}", spec.name, unit.id);
        if let Some(kv) = self.alive.get(&owner).and_then(Weak::upgrade) {
            return Ok(kv);
        }
        let kv = match self.keep.clone() {
            None => Kv::default(),
            Some(keep) => {
                let owner = owner.clone();
                let loading = tokio::task::spawn_blocking(move || Kv::load(keep, owner));
                let loaded = loading.await.unwrap_or_else(|panic| Err(panic.to_string()));
                loaded.map_err(LoadError::Kept)?
            }
        };
        let kv = Arc::new(kv);
        self.alive.retain(|_, kv| kv.strong_count() > 0);
        self.alive.insert(owner, Arc::downgrade(&kv));
        Ok(kv)
    }
}
