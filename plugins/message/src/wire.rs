//! The network: the router's HTTP.

use crate::Reply;
use crate::work::Network;
use http::Request;
use patchpanel_plugin::http::{Error, Response, Terms, send};
use patchpanel_plugin::{Problem, http as router};
use std::time::{Duration, SystemTime};

pub(crate) struct Wire;

impl Network for Wire {
    fn send(&self, requests: &[Request<String>], timeout: Duration, within: Duration) -> Vec<Result<Reply, Problem>> {
        let urls: Vec<String> = requests.iter().map(|request| request.uri().to_string()).collect();
        let headers: Vec<Vec<(&str, &str)>> = requests.iter().map(headers).collect();
        let requests: Vec<router::Request<'_>> = requests
            .iter()
            .zip(&urls)
            .zip(&headers)
            .map(|((request, url), headers)| router::Request {
                method: request.method().as_str(),
                url,
                headers,
                body: request.body().as_bytes(),
            })
            .collect();
        let terms = Terms {
            timeout,
            within,
            ..Terms::default()
        };
        send(&requests, terms).into_iter().map(reply).collect()
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Values were made of texts, so all of them are.
fn headers(request: &Request<String>) -> Vec<(&str, &str)> {
    let headers = request.headers().iter();
    headers
        .filter_map(|(name, value)| Some((name.as_str(), str::from_utf8(value.as_bytes()).ok()?)))
        .collect()
}

fn reply(answer: Result<Response, Error>) -> Result<Reply, Problem> {
    match answer {
        Ok(response) => Ok(Reply {
            status: response.status,
            retry_after: response.header("retry-after").map(str::to_owned),
            body: String::from_utf8_lossy(&response.body).into_owned(),
        }),
        Err(error @ Error::Refused(_)) => Err(Problem::Reject(error.to_string())),
        Err(Error::Retry(why)) => Err(Problem::Retry(why)),
    }
}
