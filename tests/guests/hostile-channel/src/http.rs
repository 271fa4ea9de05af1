//! Requests. What is not let out, or breaks off, is a rejection that begins with `refused`.

use patchpanel_plugin::{Problem, Receipt, http};

pub(crate) struct Request {
    pub(crate) url: String,
    pub(crate) header: Option<String>,
    pub(crate) id: String,
    pub(crate) body: String,
}

#[cfg(target_family = "wasm")]
mod wasm {
    use super::Request;
    use wstd::http::{Body, Client, Response};

    pub(super) async fn send(request: &Request, url: &str) -> Result<Response<Body>, String> {
        let mut builder = wstd::http::Request::post(url).header("webhook-id", &request.id);
        if let Some(header) = &request.header {
            builder = builder.header("authorization", header);
        }
        let request = builder.body(request.body.clone()).map_err(|error| error.to_string())?;
        Client::new().send(request).await.map_err(|error| format!("{error:#}"))
    }

    /// Sends and reads the answer; where it is a redirect, to where it leads.
    pub(super) async fn whole(request: &Request) -> Result<String, String> {
        let mut url = request.url.clone();
        loop {
            let mut response = send(request, &url).await?;
            let status = response.status();
            match response.headers().get("location").and_then(|to| to.to_str().ok()) {
                Some(to) if status.is_redirection() => url = to.to_owned(),
                _ => {
                    let body = response.body_mut().contents().await;
                    let body = body.map_err(|error| format!("{error:#}"))?;
                    return Ok(format!("{status}, {} bytes", body.len()));
                }
            }
        }
    }
}

#[cfg(target_family = "wasm")]
pub(crate) fn one_by_one(request: &Request, times: u32) -> Result<Receipt, Problem> {
    let mut receipt = Receipt::new();
    for number in 0..times {
        match wstd::runtime::block_on(wasm::whole(request)) {
            Ok(said) => receipt = Receipt::new().detail(said),
            Err(why) => return Err(Problem::Reject(format!("refused after {number}: {why}"))),
        }
    }
    Ok(receipt)
}

/// Holds all answers until the last one is there.
#[cfg(target_family = "wasm")]
pub(crate) fn at_once(request: &Request, times: u32) -> Result<Receipt, Problem> {
    let answers = wstd::runtime::block_on(async {
        let mut answers = Vec::new();
        for _ in 0..times {
            answers.push(wasm::send(request, &request.url).await);
        }
        answers
    });
    let number = answers.iter().take_while(|answer| answer.is_ok()).count();
    match answers.into_iter().find_map(Result::err) {
        Some(why) => Err(Problem::Reject(format!("refused after {number}: {why}"))),
        None => Ok(Receipt::new()),
    }
}

/// All in one call of the router's own interface.
pub(crate) fn together(request: &Request, times: u32) -> Result<Receipt, Problem> {
    let header = request.header.as_deref().map(|value| ("authorization", value));
    let headers: Vec<_> = header.into_iter().chain([("webhook-id", &*request.id)]).collect();
    let message = http::Request {
        method: "POST",
        url: &request.url,
        headers: &headers,
        body: request.body.as_bytes(),
    };
    let terms = http::Terms {
        at_once: u32::MAX,
        keep: u32::MAX,
        ..http::Terms::default()
    };
    let answers = http::send(&vec![message; times as usize], terms);
    let number = answers.iter().filter(|answer| answer.is_ok()).count();
    let mut bytes = 0;
    for answer in answers {
        let response = answer.map_err(|why| Problem::Reject(format!("refused after {number}: {why}")))?;
        bytes += response.body.len();
    }
    Ok(Receipt::new().detail(format!("{number} answers, {bytes} bytes")))
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn one_by_one(request: &Request, _: u32) -> Result<Receipt, Problem> {
    let Request { url, header, id, body } = request;
    Err(Problem::Reject(format!(
        "refused: {url} {header:?} {id} {body}: this is not a sandbox"
    )))
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn at_once(request: &Request, times: u32) -> Result<Receipt, Problem> {
    one_by_one(request, times)
}
