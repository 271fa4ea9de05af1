//! The misdeeds.

use std::hint::black_box;

use patchpanel_plugin::{Delivery, Problem, Receipt, log};

pub(crate) fn endless() -> ! {
    loop {
        black_box(());
    }
}

pub(crate) fn hoard() {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Sends the event, and rejects it where the request was not let out.
#[cfg(target_family = "wasm")]
pub(crate) fn post(url: &str, delivery: &Delivery) -> Result<Receipt, Problem> {
    use wstd::http::{Client, Request};
    let refused = |why: String| Problem::Reject(format!("refused: {why}"));
    let request = Request::post(url)
        .header("webhook-id", &delivery.id)
        .body(delivery.event.to_json());
    let request = request.map_err(|error| refused(error.to_string()))?;
    let response = wstd::runtime::block_on(async { Client::new().send(request).await });
    match response {
        Ok(response) => Ok(Receipt::new().detail(response.status().to_string())),
        Err(error) => Err(refused(format!("{error:#}"))),
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn post(_: &str, _: &Delivery) -> Result<Receipt, Problem> {
    Err(Problem::Reject("refused: this is not a sandbox".to_owned()))
}

/// A receipt where any of it worked.
pub(crate) fn files(path: &str) -> Result<Receipt, Problem> {
    let attempts = [std::fs::read("/etc/passwd").map(drop), std::fs::write(path, "was here")];
    let errors: Vec<String> = attempts
        .iter()
        .filter_map(|attempt| Some(attempt.as_ref().err()?.to_string()))
        .collect();
    if errors.len() == attempts.len() {
        return Err(Problem::Reject(format!("refused: {}", errors.join("; "))));
    }
    Ok(Receipt::new().detail(format!("LEAKED {}", attempts.len() - errors.len())))
}

/// A receipt where there was any.
pub(crate) fn environment() -> Result<Receipt, Problem> {
    let names: Vec<String> = std::env::vars_os()
        .map(|(name, _)| name.display().to_string())
        .collect();
    if names.is_empty() {
        return Err(Problem::Reject("refused: there is no environment".to_owned()));
    }
    Ok(Receipt::new().detail(format!("LEAKED {}", names.join(" "))))
}

/// A receipt where a connection came about.
pub(crate) fn connect(address: &str) -> Result<Receipt, Problem> {
    match std::net::TcpStream::connect(address) {
        Ok(_) => Ok(Receipt::new().detail("LEAKED")),
        Err(error) => Err(Problem::Reject(format!("refused: {error}"))),
    }
}

pub(crate) fn flood(text: &str) {
    for number in 0..2000 {
        let line = format!("flood {number} {text}\nforged line about {text}");
        log::error(&line, &[("text", text)]);
        println!("{line}");
        eprintln!("{line}");
    }
}
