//! Files of rows: read whole, looked up by one column.

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::SystemTime;

/// Where a table comes from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// None: the keys of an object of objects.
    pub(crate) key: Option<String>,
    pub(crate) columns: Columns,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    Csv,
    Json,
}

impl Format {
    pub(crate) fn of(file: &str) -> Option<Self> {
        let file = file.to_ascii_lowercase();
        match file.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// What of a row is the answer.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged, expecting = "expected the name of a column or a list of names")]
pub(crate) enum Columns {
    #[default]
    AllButKey,
    One(String),
    Some(Vec<String>),
}

impl Columns {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Some(names) if names.is_empty())
    }

    /// Those that a row has to have.
    fn named(&self) -> &[String] {
        match self {
            Self::AllButKey => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Some(names) => names,
        }
    }
}

/// Tells one content of a file from another without reading it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    size: u64,
    changed: Option<SystemTime>,
}

/// Answers by key, as JSON text: a fraction of the memory that values take.
#[derive(Debug, Default)]
pub(crate) struct Table(HashMap<Box<str>, Box<str>>);

impl Table {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(AsRef::as_ref)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Why there is no table.
#[derive(Debug)]
pub(crate) struct Unreadable {
    file: String,
    why: String,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.why)
    }
}

/// What is read in a fraction of a call's time and takes a fraction of a plugin's memory, by their defaults.
const MAX_BYTES: u64 = 4 << 20;

impl Source {
    /// For messages.
    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(crate) fn stamp(&self) -> io::Result<Stamp> {
        let metadata = fs::metadata(&self.path)?;
        Ok(Stamp {
            size: metadata.len(),
            changed: metadata.modified().ok(),
        })
    }

    pub(crate) fn read(&self) -> Result<Table, Unreadable> {
        let text = self.text().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                "is not there: is its directory granted to the plugin (allow.directories)?".to_owned()
            }
            _ => error.to_string(),
        });
        let table = text.and_then(|text| match self.format {
            Format::Csv => self.csv(&text),
            Format::Json => self.json(&text),
        });
        table.map_err(|why| Unreadable { file: self.name(), why })
    }

    fn text(&self) -> io::Result<String> {
        let mut text = String::new();
        File::open(&self.path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(io::Error::other("has more than the 4MiB that are allowed"));
        }
        Ok(text)
    }

    fn csv(&self, text: &str) -> Result<Table, String> {
        // Spreadsheets like to begin with a mark of the byte order.
        let text = text.trim_start_matches('\u{feff}');
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let names = reader.headers().map_err(|error| error.to_string())?.clone();
        let key = self.key.as_deref().unwrap_or_default();
        for name in self.columns.named().iter().map(String::as_str).chain([key]) {
            if !names.iter().any(|known| known == name) {
                let known: Vec<_> = names.iter().collect();
                return Err(format!("there is no column `{name}`, but {}", known.join(", ")));
            }
        }
        let mut table = Table::default();
        for record in reader.records() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let row: Map<String, Value> = names
                .iter()
                .zip(&record)
                .map(|(name, field)| (name.to_owned(), Value::from(field)))
                .collect();
            let key = row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            self.add(&mut table, key, &row)
                .map_err(|why| format!("line {line}: {why}"))?;
        }
        Ok(table)
    }

    fn json(&self, text: &str) -> Result<Table, String> {
        let mut table = Table::default();
        match serde_json::from_str(text).map_err(|error| error.to_string())? {
            Value::Object(rows) if self.key.is_none() => {
                for (key, row) in rows {
                    let row = row.as_object().ok_or_else(|| format!("`{key}` is no object"))?;
                    self.add(&mut table, key.clone(), row)
                        .map_err(|why| format!("`{key}`: {why}"))?;
                }
            }
            Value::Array(rows) => {
                let name = self
                    .key
                    .as_deref()
                    .ok_or("is a list: `key` has to name what is looked in")?;
                for (index, row) in rows.iter().enumerate() {
                    let row = row.as_object().ok_or_else(|| format!("item {index} is no object"))?;
                    let key = match row.get(name) {
                        Some(Value::String(text)) => text.clone(),
                        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
                        _ => return Err(format!("item {index} has no text or number `{name}`")),
                    };
                    self.add(&mut table, key, row)
                        .map_err(|why| format!("item {index}: {why}"))?;
                }
            }
            Value::Object(_) => return Err("is an object, which has its keys: leave out `key`".to_owned()),
            _ => return Err("is neither a list of objects nor an object of objects".to_owned()),
        }
        Ok(table)
    }

    fn add(&self, table: &mut Table, key: String, row: &Map<String, Value>) -> Result<(), String> {
        let column = |name: &String| row.get(name).ok_or_else(|| format!("there is no `{name}`"));
        let answer = match &self.columns {
            Columns::AllButKey => {
                let others = row.iter().filter(|(name, _)| Some(*name) != self.key.as_ref());
                Value::Object(others.map(|(name, value)| (name.clone(), value.clone())).collect())
            }
            Columns::One(name) => column(name)?.clone(),
            Columns::Some(names) => {
                let members = names.iter().map(|name| Ok((name.clone(), column(name)?.clone())));
                Value::Object(members.collect::<Result<_, String>>()?)
            }
        };
        match table.0.insert(key.into(), answer.to_string().into()) {
            None => Ok(()),
            Some(_) => Err("the same key is there twice".to_owned()),
        }
    }
}
