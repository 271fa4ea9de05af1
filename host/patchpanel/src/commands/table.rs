//! Lists of JSON objects as tables for people.

use std::fmt::Write as _;

use serde_json::Value;

use crate::terminal;

/// A cell that is longer is cut: whoever needs it whole asks for JSON.
const WIDEST: usize = 60;

/// The columns are paths into the objects, such as `event.type`, with their headings. `-` stands where there is nothing.
pub(super) fn table(columns: &[(&str, &str)], rows: &[Value]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|(_, path)| cell(row, path)).collect())
        .collect();
    let width = |index: usize, heading: &str| {
        let cells = cells.iter().filter_map(|row| row.get(index));
        cells
            .map(|cell| cell.chars().count())
            .chain([heading.len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, (heading, _))| width(index, heading))
        .collect();
    let mut text = String::new();
    let headings: Vec<String> = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    for row in std::iter::once(&headings).chain(&cells) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a text cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn cell(row: &Value, path: &str) -> String {
    let value = path.split('.').try_fold(row, |value, name| value.get(name));
    let text = value.map_or_else(|| "-".to_owned(), plain);
    if text.chars().count() <= WIDEST {
        return text;
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// An object, one key a line; what is nested in it as JSON, and lists of objects one a line.
pub(super) fn details(object: &Value) -> String {
    let members: Vec<_> = object.as_object().into_iter().flatten().collect();
    let width = members.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (key, value) in members {
        let lines = match value {
            Value::Array(items) if items.iter().any(Value::is_object) => items.iter().map(terminal::json).collect(),
            Value::Array(items) if items.is_empty() => vec!["-".to_owned()],
            Value::Object(_) => terminal::pretty_json(value).lines().map(str::to_owned).collect(),
            value => vec![plain(value)],
        };
        for (index, line) in lines.iter().enumerate() {
            let key = if index == 0 { key.as_str() } else { "" };
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{key:<width$}  {line}");
        }
    }
    text
}

/// In one line.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    };
    terminal::plain(&text).replace(['\n', '\t'], "\u{fffd}")
}

/// The answer to a request for a list: as it is, or as a table with a word on where to go on.
pub(super) fn show_list(answer: &Value, name: &str, columns: &[(&str, &str)], json: bool) -> anyhow::Result<()> {
    if json {
        return terminal::print_line(terminal::json(answer));
    }
    let rows = answer
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[] as &[Value], Vec::as_slice);
    terminal::print(&table(columns, rows))?;
    if let Some(cursor) = answer.get("next_cursor").and_then(Value::as_str) {
        terminal::say(format_args!("there may be more: --cursor {cursor}"));
    }
    Ok(())
}

/// The answer to a request for one thing.
pub(super) fn show_one(answer: &Value, json: bool) -> anyhow::Result<()> {
    if json {
        terminal::print_line(terminal::json(answer))
    } else {
        terminal::print(&details(answer))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let rows = [
            json!({"id": "é", "event": {"type": "git.commit"}, "matched": ["a", "b"], "reason": "x".repeat(100)}),
            json!({"id": "long-id", "event": {"type": "a\u{1b}[2J"}}),
        ];
        let columns = [
            ("ID", "id"),
            ("TYPE", "event.type"),
            ("MATCHED", "matched"),
            ("REASON", "reason"),
        ];
        let cut = format!("{}…", "x".repeat(WIDEST - 1));
        let expected = format!(
            "ID       TYPE        MATCHED  REASON\n\
             é        git.commit  a, b     {cut}\n\
             long-id  a\u{fffd}[2J       -        -\n"
        );
        assert_eq!(table(&columns, &rows), expected);
        assert_eq!(table(&columns, &[]), "ID  TYPE  MATCHED  REASON\n");
    }

    #[test]
    fn an_object_is_shown_key_by_key() {
        let object =
            json!({"id": "1\n", "failures": [{"n": 1}, {"n": 2}], "event": {"type": "t"}, "none": [], "null": null});
        let expected = "event     {\n            \"type\": \"t\"\n          }\nfailures  {\"n\":1}\n          {\"n\":2}\n\
                        id        1\u{fffd}\nnone      -\nnull      -\n";
        assert_eq!(details(&object), expected);
    }
}
