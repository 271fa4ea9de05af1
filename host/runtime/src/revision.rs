//! From the bytes of a file to compiled code that is known to fit its world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker};

use crate::bindings::{channel::ChannelPluginPre, redactor::RedactorPluginPre, transform::TransformPluginPre};
use crate::cache;
use crate::engine::{Machine, Profile};
use crate::schema::Schema;
use crate::state::State;
use crate::{Declaration, Kind, LoadError, Runtime};

/// Largest component that is compiled.
pub(crate) const COMPONENT_BYTES: u64 = 64 << 20;

/// One content of a plugin's file: compiled, linked, not yet configured.
pub struct Revision {
    pub(crate) hash: String,
    pub(crate) declaration: Declaration,
    pub(crate) schema: Option<Schema>,
    /// As compiled for the default profile.
    component: Component,
    linked: Mutex<BTreeMap<Profile, Pre>>,
}

#[derive(Clone)]
pub(crate) enum Pre {
    Redactor(RedactorPluginPre<State>),
    Transform(TransformPluginPre<State>),
    Channel(ChannelPluginPre<State>),
}

impl Revision {
    /// What it says about itself.
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Runtime {
    /// Checks, compiles and links a component: size, declaration, contract version, imports, exports.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Revision>, LoadError> {
        let size = bytes.len() as u64;
        if size > COMPONENT_BYTES {
            return Err(LoadError::TooLarge {
                bytes: size,
                limit: COMPONENT_BYTES,
            });
        }
        let declaration = Declaration::read(bytes)?;
        let schema = declaration.config_schema.as_ref().map(Schema::new).transpose()?;
        let hash = hash(bytes);
        let machine = self
            .machine(Profile::default())
            .map_err(|error| LoadError::Compile(error.to_string()))?;
        let component = self.cache.compile(&machine.engine, &hash, bytes)?;
        let pre = link(&machine, &component, declaration.kind)?;
        Ok(Arc::new(Revision {
            hash,
            declaration,
            schema,
            component,
            linked: Mutex::new(BTreeMap::from([(Profile::default(), pre)])),
        }))
    }

    /// The revision, linked for a profile. Compiled code is taken over from the default one, which differs in nothing
    /// that the compiler looks at.
    pub(crate) fn linked(&self, revision: &Revision, profile: Profile) -> Result<Pre, LoadError> {
        let mut linked = revision.linked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pre) = linked.get(&profile) {
            return Ok(pre.clone());
        }
        let machine = self
            .machine(profile)
            .map_err(|error| LoadError::Compile(error.to_string()))?;
        let component = cache::adopt(&machine.engine, &revision.component)?;
        let pre = link(&machine, &component, revision.declaration.kind)?;
        linked.insert(profile, pre.clone());
        Ok(pre)
    }
}

fn link(machine: &Machine, component: &Component, kind: Kind) -> Result<Pre, LoadError> {
    let world = kind.world();
    let misfit = |error: wasmtime::Error| LoadError::World {
        world,
        message: format!("{error:#}"),
    };
    let link = |linker: &Linker<State>| linker.instantiate_pre(component).map_err(misfit);
    Ok(match kind {
        Kind::Redactor => Pre::Redactor(RedactorPluginPre::new(link(&machine.blocking)?).map_err(misfit)?),
        Kind::Transform => Pre::Transform(TransformPluginPre::new(link(&machine.stateful)?).map_err(misfit)?),
        Kind::Channel => Pre::Channel(ChannelPluginPre::new(link(&machine.waiting)?).map_err(misfit)?),
    })
}
