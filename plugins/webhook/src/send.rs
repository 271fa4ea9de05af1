//! The network: several requests at a time over `wasi:http`.

use crate::config::Settings;
use http::Request;
use patchpanel_plugin::{Problem, Receipt};
use std::rc::Rc;

type Answer = Result<Receipt, Problem>;

/// A batch of more keeps its receiver busy, not in trouble.
#[cfg(target_family = "wasm")]
const AT_A_TIME: usize = 16;

/// Time for a whole batch. The router cuts a call off after 30 s by default, and then knows of no delivery of it how it
/// went; so what has not been sent by now is given back to be tried again.
#[cfg(target_family = "wasm")]
const BUDGET: std::time::Duration = std::time::Duration::from_secs(25);

/// Bytes of an answer's body that are read to keep the connection.
#[cfg(target_family = "wasm")]
const DISCARDED: usize = 64 * 1024;

/// Time that reading them may take.
#[cfg(target_family = "wasm")]
const LONGEST_DISCARD: std::time::Duration = std::time::Duration::from_secs(1);

/// Sends all requests; one answer each, in order.
#[cfg(target_family = "wasm")]
pub(crate) fn all(settings: &Rc<Settings>, requests: Vec<Result<Request<String>, Problem>>) -> Vec<Answer> {
    use std::cell::RefCell;

    let none = || Err(Problem::Retry("the request was not sent".to_owned()));
    let count = requests.len();
    let answers = Rc::new(RefCell::new(vec![none(); count]));
    // Workers take the next request when they are done, so that a slow one holds up nobody.
    let queue = Rc::new(RefCell::new(requests.into_iter().enumerate()));
    let end = std::time::Instant::now() + BUDGET;
    wstd::runtime::block_on(async {
        let worker = |_| {
            let (settings, queue, answers) = (Rc::clone(settings), Rc::clone(&queue), Rc::clone(&answers));
            wstd::runtime::spawn(async move {
                loop {
                    let next = queue.borrow_mut().next();
                    let Some((index, request)) = next else { return };
                    let timeout = settings
                        .timeout
                        .min(end.saturating_duration_since(std::time::Instant::now()));
                    let answer = match request {
                        Ok(_) if timeout.is_zero() => Err(Problem::Retry("the batch ran out of time".to_owned())),
                        Ok(request) => one(timeout, request).await,
                        Err(problem) => Err(problem),
                    };
                    if let Some(slot) = answers.borrow_mut().get_mut(index) {
                        *slot = answer;
                    }
                }
            })
        };
        let workers: Vec<_> = (0..AT_A_TIME.min(count)).map(worker).collect();
        for worker in workers {
            worker.await;
        }
    });
    answers.take()
}

#[cfg(target_family = "wasm")]
async fn one(timeout: std::time::Duration, request: Request<String>) -> Answer {
    use wstd::future::FutureExt;
    use wstd::http::Client;

    let mut client = Client::new();
    client.set_connect_timeout(timeout);
    client.set_first_byte_timeout(timeout);
    let Ok(sent) = client.send(request).timeout(wstd::time::Duration::from(timeout)).await else {
        return Err(Problem::Retry(format!("no answer within {timeout:?}")));
    };
    match sent {
        Ok(response) => {
            let retry_after = response
                .headers()
                .get(http::header::RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            let answer = crate::answer::judge(response.status(), retry_after, std::time::SystemTime::now());
            // The status has decided: a body that is late or broken only costs the connection.
            let _ = discard(response.into_body())
                .timeout(wstd::time::Duration::from(timeout.min(LONGEST_DISCARD)))
                .await;
            answer
        }
        Err(error) => Err(failed(error.downcast_ref())),
    }
}

/// Reads what nobody looks at: a connection whose answer was left unread is not used again. An answer that is longer
/// costs more than a new connection.
#[cfg(target_family = "wasm")]
async fn discard(body: wstd::http::Body) {
    use wstd::http::BodyExt;

    let mut body = body.into_boxed_body();
    let mut read = 0;
    while read < DISCARDED
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, |data| data.len());
    }
}

/// No answer came. What the operator can mend is not tried again.
#[cfg(target_family = "wasm")]
fn failed(error: Option<&wstd::http::ErrorCode>) -> Problem {
    use wstd::http::ErrorCode;

    let refused = |why: &str| Problem::Reject(format!("the request was refused: {why}"));
    let retry = |why: &str| Problem::Retry(why.to_owned());
    match error {
        Some(ErrorCode::HttpRequestDenied) => {
            refused("it or a secret in it is not granted, see `allow` of the plugin and the router's log")
        }
        Some(ErrorCode::DestinationIpProhibited) => {
            refused("its host has a private address, grant it as such or set `allow.private_addresses`")
        }
        Some(ErrorCode::HttpRequestBodySize(_)) => refused("its body is larger than `limits.http_request_body`"),
        Some(ErrorCode::ConnectionLimitReached) => {
            retry("`limits.http_requests` or `limits.http_concurrency` of the plugin is reached")
        }
        Some(ErrorCode::ConnectionRefused) => retry("the endpoint cannot be connected to"),
        Some(ErrorCode::ConnectionTimeout | ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout) => {
            retry("the endpoint did not answer in time")
        }
        _ => retry("the connection to the endpoint failed"),
    }
}

/// Outside of a router there is no network.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn all(_: &Rc<Settings>, requests: Vec<Result<Request<String>, Problem>>) -> Vec<Answer> {
    let unsent = |_| Err(Problem::Retry("requests are sent from WebAssembly only".to_owned()));
    requests.into_iter().map(|request| request.and_then(unsent)).collect()
}
