//! `patchpanel subscriptions`: those of a running router, created and removed while it runs.

use std::path::Path;
use std::{fs, io};

use anyhow::Context as _;
use serde_json::Value;

use super::client::{Client, Refused, segment};
use super::table::{show_list, show_one};
use crate::cli::SubscriptionsCommand;
use crate::{exit, terminal};

const COLUMNS: [(&str, &str); 6] = [
    ("NAME", "name"),
    ("ORIGIN", "origin"),
    ("CHANNEL", "channel"),
    ("PENDING", "deliveries.pending"),
    ("DEAD", "deliveries.dead"),
    ("INVALID", "invalid"),
];

pub(crate) fn subscriptions(command: &SubscriptionsCommand) -> anyhow::Result<u8> {
    match command {
        SubscriptionsCommand::List { remote } => {
            let answer = Client::new(&remote.url).get("/v1/subscriptions", &[])?;
            show_list(&answer, "subscriptions", &COLUMNS, remote.json)?;
        }
        SubscriptionsCommand::Create { remote, file } => {
            let definition = read(file)?;
            let created = Client::new(&remote.url).post("/v1/subscriptions", &definition)?;
            show_one(&created, remote.json)?;
        }
        SubscriptionsCommand::Remove { remote, name } => {
            let path = format!("/v1/subscriptions/{}", segment(name));
            Client::new(&remote.url).delete(&path)?;
            if remote.json {
                terminal::print_line(serde_json::json!({"removed": name}))?;
            } else {
                terminal::say(format_args!("subscription {name} removed"));
            }
        }
    }
    Ok(exit::OK)
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let (name, text) = if file == Path::new("-") {
        ("standard input".to_owned(), io::read_to_string(io::stdin()))
    } else {
        (file.display().to_string(), fs::read_to_string(file))
    };
    let text = text.with_context(|| format!("cannot read {name}"))?;
    let read = serde_json::from_str(&text);
    read.map_err(|error| Refused::input(format!("{name} is not JSON: {error}")).into())
}
