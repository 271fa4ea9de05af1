//! Outgoing HTTP: the grant is checked on the request, then again on the address that its host resolves to. What goes
//! over a limit is an error for the plugin, which may go on.
//!
//! Redirects are not followed here. A plugin that follows one makes a new request, which is checked like the first.

mod requests;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::Limits;
use crate::grants::Given;
use crate::logs::PluginLog;
use crate::placeholders::Placeholders;
use crate::rate::PerMinute;
use crate::usage::Usage;

/// How long a request may take where the plugin sets no time of its own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// One plugin's way out. Connections are kept alive and shared by its instances.
#[derive(Clone)]
pub(crate) struct Egress(Arc<Way>);

type HttpClient = Client<HttpsConnector<HttpConnector<CheckedResolver>>, WasiBody>;

struct Way {
    given: Arc<Given>,
    placeholders: Placeholders,
    /// Made for the first request: most plugins send none.
    client: OnceLock<HttpClient>,
    request_body: usize,
    response_body: usize,
    /// For requests in flight.
    places: Arc<Semaphore>,
    most_at_once: u32,
    rate: PerMinute,
    most_a_minute: u32,
    log: Arc<PluginLog>,
    usage: Arc<Usage>,
}

impl Egress {
    pub(crate) fn new(given: Arc<Given>, limits: &Limits, log: Arc<PluginLog>, usage: Arc<Usage>) -> Self {
        Egress(Arc::new(Way {
            placeholders: Placeholders::new(given.grants.secrets_for_http.keys()),
            given,
            client: OnceLock::new(),
            request_body: limits.http_request_body,
            response_body: limits.http_response_body,
            places: Arc::new(Semaphore::new(limits.http_concurrency as usize)),
            most_at_once: limits.http_concurrency,
            rate: PerMinute::new(limits.http_requests),
            most_a_minute: limits.http_requests,
            log,
            usage,
        }))
    }

    /// What stands for secrets in the plugin's configuration.
    pub(crate) fn placeholders(&self) -> &Placeholders {
        &self.0.placeholders
    }
}

impl Way {
    fn client(&self) -> &HttpClient {
        self.client.get_or_init(|| {
            let mut connector = HttpConnector::new_with_resolver(CheckedResolver {
                inner: GaiResolver::new(),
                given: self.given.clone(),
            });
            connector.enforce_http(false);
            connector.set_nodelay(true);
            connector.set_connect_timeout(Some(DEFAULT_TIMEOUT));
            let connector = HttpsConnectorBuilder::new()
                .with_webpki_roots()
                .https_or_http()
                .enable_http1()
                .wrap_connector(connector);
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(DEFAULT_TIMEOUT)
                .build(connector)
        })
    }

    fn refuse(&self, capability: &'static str, reason: String, error: Error) -> Refusal {
        self.log.refused(capability, &reason);
        Refusal { error, reason }
    }

    /// Whatever has to hold before a request goes out, and the place that it then has among those in flight. Secrets are
    /// filled in.
    fn prepare(&self, request: &mut http::Request<WasiBody>) -> Result<OwnedSemaphorePermit, Refusal> {
        self.check(request)?;
        let place = self.admit()?;
        let filled = self
            .placeholders
            .fill(&self.given, request)
            .map_err(|reason| self.refuse("secrets", reason, Error::HttpRequestDenied))?;
        (0..filled).for_each(|_| self.usage.used("secrets_filled"));
        self.usage.used("http");
        Ok(place)
    }

    fn check(&self, request: &http::Request<WasiBody>) -> Result<(), Refusal> {
        self.given
            .check_request(request.method().as_str(), request.uri())
            .map_err(|reason| self.refuse("http", reason, Error::HttpRequestDenied))?;
        // The connector does not resolve literal addresses, so they are checked here.
        let host = request.uri().host().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse() {
            Ok(address) if !self.given.allows_address(host, address) => {
                Err(self.refuse("http", PRIVATE.to_owned(), Error::DestinationIpProhibited))
            }
            _ => Ok(()),
        }
    }

    /// A place among the requests in flight.
    fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let full = |limit, value: String| {
            self.usage.hit(limit);
            let reason = format!("the limit `{limit}` ({value}) is reached");
            self.refuse("http", reason, Error::ConnectionLimitReached)
        };
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| full("http_concurrency", self.most_at_once.to_string()))?;
        if !self.rate.admit() {
            return Err(full("http_requests", self.most_a_minute.to_string()));
        }
        Ok(place)
    }
}

