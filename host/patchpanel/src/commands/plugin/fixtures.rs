//! What `patchpanel plugin test` works on: a component, and directories of events with what is expected of them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use patchpanel_event::{Event, Limits};
use serde_json::{Value, json};

/// One directory of the fixtures.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    /// What `configure` gets.
    pub(super) config: Value,
    pub(super) events: Vec<Event>,
    /// `None`: there is no golden file yet.
    pub(super) expected: Option<Vec<Value>>,
}

/// Where the golden output of a case stands.
pub(super) const GOLDEN: &str = "expected.ndjson";
/// Where build tools leave components, below a project.
const PLACES: [&str; 4] = [".", "build", "dist", "target/wasm32-wasip2/release"];

/// The one component that building a project has left.
pub(super) fn component(project: &Path) -> anyhow::Result<PathBuf> {
    let mut found: Vec<PathBuf> = PLACES
        .iter()
        .flat_map(|place| components(&project.join(place)))
        .collect();
    found.sort();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!(
            "there is no component in {0}, {0}/build, {0}/dist and {0}/target/wasm32-wasip2/release: build it first, or \
             name it with --component",
            project.display()
        ),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            bail!(
                "there are several components; name one with --component: {}",
                names.join(", ")
            )
        }
    }
}

fn components(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "wasm") && is_component(path))
        .collect()
}

/// Core modules are what some languages' tools leave on the way (WebAssembly binary format, version and layer).
fn is_component(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 8];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(b"\0asm") && head.ends_with(&[0x01, 0x00])
}

/// All cases, by name.
pub(super) fn cases(directory: &Path) -> anyhow::Result<Vec<Case>> {
    let entries = fs::read_dir(directory).with_context(|| {
        format!(
            "cannot read {}: each case is a directory in it, with events.ndjson and {GOLDEN}",
            directory.display()
        )
    })?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    paths.sort();
    ensure!(
        !paths.is_empty(),
        "{} has no directories: each is one case",
        directory.display()
    );
    paths.into_iter().map(case).collect()
}

fn case(directory: PathBuf) -> anyhow::Result<Case> {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let config = match text(&directory.join("config.json"))? {
        Some(text) => serde_json::from_str(&text).with_context(|| format!("{name}/config.json is not JSON"))?,
        None => json!({}),
    };
    let events = lines(&directory.join("events.ndjson"), |line| {
        let event = Event::parse(line.to_owned().into(), &Limits::default()).map_err(|error| error.to_string())?;
        let given: Value = serde_json::from_str(line).unwrap_or_default();
        match given.get("id").and(given.get("time")) {
            Some(_) => Ok(event),
            None => Err("it needs an `id` and a `time`, or what comes out is different each time".to_owned()),
        }
    })?;
    let expected = lines(&directory.join(GOLDEN), |line| {
        serde_json::from_str(line).map_err(|error| error.to_string())
    })?;
    Ok(Case {
        name,
        directory,
        config,
        events: events.unwrap_or_default(),
        expected,
    })
}

fn lines<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> anyhow::Result<Option<Vec<T>>> {
    let Some(text) = text(path)? else {
        return Ok(None);
    };
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let parsed = lines.map(|(number, line)| {
        parse(line).map_err(|problem| anyhow::anyhow!("{}, line {number}: {problem}", path.display()))
    });
    parsed.collect::<anyhow::Result<Vec<T>>>().map(Some)
}

fn text(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
