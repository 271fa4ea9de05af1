//! `patchpanel dead-letters`: deliveries that failed for good, and what is done about them.

use serde_json::{Map, Value, json};

use super::client::{Client, pattern, segment};
use super::table::{show_list, show_one};
use crate::cli::{DeadLettersCommand, SelectionArgs};
use crate::{exit, terminal};

const COLUMNS: [(&str, &str); 4] = [
    ("ID", "id"),
    ("ATTEMPTS", "attempts"),
    ("DIED", "changed"),
    ("REASON", "reason"),
];

pub(crate) fn dead_letters(command: &DeadLettersCommand) -> anyhow::Result<u8> {
    match command {
        DeadLettersCommand::List {
            remote,
            page,
            subscription,
        } => {
            let mut query = page.parameters();
            query.push(("subscription", subscription.clone()));
            let answer = Client::new(&remote.url).get("/v1/dead-letters", &query)?;
            show_list(&answer, "dead_letters", &COLUMNS, remote.json)?;
        }
        DeadLettersCommand::Show { remote, id } => {
            let path = format!("/v1/dead-letters/{}", segment(id));
            show_one(&Client::new(&remote.url).get(&path, &[])?, remote.json)?;
        }
        DeadLettersCommand::Redrive(selection) => return change(selection, "redrive", "redriven"),
        DeadLettersCommand::Discard(selection) => return change(selection, "discard", "discarded"),
    }
    Ok(exit::OK)
}

fn change(selection: &SelectionArgs, deed: &str, done: &str) -> anyhow::Result<u8> {
    let mut body = Map::new();
    if !selection.ids.is_empty() {
        body.insert("ids".to_owned(), json!(selection.ids));
    }
    if let Some(subscription) = &selection.subscription {
        body.insert("subscription".to_owned(), json!(subscription));
    }
    if let Some(filter) = &selection.filter {
        body.insert("filter".to_owned(), pattern(filter)?);
    }
    if selection.all {
        body.insert("all".to_owned(), json!(true));
    }
    let client = Client::new(&selection.remote.url);
    let answer = client.post(&format!("/v1/dead-letters/{deed}"), &body.into())?;
    let count = answer.get(done).and_then(Value::as_u64).unwrap_or(0);
    if selection.remote.json {
        terminal::print_line(terminal::json(&answer))?;
    } else {
        terminal::say(format_args!("{count} dead letters {done}"));
    }
    let missing = (selection.ids.len() as u64).saturating_sub(count);
    if missing == 0 {
        return Ok(exit::OK);
    }
    terminal::say(format_args!(
        "{missing} of those named were not: they are no dead letters, or their subscription is gone"
    ));
    Ok(exit::FAILED)
}
