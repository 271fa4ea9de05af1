//! All components that can be had: the files of the plugins directory, and what is part of the binary.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::directory::{self, Found, Stamps};
use crate::revision::Revision;
use crate::{LoadError, PluginSpec, Runtime, Trust};

/// Components that are part of the binary: name and bytes.
pub type Bundled = &'static [(&'static str, &'static [u8])];

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
pub(crate) struct Component {
    pub(crate) origin: Origin,
    stamps: Option<Stamps>,
    pub(crate) result: Result<Arc<Revision>, LoadError>,
}

/// By name.
pub(crate) type Components = BTreeMap<String, Component>;

/// Where components are looked for.
pub(crate) struct Shelf {
    pub(crate) runtime: Runtime,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) bundled: Bundled,
    pub(crate) trust: Trust,
}

impl Shelf {
    /// Reads what is new; content that is `known` is not read again. Of what is bundled, only what these want is loaded.
    pub(crate) async fn look(&self, known: &Components, wanted: &[PluginSpec]) -> Components {
        let files = self.directory.as_deref().map(directory::list).unwrap_or_default();
        let mut components = BTreeMap::new();
        for (name, found) in files {
            let before = known.get(&name);
            let component = match before.filter(|before| before.stamps == Some(found.stamps)) {
                Some(same) => Some(same.clone()),
                // Where it is still being written: as before, until the next look.
                None => self.read(found).await.or_else(|| before.cloned()),
            };
            components.extend(component.map(|component| (name, component)));
        }
        for spec in wanted {
            let bundled = self.bundled.iter().find(|(name, _)| *name == spec.from);
            let Some((name, bytes)) = bundled.filter(|_| !components.contains_key(&spec.from)) else {
                continue;
            };
            let before = known.get(*name).filter(|before| before.origin == Origin::Bundled);
            let component = match before {
                Some(before) => before.clone(),
                None => Component {
                    origin: Origin::Bundled,
                    stamps: None,
                    result: self.load(|runtime| runtime.load(bytes)).await,
                },
            };
            components.insert((*name).to_owned(), component);
        }
        components
    }

    /// `None`: it changed while it was read.
    async fn read(&self, found: Found) -> Option<Component> {
        let (origin, stamps) = (Origin::File(found.path.clone()), Some(found.stamps));
        let trust = self.trust.clone();
        let result = self.load(move |runtime| {
            let read = directory::read(&found)?;
            read.map(|file| {
                trust.check(&file.component, file.signature.as_deref())?;
                runtime.load(&file.component)
            })
            .transpose()
        });
        Some(Component {
            origin,
            stamps,
            result: result.await.transpose()?,
        })
    }

    /// Off the threads that drive futures: it reads, and it compiles.
    async fn load<T: Send + 'static>(
        &self,
        load: impl FnOnce(&Runtime) -> Result<T, LoadError> + Send + 'static,
    ) -> Result<T, LoadError> {
        let runtime = self.runtime.clone();
        let loading = tokio::task::spawn_blocking(move || load(&runtime)).await;
        loading.unwrap_or_else(|panic| Err(LoadError::Compile(panic.to_string())))
    }
}
