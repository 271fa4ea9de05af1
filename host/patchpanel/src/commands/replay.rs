//! `patchpanel replay`: events of the past, delivered once more.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::client::{Client, pattern};
use super::table::{show_list, show_one};
use crate::cli::{ReplayCommand, ReplayStartArgs};
use crate::exit;

/// How often the router is asked how far a replay has come.
const LOOK: Duration = Duration::from_millis(200);
/// How a replay ends that has looked at everything.
const COMPLETED: &str = "completed";
const COLUMNS: [(&str, &str); 6] = [
    ("NUMBER", "number"),
    ("SUBSCRIPTION", "subscription"),
    ("POSITION", "position"),
    ("END", "to_sequence"),
    ("DELIVERIES", "enqueued"),
    ("ENDED", "ended"),
];

pub(crate) fn replay(command: &ReplayCommand) -> anyhow::Result<u8> {
    match command {
        ReplayCommand::Start(args) => return start(args),
        ReplayCommand::List { remote } => {
            let answer = Client::new(&remote.url).get("/v1/replays", &[])?;
            show_list(&answer, "replays", &COLUMNS, remote.json)?;
        }
        ReplayCommand::Cancel { remote, number } => {
            let answer = Client::new(&remote.url).delete(&path(*number))?;
            show_one(&answer, remote.json)?;
        }
    }
    Ok(exit::OK)
}

fn path(number: impl std::fmt::Display) -> String {
    format!("/v1/replays/{number}")
}

fn start(args: &ReplayStartArgs) -> anyhow::Result<u8> {
    let mut body = Map::new();
    body.insert("subscription".to_owned(), json!(args.subscription));
    for (name, time) in [("from", &args.from), ("to", &args.to)] {
        if let Some(time) = time {
            body.insert(name.to_owned(), json!(time));
        }
    }
    if let Some(filter) = &args.filter {
        body.insert("filter".to_owned(), pattern(filter)?);
    }
    if let Some(rate) = args.rate {
        body.insert("rate".to_owned(), json!(rate));
    }
    let client = Client::new(&args.remote.url);
    let mut replay = client.post("/v1/replays", &body.into())?;
    if !args.detach {
        replay = wait(&client, replay, args.remote.json)?;
    }
    show_one(&replay, args.remote.json)?;
    let ended = replay.get("ended").and_then(Value::as_str);
    Ok(match ended {
        Some(how) if how != COMPLETED => exit::FAILED,
        _ => exit::OK,
    })
}

/// Asks until the replay has ended. One that is not waited for goes on by itself.
fn wait(client: &Client, mut replay: Value, json: bool) -> anyhow::Result<Value> {
    let number = replay.get("number").and_then(Value::as_u64).unwrap_or_default();
    let bar = match !json && std::io::stderr().is_terminal() {
        true => ProgressBar::new(0).with_style(ProgressStyle::with_template(
            "{bar:40} {pos}/{len} events, {msg} deliveries, {eta} left",
        )?),
        false => ProgressBar::hidden(),
    };
    while replay.get("ended").is_none_or(Value::is_null) {
        let sequence = |name: &str| replay.get(name).and_then(Value::as_u64).unwrap_or_default();
        let before = sequence("from_sequence").saturating_sub(1);
        bar.set_length(sequence("to_sequence").saturating_sub(before));
        bar.set_position(sequence("position").saturating_sub(before));
        bar.set_message(sequence("enqueued").to_string());
        std::thread::sleep(LOOK);
        let asked = client.get(&path(number), &[]);
        replay = asked.with_context(|| {
            format!("replay {number} goes on without this command; `patchpanel replay list` tells how far it is")
        })?;
    }
    bar.finish_and_clear();
    Ok(replay)
}
