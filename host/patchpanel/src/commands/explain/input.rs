//! One event from a file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context as _;
use patchpanel_event::{Event, Limits, from_structured};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// What messages call the file.
pub(super) fn name(file: &Path) -> String {
    if file == Path::new("-") {
        "standard input".to_owned()
    } else {
        file.display().to_string()
    }
}

/// The file, but not much more of it than an event may have.
pub(super) fn read(file: &Path, event_bytes: usize) -> anyhow::Result<Vec<u8>> {
    let input: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).with_context(|| format!("cannot open {}", file.display()))?)
    };
    let mut text = Vec::new();
    input
        .take(event_bytes as u64 + 1)
        .read_to_end(&mut text)
        .with_context(|| format!("cannot read {}", name(file)))?;
    Ok(text)
}

/// What tells a CloudEvent from an event of ours, which has no such field.
#[derive(Deserialize)]
struct Envelope {
    specversion: Option<IgnoredAny>,
}

/// The only event in the text: a JSON object, ours or a CloudEvent.
///
/// # Errors
/// What is wrong with the text, with the place where there is one.
pub(super) fn event(text: Vec<u8>, limits: &Limits) -> Result<Event, String> {
    if let Some(line) = second_value(&text) {
        return Err(format!("one event is expected, and another begins in line {line}"));
    }
    if text.len() > limits.event_bytes {
        return Err(format!(
            "it has more than the {} bytes that an event may have",
            limits.event_bytes
        ));
    }
    if text.trim_ascii_start().first() == Some(&b'[') {
        return Err("one event is expected, as a JSON object, and this is a list".to_owned());
    }
    match serde_json::from_slice(&text) {
        Ok(Envelope { specversion: Some(_) }) => from_structured(&text, limits).map_err(|error| error.to_string()),
        _ => Event::parse(text.into(), limits).map_err(|error| error.to_string()),
    }
}

/// The event as a tree, with the level that it has where it says none.
///
/// # Errors
/// A number that no `f64` comes near, which the tree cannot hold.
pub(super) fn fields(event: &Event) -> Result<Map<String, Value>, String> {
    let tree = serde_json::from_slice(event.json());
    let mut tree: Map<String, Value> = tree.map_err(|error| format!("it cannot be explained: {}", place(&error)))?;
    let level = || Value::from(event.level().as_str());
    tree.entry("level").or_insert_with(level);
    Ok(tree)
}

/// The error in the words that other errors of events have.
fn place(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let reason = said.split(" at line ").next().unwrap_or_default();
    format!("{reason} at line {}, column {}", error.line(), error.column())
}

/// The line in which an object begins behind the first value.
fn second_value(text: &[u8]) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let (before, rest) = text.split_at_checked(values.byte_offset())?;
    let rest = rest.trim_ascii_start();
    if rest.first() != Some(&b'{') {
        return None;
    }
    let blank = text.len() - before.len() - rest.len();
    let before = text.get(..before.len() + blank)?;
    Some(memchr::memchr_iter(b'\n', before).count() + 1)
}
