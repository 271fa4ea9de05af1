//! From a configuration and a generation of plugins to a routing table, and from there to a running router: the wiring
//! diagram of the house.

use std::sync::Arc;

use patchpanel_event::TextSelector;
use patchpanel_router::{Channel, ChannelEntry, DeliveryPlan, IngressStep, Step, Subscription, Table, TableSpec};
use patchpanel_runtime::{Compiler, Generation, Keep, PluginError, PluginSpec, Registry, Role, Runtime, Unit};

use crate::bundled;
use crate::config::{CompileLimits, Config};
use crate::ports::{NoChannel, WasmChannel, WasmRedactor, WasmTransform};

/// Which plugins are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// All of them.
    All,
    /// No channels: nothing is going to be delivered.
    Offline,
}

/// Loads and configures the plugins of a configuration. Without `keep`, what they keep ends with the registry.
pub(crate) async fn registry(
    config: &Config,
    uses: Uses,
    keep: Option<Arc<dyn Keep>>,
) -> anyhow::Result<Arc<Registry>> {
    let runtime = Runtime::new(config.cache_dir.as_deref(), Some(compiler(config.compile)))?;
    let registry = Registry::new(
        runtime,
        Some(config.plugins_dir.clone()),
        bundled::BUNDLED,
        config.trust.clone(),
    );
    let registry = Arc::new(match keep {
        Some(keep) => registry.keeping(keep),
        None => registry,
    });
    configure(&registry, config, uses).await.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the plugins cannot be started as configured:\n  {}", lines.join("\n  "))
    })?;
    Ok(registry)
}

/// Compiles in a process of this program.
pub(crate) fn compiler(limits: CompileLimits) -> Compiler {
    Compiler {
        // The file that this process runs, also after another one has taken its place on the disk.
        program: "/proc/self/exe".into(),
        arguments: vec!["plugin".to_owned(), "compile".to_owned()],
        memory: limits.memory,
        time: limits.time,
    }
}

/// Puts the plugins of a configuration into service.
pub(crate) async fn configure(
    registry: &Registry,
    config: &Config,
    uses: Uses,
) -> Result<Arc<Generation>, Vec<PluginError>> {
    let wanted = |role: Role| uses == Uses::All || role == Role::Transform;
    let units: Vec<_> = config.units.iter().filter(|unit| wanted(unit.role)).cloned().collect();
    let used = |spec: &&PluginSpec| uses == Uses::All || units.iter().any(|unit| unit.plugin == spec.name);
    registry
        .configure(config.plugins.iter().filter(used).cloned().collect(), units)
        .await
}

/// The routing table of a configuration over one generation of its plugins.
pub(crate) fn table(config: &Config, generation: &Generation) -> anyhow::Result<Table> {
    let step = |unit: &str, fields: &TextSelector, report: &Option<String>| step(generation, unit, fields, report);
    let ingress = config.ingress.iter().filter_map(|entry| {
        Some(IngressStep {
            priority: entry.priority,
            step: step(&entry.unit, &entry.fields, &entry.report)?,
        })
    });
    let subscriptions = config.subscriptions.iter().map(|entry| Subscription {
        name: entry.name.as_str().into(),
        filter: entry.filter.clone(),
        min_level: entry.min_level,
        target: entry.target.clone(),
        start: entry.start,
        plan: DeliveryPlan {
            priority: entry.priority,
            transforms: entry
                .transforms
                .iter()
                .filter_map(|transform| step(&transform.unit, &transform.fields, &transform.report))
                .collect(),
            recipients: entry.recipients.clone(),
            retry: entry.retry,
            batch: entry.batch,
            concurrency: entry.concurrency,
            throttle: entry.throttle,
            ordering: entry.ordering.clone(),
            expires_after: entry.expires_after,
        },
    });
    let channels = config.channels.iter().map(|entry| {
        let handle: Arc<dyn Channel> = match generation.units.get(&entry.unit) {
            Some(Unit::Channel(plugin)) => Arc::new(WasmChannel(plugin.clone())),
            _ => Arc::new(NoChannel(entry.plugin.clone())),
        };
        ChannelEntry {
            key: entry.name.clone(),
            aliases: entry.aliases.clone(),
            plugin: entry.plugin.clone(),
            min_level: entry.min_level,
            concurrency: entry.concurrency,
            deadline: entry.deadline,
            breaker: entry.breaker,
            direct: DeliveryPlan::default(),
            handle,
        }
    });
    let spec = TableSpec {
        ingress: ingress.collect(),
        subscriptions: subscriptions.collect(),
        channels: channels.collect(),
        limits: config.limits,
    };
    Table::new(spec).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the configuration does not fit together:\n  {}", lines.join("\n  "))
    })
}

/// `None`: its plugin is optional and not there.
fn step(generation: &Generation, unit: &str, fields: &TextSelector, report: &Option<String>) -> Option<Step> {
    match generation.units.get(unit)? {
        Unit::Redactor(plugin) => Some(Step::Redactor {
            plugin: plugin.about().name().to_owned(),
            selector: fields.clone(),
            report: report.clone(),
            handle: Arc::new(WasmRedactor(plugin.clone())),
        }),
        Unit::Transform(plugin) => Some(Step::Transformer {
            plugin: plugin.about().name().to_owned(),
            handle: Arc::new(WasmTransform(plugin.clone())),
        }),
        Unit::Channel(_) => None,
    }
}