/// Why a request was not sent, or had no response.
struct Refusal {
    error: Error,
    /// For people. Holds neither secrets nor what the plugin said.
    reason: String,
}

/// Of an address that stands in the URL.
const PRIVATE: &str = "the address is private and not granted: grant it as such, or set `allow.private_addresses`";

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
        mut request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let way = self.0.clone();
        Box::new(async move {
            let place = way.prepare(&mut request).map_err(|refusal| refusal.error)?;
            let usage = way.usage.clone();
            let request = request.map(|body| {
                let limited = Limited::new(body, way.request_body);
                limited
                    .map_err(move |error| {
                        error.downcast::<Error>().map_or_else(
                            |_| {
                                usage.hit("http_request_body");
                                Error::HttpRequestBodySize(None)
                            },
                            |error| *error,
                        )
                    })
                    .boxed_unsync()
            });
            let options = options.unwrap_or_default();
            let first_byte = options
                .first_byte_timeout
                .or(options.connect_timeout)
                .unwrap_or(DEFAULT_TIMEOUT);
            let response = tokio::time::timeout(first_byte, way.client().request(request))
                .await
                .map_err(|_| Error::ConnectionReadTimeout)?
                .map_err(|error| way.sending_failed(&error).error)?;
            let usage = way.usage.clone();
            let response = response.map(|body| {
                let limited = Limited::new(body, way.response_body);
                limited
                    .map_err(move |error| {
                        // The request is in flight until its answer is read or dropped.
                        let _held = &place;
                        error.downcast::<hyper::Error>().map_or_else(
                            |_| {
                                usage.hit("http_response_body");
                                Error::HttpResponseBodySize(None)
                            },
                            |error| Error::Hyper(*error),
                        )
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

impl Way {
    fn sending_failed(&self, error: &hyper_util::client::legacy::Error) -> Refusal {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(inner) = cause {
            if inner.is::<AddressRefused>() {
                return self.refuse("http", inner.to_string(), Error::DestinationIpProhibited);
            }
            // Of a body that was too long, hyper tells as of any other that broke off.
            if let Some(Error::HttpRequestBodySize(size)) = inner.downcast_ref() {
                return Refusal {
                    error: Error::HttpRequestBodySize(*size),
                    reason: "its body is too large".to_owned(),
                };
            }
            cause = inner.source();
        }
        let (error, reason) = match error.is_connect() {
            true => (Error::ConnectionRefused, "the endpoint cannot be connected to"),
            false => (Error::ConnectionTerminated, "the connection to the endpoint failed"),
        };
        Refusal {
            error,
            reason: reason.to_owned(),
        }
    }
}

/// Resolves names and leaves out the addresses that the plugin may not reach, so that what was checked is what is
/// connected to.
#[derive(Clone)]
struct CheckedResolver {
    inner: GaiResolver,
    given: Arc<Given>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the name leads to addresses that are private and not granted: grant it as such, or set `allow.private_addresses`"
)]
struct AddressRefused;

impl Service<Name> for CheckedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let given = self.given.clone();
        let host = name.as_str().to_owned();
        let resolving = self.inner.call(name);
        Box::pin(async move {
            let allowed: Vec<SocketAddr> = resolving
                .await?
                .filter(|address| given.allows_address(&host, address.ip()))
                .collect();
            if allowed.is_empty() {
                Err(AddressRefused.into())
            } else {
                Ok(allowed.into_iter())
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{Grants, HttpRule};

    /// What is left of the addresses that the system finds for a loopback name.
    async fn resolved(rule: &str, private_addresses: bool) -> Result<usize, String> {
        let grants = Grants {
            http: vec![HttpRule::parse(rule).unwrap()],
            private_addresses,
            ..Grants::default()
        };
        let mut resolver = CheckedResolver {
            inner: GaiResolver::new(),
            given: Arc::new(grants.given(&serde_json::from_str(r#"{"http": ["*"]}"#).unwrap())),
        };
        let answer = resolver.call("localhost".parse().unwrap()).await;
        answer.map(Iterator::count).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_has_no_addresses_unless_granted() {
        let error = resolved("http://*.example.com", false).await.unwrap_err();
        assert!(error.contains("private and not granted"), "{error}");
        assert!(resolved("http://localhost", false).await.unwrap() > 0);
        assert!(resolved("http://*.example.com", true).await.unwrap() > 0);
    }
}
