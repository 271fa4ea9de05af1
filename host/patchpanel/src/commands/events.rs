//! `patchpanel events`: what a running router has accepted and keeps.

use serde_json::{Value, json};

use super::client::{Client, pattern, segment};
use super::table::{show_list, show_one, table};
use crate::cli::{EventsCommand, EventsListArgs};
use crate::{exit, terminal};

const COLUMNS: [(&str, &str); 6] = [
    ("ACCEPTED", "accepted"),
    ("ID", "event.id"),
    ("TYPE", "event.type"),
    ("LEVEL", "event.level"),
    ("MATCHED", "matched"),
    ("MESSAGE", "event.message"),
];

pub(crate) fn events(command: &EventsCommand) -> anyhow::Result<u8> {
    match command {
        EventsCommand::List(args) => list(args),
        EventsCommand::Show { remote, id } => show(&Client::new(&remote.url), id, remote.json),
    }
}

fn list(args: &EventsListArgs) -> anyhow::Result<u8> {
    let given = [
        ("from", &args.from),
        ("to", &args.to),
        ("type", &args.kind),
        ("source", &args.source),
        ("level", &args.level),
        ("correlation_id", &args.correlation_id),
    ];
    let mut query = args.page.query();
    query.extend(
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))),
    );
    query.insert(
        "order".to_owned(),
        json!(if args.oldest_first { "oldest" } else { "newest" }),
    );
    if let Some(filter) = &args.filter {
        query.insert("filter".to_owned(), pattern(filter)?);
    }
    let answer = Client::new(&args.remote.url).post("/v1/events/query", &query.into())?;
    show_list(&answer, "events", &COLUMNS, args.remote.json)?;
    let damaged = answer.get("damaged").and_then(Value::as_array).map_or(0, Vec::len);
    if damaged > 0 {
        terminal::say(format_args!(
            "{damaged} events in between are damaged and cannot be read"
        ));
    }
    Ok(exit::OK)
}

fn show(client: &Client, id: &str, json: bool) -> anyhow::Result<u8> {
    let path = format!("/v1/events/{}", segment(id));
    let mut event = client.get(&path, &[])?;
    let deliveries = client.get(&format!("{path}/deliveries"), &[])?;
    let deliveries = deliveries.get("deliveries").cloned().unwrap_or_default();
    if json {
        if let Some(event) = event.as_object_mut() {
            event.insert("deliveries".to_owned(), deliveries);
        }
        terminal::print_line(terminal::json(&event))?;
        return Ok(exit::OK);
    }
    show_one(&event, false)?;
    let rows = deliveries.as_array().map_or(&[] as &[Value], Vec::as_slice);
    terminal::print(&format!("\n{}", table(&super::deliveries::COLUMNS, rows)))?;
    Ok(exit::OK)
}
