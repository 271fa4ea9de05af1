//! `patchpanel deliveries`: where deliveries of a running router stand.

use serde_json::{Value, json};

use super::client::{Client, segment};
use super::table::{show_list, show_one, table};
use crate::cli::DeliveriesCommand;
use crate::{exit, terminal};

pub(super) const COLUMNS: [(&str, &str); 5] = [
    ("ID", "id"),
    ("STATE", "state"),
    ("ATTEMPTS", "attempts"),
    ("SINCE", "since"),
    ("REASON", "reason"),
];

pub(crate) fn deliveries(command: &DeliveriesCommand) -> anyhow::Result<u8> {
    match command {
        DeliveriesCommand::List {
            remote,
            page,
            state,
            subscription,
        } => {
            let mut query = page.parameters();
            query.extend([("state", Some(state.clone())), ("subscription", subscription.clone())]);
            let answer = Client::new(&remote.url).get("/v1/deliveries", &query)?;
            show_list(&answer, "deliveries", &COLUMNS, remote.json)?;
            Ok(exit::OK)
        }
        DeliveriesCommand::Show { remote, id } => {
            let path = format!("/v1/deliveries/{}", segment(id));
            show_one(&Client::new(&remote.url).get(&path, &[])?, remote.json)?;
            Ok(exit::OK)
        }
        DeliveriesCommand::Status { remote, ids } => {
            let answer = Client::new(&remote.url).post("/v1/deliveries/status", &json!({"ids": ids}))?;
            status(ids, &answer, remote.json)
        }
    }
}

fn status(ids: &[String], answer: &Value, json: bool) -> anyhow::Result<u8> {
    let found = answer.get("deliveries").and_then(Value::as_array);
    let found = found.map_or(&[] as &[Value], Vec::as_slice);
    if json {
        terminal::print_line(terminal::json(answer))?;
    } else {
        let row = |(id, delivery): (&String, &Value)| match delivery {
            Value::Null => json!({"id": id, "state": "unknown"}),
            delivery => delivery.clone(),
        };
        let rows: Vec<Value> = ids.iter().zip(found).map(row).collect();
        terminal::print(&table(&COLUMNS, &rows))?;
    }
    Ok(match found.iter().any(Value::is_null) {
        true => exit::FAILED,
        false => exit::OK,
    })
}
