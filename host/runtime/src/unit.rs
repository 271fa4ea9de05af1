//! One use of a plugin, made ready: of whatever kind.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::guest::About;
use crate::kv::Kv;
use crate::revision::{Pre, Revision};
use crate::state::Shared;
use crate::{ChannelPlugin, LoadError, PluginSpec, RedactorPlugin, Runtime, TransformPlugin, UnitSpec};

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

/// Everything that a use is started from.
pub(crate) struct Start<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(crate) spec: &'a PluginSpec,
    pub(crate) unit: &'a UnitSpec,
    pub(crate) revision: &'a Arc<Revision>,
    pub(crate) kv: Arc<Kv>,
    /// Is told when the first calls fail; `None` where nothing could be done about it.
    pub(crate) alarm: Option<Arc<Notify>>,
}

impl Start<'_> {
    /// Checks that kind and configuration fit, makes a first instance, and tries the plugin's own examples.
    pub(crate) async fn run(self) -> Result<Unit, LoadError> {
        let Start {
            runtime,
            spec,
            unit,
            revision,
            kv,
            alarm,
        } = self;
        let kind = revision.declaration.kind;
        if !unit.role.fits(kind) {
            return Err(LoadError::WrongKind {
                found: kind,
                expected: unit.role.expected(),
            });
        }
        if let Some(schema) = &revision.schema {
            schema.check(&unit.config)?;
        }
        let shared = Arc::new(Shared::new(spec, &revision.declaration, kv, alarm));
        let pre = runtime.linked(revision, shared.profile())?;
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
}
