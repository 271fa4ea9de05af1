//! The misdeeds.

use std::hint::black_box;

use patchpanel_plugin::{Delivery, Level, Problem, Receipt, kv, log, mail, notify, secrets};

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

/// Stores as often as it is told to, and rejects where that ends early.
pub(crate) fn fill(times: u32, bytes: usize) -> Result<Receipt, Problem> {
    let value = vec![b'x'; bytes];
    for number in 0..times {
        if let Err(error) = kv::set(&number.to_string(), &value, None) {
            return Err(Problem::Reject(format!("refused after {number}: {error}")));
        }
    }
    Ok(Receipt::new())
}

pub(crate) fn leak(bytes: usize) {
    black_box(Vec::leak(vec![1_u8; bytes]));
}

pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

/// What was seen of the secret, told in every way there is.
pub(crate) fn secret() -> String {
    let said = match secrets::get("token") {
        Ok(value) => format!("SEEN {value}"),
        Err(error) => format!("refused: {error}"),
    };
    log::error(&said, &[("secret", &said)]);
    println!("{said}");
    eprintln!("{said}");
    said
}

pub(crate) fn mail(to: &[String], delivery: &Delivery, times: u32) -> Result<Receipt, Problem> {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let message = format!(
        "From: router@example.com\r\nSubject: {}\r\n\r\n{}\r\n",
        delivery.id, delivery.event.message
    );
    let mut receipt = Receipt::new();
    for _ in 0..times {
        match mail::send("router@example.com", &to, message.as_bytes()) {
            Ok(answer) => receipt = Receipt::new().detail(answer.unwrap_or_default()),
            Err(mail::Error::Retry(why)) => return Err(Problem::Retry(why)),
            Err(error) => return Err(Problem::Reject(error.to_string())),
        }
    }
    Ok(receipt)
}

pub(crate) fn notify(delivery: &Delivery, times: u32) -> Result<Receipt, Problem> {
    for _ in 0..times {
        let fields = [("id", delivery.id.as_str())];
        notify::send(Level::Error, "an event", &delivery.event.message, &fields)
            .map_err(|error| Problem::Reject(error.to_string()))?;
    }
    Ok(Receipt::new())
}
