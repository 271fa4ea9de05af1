//! Outgoing HTTP: the grant is checked on the request, then again on the address that its host resolves to.
//!
//! Redirects are not followed here. A plugin that follows one makes a new request, which is checked like the first.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::Grants;

/// How long a request may take where the plugin sets no time of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// One plugin's way out. Connections are kept alive and shared by its instances.
#[derive(Clone)]
pub(crate) struct Egress {
    grants: Arc<Grants>,
    client: Client<HttpsConnector<HttpConnector<CheckedResolver>>, WasiBody>,
    body_limit: usize,
    refused: Arc<AtomicU64>,
}

impl Egress {
    pub(crate) fn new(grants: Arc<Grants>, body_limit: usize) -> Self {
        let mut connector = HttpConnector::new_with_resolver(CheckedResolver {
            inner: GaiResolver::new(),
            grants: grants.clone(),
        });
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(DEFAULT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(DEFAULT_TIMEOUT)
            .build(connector);
        Egress {
            grants,
            client,
            body_limit,
            refused: Arc::default(),
        }
    }

    /// Requests that were not granted.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn check(&self, request: &http::Request<WasiBody>) -> Result<(), Error> {
        let refuse = |reason: &str, error: Error| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(reason, "outgoing request refused");
            error
        };
        self.grants
            .check_request(request.method().as_str(), request.uri())
            .map_err(|reason| refuse(&reason, Error::HttpRequestDenied))?;
        // The connector does not resolve literal addresses, so they are checked here.
        let host = request.uri().host().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) if !self.grants.allows_address(host, address) => Err(refuse(
                "the address is private and not granted",
                Error::DestinationIpProhibited,
            )),
            _ => Ok(()),
        }
    }
}

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let egress = self.clone();
        Box::new(async move {
            egress.check(&request)?;
            let limit = egress.body_limit;
            let request = request.map(|body| {
                let limited = Limited::new(body, limit);
                limited
                    .map_err(move |error| {
                        error
                            .downcast::<Error>()
                            .map_or(Error::HttpRequestBodySize(None), |error| *error)
                    })
                    .boxed_unsync()
            });
            let options = options.unwrap_or_default();
            let first_byte = options
                .first_byte_timeout
                .or(options.connect_timeout)
                .unwrap_or(DEFAULT_TIMEOUT);
            let response = tokio::time::timeout(first_byte, egress.client.request(request))
                .await
                .map_err(|_| Error::ConnectionReadTimeout)?
                .map_err(sending_failed)?;
            let response = response.map(|body| {
                let limited = Limited::new(body, limit);
                limited
                    .map_err(|error| {
                        error
                            .downcast::<hyper::Error>()
                            .map_or(Error::HttpResponseBodySize(None), |error| Error::Hyper(*error))
                    })
                    .boxed_unsync()
            });
            Ok((
                response,
                Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>,
            ))
        })
    }
}

fn sending_failed(error: hyper_util::client::legacy::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if inner.is::<AddressRefused>() {
            return Error::DestinationIpProhibited;
        }
        cause = inner.source();
    }
    if error.is_connect() {
        Error::ConnectionRefused
    } else {
        Error::ConnectionTerminated
    }
}

/// Resolves names and leaves out the addresses that the plugin may not reach, so that what was checked is what is
/// connected to.
#[derive(Clone)]
struct CheckedResolver {
    inner: GaiResolver,
    grants: Arc<Grants>,
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to addresses that are private and not granted")]
struct AddressRefused;

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let grants = self.grants.clone();
        let host = name.as_str().to_owned();
        let resolving = self.inner.call(name);
        Box::pin(async move {
            let allowed: Vec<SocketAddr> = resolving
                .await?
                .filter(|address| grants.allows_address(&host, address.ip()))
                .collect();
            if allowed.is_empty() {
                Err(AddressRefused.into())
            } else {
                Ok(allowed.into_iter())
            }
        })
    }
}
