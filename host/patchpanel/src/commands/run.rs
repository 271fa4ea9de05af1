//! `patchpanel run`: the router as a service.

use anyhow::Context as _;
use tokio::net::TcpListener;

use crate::cli::RunArgs;
use crate::config;
use crate::service::{self, Service};

pub(crate) fn run(args: &RunArgs) -> anyhow::Result<u8> {
    let config = config::load(&args.config)?;
    let address = args.listen.unwrap_or(config.server.listen);
    anyhow::ensure!(
        address.ip().is_loopback(),
        "{address} is not a loopback address; there is no authentication yet, so others must not reach this port"
    );
    service::runtime()?.block_on(async {
        let service = Service::start(config, Some(args.config.clone())).await?;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        eprintln!("patchpanel listens on http://{}", listener.local_addr()?);
        service.serve(listener).await
    })
}
