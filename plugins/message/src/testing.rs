//! For native unit tests of channels.

use crate::{Reply, Service, judge};
use http::Request;
use patchpanel_plugin::testing::delivery;
use patchpanel_plugin::{Delivery, Level, Problem, Receipt};
use serde_json::Value;
use std::time::UNIX_EPOCH;

/// A delivery of an event of the type `disk.full`.
#[must_use]
pub fn sample(level: Level, message: &str) -> Delivery {
    let mut delivery = delivery("e/all", "disk.full");
    delivery.event.level = level;
    delivery.event.message = message.to_owned();
    delivery
}

/// The bodies of requests; null stands for one that is not JSON.
#[must_use]
pub fn bodies(requests: &[Request<String>]) -> Vec<Value> {
    let body = |request: &Request<String>| serde_json::from_str(request.body()).unwrap_or_default();
    requests.iter().map(body).collect()
}

/// What an answer leads to.
///
/// # Errors
/// What is to be done where it is not a good one.
pub fn answer(service: &Service, status: u16, body: &str, secrets: &[&str]) -> Result<Receipt, Problem> {
    let reply = Reply {
        status,
        body: body.to_owned(),
        ..Reply::default()
    };
    let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    judge(service, &reply, &secrets, UNIX_EPOCH)
}
