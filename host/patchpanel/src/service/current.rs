//! What is in service: the configuration file with the subscriptions that were created while the router ran, and the
//! plugins of both. One task owns it and changes it, one change after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use patchpanel_router::{Router, Table};
use patchpanel_runtime::{DirectoryWatch, PluginError, Registry};
use patchpanel_store::{Clock, Store};
use serde_json::{Map, Value};
use tokio::signal::unix::Signal;

use super::desk::{Back, Order, Origin, PluginDeed, Refusal, Shown};
use crate::config::{self, Config};
use crate::ports::StoreKeep;
use crate::wiring::{self, Uses};

/// All that changes while the router runs.
pub(super) struct Current {
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    file: Option<PathBuf>,
    /// The file's, and the subscriptions that were created.
    config: Config,
    definitions: BTreeMap<String, Definition>,
}

/// A subscription that was created.
struct Definition {
    text: Map<String, Value>,
    /// Why it is out of service.
    invalid: Option<String>,
}

impl Current {
    /// Starts the plugins of a configuration, and of the subscriptions that the store knows. One that does not fit is
    /// left out of service, and kept.
    pub(super) async fn start(
        config: Config,
        file: Option<PathBuf>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Current> {
        let keep = StoreKeep {
            store: Arc::clone(&store),
            clock,
        };
        let registry = wiring::registry(&config, Uses::All, Some(Arc::new(keep))).await?;
        let mut current = Current {
            registry,
            store,
            file,
            config,
            definitions: BTreeMap::new(),
        };
        for (name, text) in current.store.definitions().await? {
            let text = serde_json::from_str(&text).unwrap_or_default();
            let definition = Definition {
                text,
                invalid: Some(String::new()),
            };
            current.definitions.insert(name.to_string(), definition);
        }
        current.revive().await;
        Ok(current)
    }

    pub(super) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn table(&self) -> anyhow::Result<Table> {
        wiring::table(&self.config, &self.registry.generation())
    }

    /// Takes over new plugin files, on SIGHUP a new configuration, and what the desk is asked for.
    pub(super) async fn keep(mut self, router: Arc<Router>, mut back: Back, mut hangup: Signal) {
        back.shown.send_replace(self.shown());
        let mut watch = DirectoryWatch::new(&self.config.plugins_dir);
        loop {
            let mut reloaded = false;
            let changed = tokio::select! {
                () = watch.changed() => self.registry.rescan().await.is_some(),
                () = self.registry.alarmed() => self.registry.rescan().await.is_some(),
                _ = hangup.recv() => match self.reload().await {
                    Ok(()) => {
                        watch = DirectoryWatch::new(&self.config.plugins_dir);
                        reloaded = true;
                        true
                    }
                    Err(error) => {
                        tracing::error!("the configuration is not taken over; everything stays as it was:\n{error:#}");
                        false
                    }
                },
                Some(order) = back.orders.recv() => {
                    self.serve(order, &router, &back).await;
                    false
                }
            };
            if changed {
                self.publish(&router);
                back.shown.send_replace(self.shown());
            }
            if reloaded {
                tracing::info!("configuration taken over");
            }
        }
    }

    /// Makes the routing table of what is in service now.
    fn publish(&self, router: &Router) {
        match self.table() {
            Ok(table) => router.swap(table),
            Err(error) => tracing::error!("the new plugins do not fit: {error:#}"),
        }
    }

    async fn serve(&mut self, order: Order, router: &Router, back: &Back) {
        // Whoever asked may have left; what was asked for is done all the same.
        match order {
            Order::Create { definition, answer } => {
                let created = self.create(definition, router).await;
                back.shown.send_replace(self.shown());
                let _ = answer.send(created);
            }
            Order::Remove { name, answer } => {
                let removed = self.remove(&name, router).await;
                back.shown.send_replace(self.shown());
                let _ = answer.send(removed);
            }
            Order::Plugin { name, deed, answer } => {
                let _ = answer.send(self.decide(&name, deed, router).await);
            }
        }
    }

    async fn decide(&self, name: &str, deed: PluginDeed, router: &Router) -> Result<(), Refusal> {
        match deed {
            PluginDeed::Promote => {
                self.registry.promote(name).await?;
                self.publish(router);
            }
            PluginDeed::Discard => self.registry.discard(name).await?,
            PluginDeed::Release => self.registry.release(name).await?,
        }
        tracing::info!(plugin = %name, ?deed, "decided");
        Ok(())
    }

    async fn create(&mut self, definition: Map<String, Value>, router: &Router) -> Result<Shown, Refusal> {
        let before = self.config.clone();
        self.admit(&definition).await?;
        let ready = self.ready(&definition).await;
        let table = match ready {
            Ok(table) => table,
            Err(refusal) => {
                self.go_back(before).await;
                return Err(refusal);
            }
        };
        router.swap(table);
        let name = named(&definition).to_owned();
        tracing::info!(subscription = %name, "subscription created");
        let valid = Definition {
            text: definition,
            invalid: None,
        };
        self.definitions.insert(name.clone(), valid);
        let shown = self.shown().iter().find(|shown| shown.name == name).cloned();
        shown.ok_or(Refusal::Unknown(name))
    }

    /// What can fail before the subscription is in service. What is kept from here on is what a restart finds.
    async fn ready(&self, definition: &Map<String, Value>) -> Result<Table, Refusal> {
        let table = self.table().map_err(|error| Refusal::Plugins(format!("{error:#}")))?;
        let text = Value::Object(definition.clone()).to_string();
        self.store.define(named(definition), Some(text)).await?;
        Ok(table)
    }

    async fn remove(&mut self, name: &str, router: &Router) -> Result<(), Refusal> {
        let Some(definition) = self.definitions.get(name) else {
            let of_file = self.config.subscriptions.iter().any(|entry| entry.name == name);
            return Err(match of_file {
                true => Refusal::OfTheFile(name.to_owned()),
                false => Refusal::Unknown(name.to_owned()),
            });
        };
        let in_service = definition.invalid.is_none();
        self.store.define(name, None).await?;
        self.definitions.remove(name);
        if in_service {
            let mut config = self.config.clone();
            config.remove_subscription(name);
            self.go_back(config).await;
            match self.table() {
                Ok(table) => router.swap(table),
                Err(error) => tracing::error!("the table without subscription `{name}` does not fit: {error:#}"),
            }
        }
        tracing::info!(subscription = %name, "subscription removed");
        Ok(())
    }

    /// Adds a subscription to the configuration and starts its transforms. Nothing has changed on failure.
    async fn admit(&mut self, definition: &Map<String, Value>) -> Result<(), Refusal> {
        let mut config = self.config.clone();
        config.add_subscription(definition).map_err(Refusal::Mistakes)?;
        let configured = self.configure(&config).await;
        configured.map_err(|errors| Refusal::Plugins(lines(&errors, "; ")))?;
        self.config = config;
        Ok(())
    }

    /// To a configuration with one subscription less. That its plugins stay loaded would do no harm.
    async fn go_back(&mut self, config: Config) {
        if let Err(errors) = self.configure(&config).await {
            let problem = lines(&errors, "; ");
            tracing::warn!("plugins that nobody uses any more stay loaded: {problem}");
        }
        self.config = config;
    }

    /// Starts and ends what a subscription more or less uses. Everything starts afresh then, so only where there is a need.
    async fn configure(&self, config: &Config) -> Result<(), Vec<PluginError>> {
        if config.units.len() == self.config.units.len() {
            return Ok(());
        }
        wiring::configure(&self.registry, config, Uses::All).await.map(|_| ())
    }

    /// Tries again what is out of service.
    async fn revive(&mut self) {
        let names = self
            .definitions
            .iter()
            .filter(|(_, definition)| definition.invalid.is_some());
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        for name in names {
            let Some(text) = self.definitions.get(&name).map(|definition| definition.text.clone()) else {
                continue;
            };
            let invalid = self.admit(&text).await.err().map(|refusal| refusal.to_string());
            if let Some(reason) = &invalid {
                tracing::error!(subscription = %name, "the subscription is out of service: {reason}");
            }
            if let Some(definition) = self.definitions.get_mut(&name) {
                definition.invalid = invalid;
            }
        }
    }

    /// Takes a new configuration file over, or nothing of it: where a subscription that is in service does not fit it, too.
    async fn reload(&mut self) -> anyhow::Result<()> {
        let file = self.file.as_deref().context("there is no configuration file to read")?;
        let mut config = config::load(file)?;
        let (new, old) = (&config, &self.config);
        if new.server != old.server || new.store != old.store || new.trust != old.trust || new.compile != old.compile {
            tracing::warn!("changes of `server`, `store`, `compile` and `trusted_keys` take effect at the next start");
        }
        for (name, definition) in &self.definitions {
            if definition.invalid.is_none() {
                config.add_subscription(&definition.text).map_err(|mistakes| {
                    anyhow::anyhow!(
                        "subscription `{name}`, which was created while the router ran, does not fit: {}; \
                         remove it, or change the file",
                        mistakes.in_a_line()
                    )
                })?;
            }
        }
        wiring::configure(&self.registry, &config, Uses::All)
            .await
            .map_err(|errors| anyhow::anyhow!("{}", lines(&errors, "\n")))?;
        self.config = config;
        self.revive().await;
        Ok(())
    }

    fn shown(&self) -> Arc<[Shown]> {
        let entries = self.config.subscriptions.iter().map(|entry| Shown {
            name: entry.name.clone(),
            origin: match self.definitions.get(&entry.name) {
                Some(definition) if definition.invalid.is_none() => Origin::Api,
                _ => Origin::File,
            },
            entry: entry.describe(&self.config),
            invalid: None,
        });
        let invalid = self.definitions.iter().filter_map(|(name, definition)| {
            let mut entry = definition.text.clone();
            // Their configuration may hold what must not be shown.
            entry.remove("transforms");
            Some(Shown {
                name: name.clone(),
                origin: Origin::Api,
                entry,
                invalid: Some(definition.invalid.clone()?),
            })
        });
        entries.chain(invalid).collect()
    }
}

fn named(definition: &Map<String, Value>) -> &str {
    definition.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn lines(errors: &[PluginError], separator: &str) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join(separator)
}
