//! Whether two programs do the same.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs both at once and compares what they write, line by line, and the sums that they print. Returns the sums.
///
/// # Panics
/// Where there is a difference, or where not every event was counted.
pub(crate) fn same_output(one: &mut Command, other: &mut Command, events: u64, directory: &Path) -> String {
    let logs = ["one.log", "other.log"].map(|name| directory.join(name));
    let mut children = [one, other].into_iter().zip(&logs).map(|(command, log)| {
        command
            .stdout(Stdio::piped())
            .stderr(File::create(log).unwrap())
            .spawn()
            .unwrap()
    });
    let mut children = [children.next().unwrap(), children.next().unwrap()];
    let [mut one, mut other] = children
        .each_mut()
        .map(|child| BufReader::new(child.stdout.take().unwrap()));
    let (mut line, mut other_line) = (Vec::new(), Vec::new());
    let mut lines = 0;
    loop {
        line.clear();
        other_line.clear();
        one.read_until(b'\n', &mut line).unwrap();
        other.read_until(b'\n', &mut other_line).unwrap();
        if line != other_line {
            let [line, other_line] = [line, other_line].map(|line| String::from_utf8_lossy(&line).into_owned());
            panic!("line {} differs:\n{line}\n{other_line}", lines + 1);
        }
        if line.is_empty() {
            break;
        }
        lines += 1;
    }
    drop((one, other));
    for child in &mut children {
        let status = child.wait().unwrap();
        assert!(
            status.success(),
            "a program ended with {status}; see {}",
            directory.display()
        );
    }
    let [one, other] = logs.map(|log| summary(&log));
    for key in ["events", "deliveries", "redactions"] {
        assert_eq!(one[key], other[key], "{key}");
    }
    assert_eq!(
        (&one["events"], &one["deliveries"]["alerts"]),
        (&Value::from(events), &Value::from(lines))
    );
    assert_eq!((&one["invalid"], &one["withheld"]), (&Value::from(0), &Value::from(0)));
    format!("{lines} lines; redactions: {}", one["redactions"])
}

/// The last line of a log.
fn summary(log: &Path) -> Value {
    let text = std::fs::read_to_string(log).unwrap();
    text.lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .unwrap_or_else(|| panic!("no sums in {text}"))
}
