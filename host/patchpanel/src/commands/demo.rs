//! `patchpanel demo`: the git history of a repository through redaction, routing and delivery.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use patchpanel_event::Event;
use patchpanel_router::PublishError;
use tokio::net::TcpListener;

use crate::cli::DemoArgs;
use crate::git::History;
use crate::service::{self, Service};
use crate::{config, exit};

const CONFIG: &str = include_str!("demo.toml");
/// Commits that are published at once.
const BATCH: usize = 256;

pub(crate) fn demo(args: &DemoArgs) -> anyhow::Result<u8> {
    fs::create_dir_all(args.dir.join("plugins.d")).with_context(|| format!("cannot create {}", args.dir.display()))?;
    let dir = args.dir.canonicalize()?;
    let config = config::parse(CONFIG, &dir).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let audit = dir.join("audit.ndjson");
    let serving = !args.once && std::io::stdout().is_terminal();
    service::runtime()?.block_on(async {
        let listener = match serving {
            true => Some(
                TcpListener::bind(args.listen)
                    .await
                    .with_context(|| format!("cannot listen on {}; choose another port with --listen", args.listen))?,
            ),
            false => None,
        };
        // Behind the listening: a demo that runs already is left alone.
        clear(&dir)?;
        let history = History::open(&args.repo, config.limits)?;
        let service = Service::start(config, None).await?;
        let delivered = tell_history(&service, history, &audit).await?;
        match listener {
            Some(listener) => {
                print_next_steps(&listener, &dir)?;
                service.serve(listener).await
            }
            None => Ok(if delivered { exit::OK } else { exit::FAILED }),
        }
    })
}

/// Removes what an earlier demo left: it would be counted as of this one.
fn clear(dir: &Path) -> io::Result<()> {
    for file in ["audit.ndjson", "demo.db", "demo.db-wal", "demo.db-shm"] {
        match fs::remove_file(dir.join(file)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Publishes all commits, waits until all is delivered and says what was done. False: not all was.
async fn tell_history(service: &Service, mut history: History, audit: &Path) -> anyhow::Result<bool> {
    let started = Instant::now();
    let mut commits = 0;
    loop {
        let (batch, rest) = tokio::task::spawn_blocking(move || (history.next_batch(BATCH), history)).await?;
        history = rest;
        let batch = batch?;
        if batch.is_empty() {
            break;
        }
        commits += batch.len() as u64;
        publish(service, batch).await?;
    }
    anyhow::ensure!(
        commits > 0,
        "the repository has no commits; name another with --repo PATH"
    );
    service.router.idle().await;
    let seconds = started.elapsed().as_secs_f64();
    let stats = service.router.stats().await?;
    let sum = |count: fn(&patchpanel_store::Account) -> u64| stats.accounts().map(count).sum::<u64>();
    let (delivered, dead) = (sum(|account| account.delivered), sum(|account| account.dead));
    let redactions: Vec<String> = stats
        .redactions
        .iter()
        .map(|(label, count)| format!("{count} {label}"))
        .collect();
    eprintln!();
    eprintln!(
        "{commits} commits became events; {} could not be read",
        history.unreadable
    );
    eprintln!(
        "{} redactions ({})",
        stats.redactions.values().sum::<u64>(),
        redactions.join(", ")
    );
    eprintln!("{delivered} deliveries, {dead} dead letters");
    eprintln!(
        "{:.0} events per second ({seconds:.2} s from the first commit to the last delivery)",
        f64::from(u32::try_from(commits).unwrap_or(u32::MAX)) / seconds
    );
    eprintln!("kept in {}", audit.display());
    Ok(dead == 0 && delivered > 0)
}

/// Waits where the router is full: a demo has time.
async fn publish(service: &Service, batch: Vec<Event>) -> anyhow::Result<()> {
    loop {
        match service.router.publish(batch.clone(), None).await {
            Err(error) if error.is_overload() => tokio::time::sleep(Duration::from_millis(20)).await,
            other => return other.map(|_| ()).map_err(|error: PublishError| error.into()),
        }
    }
}

fn print_next_steps(listener: &TcpListener, dir: &Path) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    eprintln!();
    eprintln!("The router now listens on http://{address}. Send it an event of your own:");
    eprintln!();
    eprintln!("  curl -s http://{address}/v1/events -H 'content-type: application/json' \\");
    eprintln!(
        "    -d '{{\"type\": \"demo.hello\", \"level\": \"warning\", \"message\": \"mail me at ada@example.com\"}}'"
    );
    eprintln!();
    eprintln!(
        "Drop a plugin into {}: as redact.wasm it takes the place of the",
        dir.join("plugins.d").display()
    );
    eprintln!(
        "bundled redactor, as mine.wasm it runs behind it. See http://{address}/v1/plugins. Ctrl-C ends the demo."
    );
    Ok(())
}
