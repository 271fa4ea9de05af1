//! From the bytes of a file to compiled code that is known to fit its world.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::bindings::{channel::ChannelPluginPre, redactor::RedactorPluginPre, transform::TransformPluginPre};
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
    pub(crate) pre: Pre,
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
        let component = self.cache.compile(&self.engine, &hash, bytes)?;
        let world = declaration.kind.world();
        let misfit = |error: wasmtime::Error| LoadError::World {
            world,
            message: format!("{error:#}"),
        };
        let link = |linker: &wasmtime::component::Linker<State>| linker.instantiate_pre(&component).map_err(misfit);
        let pre = match declaration.kind {
            Kind::Redactor => Pre::Redactor(RedactorPluginPre::new(link(&self.blocking)?).map_err(misfit)?),
            Kind::Transform => Pre::Transform(TransformPluginPre::new(link(&self.stateful)?).map_err(misfit)?),
            Kind::Channel => Pre::Channel(ChannelPluginPre::new(link(&self.waiting)?).map_err(misfit)?),
        };
        Ok(Arc::new(Revision {
            hash,
            declaration,
            schema,
            pre,
        }))
    }
}
