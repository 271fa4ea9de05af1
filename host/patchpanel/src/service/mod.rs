//! A running router: store, plugins, routing table, HTTP interface, and the task that keeps them current.

mod current;
mod desk;

use std::path::PathBuf;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use patchpanel_router::{Options, Router};
use patchpanel_runtime::Registry;
use patchpanel_store::{Clock, Retention, SqliteStore, SteadyClock, Store, StoreError, StoreOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use self::current::Current;
use self::desk::Back;
pub(crate) use self::desk::{Desk, PluginDeed, Refusal, Shown};
use crate::config::{Config, StoreConfig};
use crate::exit;
use crate::server::{self, App};

/// How often it is looked whether the store has failed for good.
const HEALTH: Duration = Duration::from_millis(500);
/// How long requests are then told so, before the process ends and a supervisor starts another.
const FAREWELL: Duration = Duration::from_secs(3);

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
    registry: Arc<Registry>,
    durable: bool,
    current: Current,
    desk: Desk,
    back: Back,
}

impl Service {
    /// Opens the store, loads the plugins and starts to route. `file` is read again on SIGHUP.
    pub(crate) async fn start(config: Config, file: Option<PathBuf>) -> anyhow::Result<Service> {
        let clock: Arc<dyn Clock> = Arc::new(SteadyClock::default());
        let store = open(config.store.clone(), Arc::clone(&clock)).await?;
        let durable = store.is_durable();
        let current = Current::start(config, file, Arc::clone(&store), Arc::clone(&clock)).await?;
        let table = current.table()?;
        let router = Arc::new(Router::new(table, store, clock, Options::default()));
        let (desk, back) = Desk::new();
        Ok(Service {
            router,
            registry: Arc::clone(current.registry()),
            durable,
            current,
            desk,
            back,
        })
    }

    /// Serves until a signal comes, then drains. A second signal ends the process at once. Returns the exit code.
    pub(crate) async fn serve(self, listener: TcpListener) -> anyhow::Result<u8> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let (shut, shutting) = watch::channel(false);
        let config = self.current.config();
        let drain = config.server.drain;
        let app = Arc::new(App {
            router: self.router.clone(),
            registry: self.registry,
            desk: self.desk,
            limits: config.limits,
            max_body: config.server.max_body,
        });
        let router = self.router;
        let keeping = self
            .current
            .keep(router.clone(), self.back, signal(SignalKind::hangup())?);
        let keeping = tokio::spawn(keeping);
        let mut closed = shutting.clone();
        let mut serving = tokio::spawn(server::serve(listener, app, async move {
            // Closed by its sender: nobody is there any more to wait for.
            let _ = closed.wait_for(|shut| *shut).await;
        }));
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            error = failed(&router) => {
                tracing::error!(%error, "nothing more can be stored or settled; the process ends, and recovers when it starts again");
                keeping.abort();
                tokio::time::sleep(FAREWELL).await;
                return Ok(exit::FAILED);
            }
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
        keeping.abort();
        let left = router.drain(drain).await;
        // Only now: until here, publishers got an answer that said why they were refused.
        let _ = shut.send(true);
        let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
        match left.pending {
            0 => tracing::info!("everything accepted is settled"),
            pending if self.durable => tracing::info!("{pending} deliveries stay in the store"),
            pending => {
                tracing::warn!(pending, "not everything was delivered before the deadline");
                return Ok(exit::FAILED);
            }
        }
        Ok(exit::OK)
    }
}

async fn open(config: StoreConfig, clock: Arc<dyn Clock>) -> anyhow::Result<Arc<dyn Store>> {
    let options = StoreOptions {
        path: config.path,
        retention: Retention {
            age: Some(config.keep_for),
            bytes: Some(config.keep_bytes),
        },
        budget: Some(config.budget),
        clock,
    };
    let opening = tokio::task::spawn_blocking(move || SqliteStore::open(options));
    let store = opening.await?.context("the store cannot be opened")?;
    Ok(Arc::new(store))
}

/// Waits for the end of the store.
async fn failed(router: &Router) -> StoreError {
    loop {
        if let Err(error @ StoreError::Failed(_)) = router.health() {
            return error;
        }
        tokio::time::sleep(HEALTH).await;
    }
}
