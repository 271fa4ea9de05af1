//! A running router: plugins, routing table, HTTP interface, and the tasks that keep them current.

use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use patchpanel_router::{Options, Router};
use patchpanel_runtime::{DirectoryWatch, Generation, Registry};
use patchpanel_store::{MemoryLimits, MemoryStore, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::config::{self, Config};
use crate::exit;
use crate::server::{self, App};
use crate::wiring::{self, Uses};

/// What a router runs on.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        // A channel that computes without end yields every few milliseconds; by default only every 61st of those yields
        // would let requests and answers in.
        .event_interval(1)
        .enable_all()
        .build()
}

/// A router that accepts and delivers.
pub(crate) struct Service {
    pub(crate) router: Arc<Router>,
    pub(crate) registry: Arc<Registry>,
    config: Config,
    file: Option<PathBuf>,
}

impl Service {
    /// Loads the plugins and starts to route. `file` is read again on SIGHUP.
    pub(crate) async fn start(config: Config, file: Option<PathBuf>) -> anyhow::Result<Service> {
        let registry = wiring::registry(&config, Uses::All).await?;
        let table = wiring::table(&config, &registry.generation())?;
        let limits = MemoryLimits {
            events: config.store.events,
            bytes: config.store.bytes,
            ..MemoryLimits::default()
        };
        let clock = Arc::new(SystemClock);
        let store = Arc::new(MemoryStore::new(limits, clock.clone()));
        let router = Arc::new(Router::new(table, store, clock, Options::default()));
        Ok(Service {
            router,
            registry,
            config,
            file,
        })
    }

    /// Serves until a signal comes, then drains. A second signal ends the process at once. Returns the exit code.
    pub(crate) async fn serve(self, listener: TcpListener) -> anyhow::Result<u8> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (shut, shutting) = watch::channel(false);
        let drain = self.config.server.drain;
        let app = Arc::new(App {
            router: self.router.clone(),
            registry: self.registry.clone(),
            limits: self.config.limits,
            max_body: self.config.server.max_body,
        });
        let router = self.router.clone();
        let reloading = tokio::spawn(self.keep_current(signal(SignalKind::hangup())?));
        let mut closed = shutting.clone();
        let mut serving = tokio::spawn(server::serve(listener, app, async move {
            // Closed by its sender: nobody is there any more to wait for.
            let _ = closed.wait_for(|shut| *shut).await;
        }));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            ended = &mut serving => anyhow::bail!("the HTTP interface ended by itself: {ended:?}"),
        }
        tracing::info!(seconds = drain.as_secs(), "draining; another signal ends at once");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            process::exit(i32::from(exit::INTERRUPTED));
        });
        reloading.abort();
        let left = router.drain(drain).await;
        // Only now: until here, publishers got an answer that said why they were refused.
        let _ = shut.send(true);
        let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
        if left.pending > 0 {
            tracing::warn!(
                pending = left.pending,
                "not everything was delivered before the deadline"
            );
            return Ok(exit::FAILED);
        }
        tracing::info!("everything accepted is settled");
        Ok(exit::OK)
    }

    /// Takes over new plugin files, and on SIGHUP a new configuration.
    async fn keep_current(mut self, mut hangup: Signal) {
        let mut watch = DirectoryWatch::new(&self.config.plugins_dir);
        loop {
            let generation = tokio::select! {
                () = watch.changed() => self.registry.rescan().await,
                _ = hangup.recv() => match self.reload().await {
                    Ok(generation) => {
                        watch = DirectoryWatch::new(&self.config.plugins_dir);
                        Some(generation)
                    }
                    Err(error) => {
                        tracing::error!("the configuration is not taken over; everything stays as it was:\n{error:#}");
                        None
                    }
                },
            };
            if let Some(generation) = generation {
                match wiring::table(&self.config, &generation) {
                    Ok(table) => self.router.swap(table),
                    Err(error) => tracing::error!("the new plugins do not fit: {error:#}"),
                }
            }
        }
    }

    async fn reload(&mut self) -> anyhow::Result<Arc<Generation>> {
        let file = self.file.as_deref().context("there is no configuration file to read")?;
        let config = config::load(file)?;
        if config.server != self.config.server || config.store != self.config.store {
            tracing::warn!("changes of `server` and `store` take effect at the next start");
        }
        let generation = wiring::configure(&self.registry, &config, Uses::All)
            .await
            .map_err(|errors| {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                anyhow::anyhow!("{}", lines.join("\n"))
            })?;
        tracing::info!(file = %file.display(), "configuration taken over");
        self.config = config;
        Ok(generation)
    }
}
