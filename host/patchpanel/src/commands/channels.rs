//! `patchpanel channels`: those of a running router, and how they are.

use std::thread;

use serde_json::{Value, json};

use super::client::{Client, segment};
use super::table::{show_list, table};
use crate::cli::ChannelsCommand;
use crate::{exit, terminal};

const COLUMNS: [(&str, &str); 6] = [
    ("NAME", "name"),
    ("ALIASES", "aliases"),
    ("PLUGIN", "plugin"),
    ("MIN_LEVEL", "min_level"),
    ("BREAKER", "breaker"),
    ("DISABLED", "disabled"),
];

const CHECKED: [(&str, &str); 4] = [
    ("CHANNEL", "channel"),
    ("HEALTHY", "healthy"),
    ("MS", "took_ms"),
    ("REASON", "reason"),
];

/// One that hangs takes its time, and the others need not wait for it.
const AT_ONCE: usize = 16;

pub(crate) fn channels(command: &ChannelsCommand) -> anyhow::Result<u8> {
    match command {
        ChannelsCommand::List { remote } => {
            let answer = Client::new(&remote.url).get("/v1/channels", &[])?;
            show_list(&answer, "channels", &COLUMNS, remote.json)?;
            Ok(exit::OK)
        }
        ChannelsCommand::Check { remote, names } => {
            let client = Client::new(&remote.url);
            let names = match names.as_slice() {
                [] => all(&client)?,
                names => names.to_vec(),
            };
            let checks = check(&client, &names)?;
            let is_healthy = |check: &Value| check.get("healthy").and_then(Value::as_bool) == Some(true);
            let code = match checks.iter().all(is_healthy) {
                true => exit::OK,
                false => exit::FAILED,
            };
            if remote.json {
                terminal::print_line(terminal::json(&json!({"channels": checks})))?;
            } else {
                terminal::print(&table(&CHECKED, &checks))?;
            }
            Ok(code)
        }
    }
}

fn all(client: &Client) -> anyhow::Result<Vec<String>> {
    let answer = client.get("/v1/channels", &[])?;
    let channels = answer.get("channels").and_then(Value::as_array);
    let name = |channel: &Value| channel.get("name").and_then(Value::as_str).map(str::to_owned);
    Ok(channels.into_iter().flatten().filter_map(name).collect())
}

/// In the order of the names.
fn check(client: &Client, names: &[String]) -> anyhow::Result<Vec<Value>> {
    let ask = |name: &String| client.post(&format!("/v1/channels/{}/check", segment(name)), &json!({}));
    let mut checks = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let asking: Vec<_> = names.iter().map(|name| scope.spawn(move || ask(name))).collect();
            for asked in asking {
                let answer = asked.join();
                checks.push(answer.map_err(|_| anyhow::anyhow!("a request ended in a panic"))??);
            }
            anyhow::Ok(())
        })?;
    }
    Ok(checks)
}
