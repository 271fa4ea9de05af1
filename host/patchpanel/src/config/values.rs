//! What a single value may be.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use patchpanel_event::{Level, SelectorError, TextSelector, UnknownLevel};
use serde_json::{Map, Number, Value};
use toml::de::{DeInteger, DeValue};

use super::node::Node;
use super::quantity::{duration_text, size_text};
use super::{names, quantity};

/// Longest duration; far from where adding it to a time could overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const DURATION_HELP: &str = "write a number with a unit: \"250ms\", \"30s\", \"5m\", \"1h\" or \"2d\"";
const SIZE_HELP: &str = "write a number of bytes, or one with a unit: \"512B\", \"4KiB\", \"64MiB\", \"1GiB\", \"1MB\"";

impl<'t> Node<'t> {
    /// A string that is not empty.
    pub(super) fn text(&self) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) if text.is_empty() => {
                self.refuse("an empty string", "leave the key out, or give it a value")
            }
            DeValue::String(text) => Some(text),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
                self.expected("a string", "put it into quotes")
            }
            DeValue::Array(_) | DeValue::Table(_) => self.expected("a string", ""),
        }
    }

    /// A list of strings that are not empty, each with its place.
    pub(super) fn texts(&self) -> Vec<(Node<'t>, &'t str)> {
        let items = self.list().unwrap_or_default();
        items
            .into_iter()
            .filter_map(|item| item.text().map(|text| (item, text)))
            .collect()
    }

    /// A name as [`names::is_name`] allows it.
    pub(super) fn name(&self) -> Option<&'t str> {
        let text = self.text()?;
        if names::is_name(text) {
            Some(text)
        } else {
            self.refuse("not a name", names::rule())
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            DeValue::String(text) if matches!(&**text, "true" | "false") => {
                self.expected("a boolean", "leave the quotes out")
            }
            _ => self.expected("a boolean", "write true or false"),
        }
    }

    /// An integer within bounds.
    pub(super) fn integer(&self, bounds: RangeInclusive<i64>) -> Option<i64> {
        let DeValue::Integer(written) = self.value else {
            return self.expected("an integer", "");
        };
        match value_of(written)
            .and_then(|value| i64::try_from(value).ok())
            .filter(|value| bounds.contains(value))
        {
            Some(value) => Some(value),
            None => self.refuse(
                "out of bounds",
                format!("write a number from {} to {}", bounds.start(), bounds.end()),
            ),
        }
    }

    /// How many of something; never 0.
    pub(super) fn count(&self, most: u32) -> Option<u32> {
        self.integer(1..=i64::from(most))
            .and_then(|count| u32::try_from(count).ok())
    }

    /// A priority.
    pub(super) fn priority(&self) -> Option<i32> {
        self.integer(i64::from(i32::MIN)..=i64::from(i32::MAX))
            .and_then(|priority| i32::try_from(priority).ok())
    }

    /// A duration such as `"30s"`, at least this long.
    pub(super) fn duration(&self, least: Duration) -> Option<Duration> {
        let duration = match self.value {
            DeValue::String(text) => quantity::duration(text),
            _ => return self.expected("a duration", DURATION_HELP),
        };
        let Some(duration) = duration else {
            return self.refuse("not a duration", DURATION_HELP);
        };
        if (least..=LONGEST).contains(&duration) {
            return Some(duration);
        }
        let help = format!(
            "write a duration from \"{}\" to \"{}\"",
            duration_text(least),
            duration_text(LONGEST)
        );
        self.refuse("out of bounds", help)
    }

    /// A size such as `"64MiB"` or a number of bytes.
    pub(super) fn size(&self, bounds: RangeInclusive<u64>) -> Option<usize> {
        let size = match self.value {
            DeValue::String(text) => quantity::size(text),
            DeValue::Integer(written) => value_of(written).and_then(|bytes| u64::try_from(bytes).ok()),
            _ => return self.expected("a size", SIZE_HELP),
        };
        let Some(size) = size else {
            return self.refuse("not a size", SIZE_HELP);
        };
        match usize::try_from(size) {
            Ok(bytes) if bounds.contains(&size) => Some(bytes),
            _ => {
                let help = format!(
                    "write a size from \"{}\" to \"{}\"",
                    size_text(*bounds.start()),
                    size_text(*bounds.end())
                );
                self.refuse("out of bounds", help)
            }
        }
    }

    /// A level.
    pub(super) fn level(&self) -> Option<Level> {
        let text = self.text()?;
        Level::from_str(text).ok().or_else(|| {
            let near = names::nearest(text, Level::ALL.map(Level::as_str));
            let meant = near.map(|near| format!("did you mean \"{near}\"?"));
            self.refuse("not a level", meant.unwrap_or_else(|| UnknownLevel.to_string()))
        })
    }

    /// One of some words.
    pub(super) fn choice<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        self.choice_or(words, "")
    }

    /// As [`Node::choice`], where another kind of value is possible, too: `others` are examples for the advice.
    pub(super) fn choice_or<T: Clone>(&self, words: &[(&str, T)], others: &str) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(value.clone());
        }
        let help = match names::nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => {
                let known = words.iter().map(|(word, _)| format!("\"{word}\""));
                let known = known.chain(Some(others.to_owned()).filter(|others| !others.is_empty()));
                format!("write {}", known.collect::<Vec<_>>().join(" or "))
            }
        };
        self.refuse("not a value that is known here", help)
    }

    /// An address to listen on.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        let text = self.text()?;
        text.parse().ok().or_else(|| {
            self.refuse(
                "not an address",
                "write an IP address and a port, such as \"127.0.0.1:7077\" or \"[::1]:7077\"",
            )
        })
    }

    /// A path; relative ones count from `base`.
    pub(super) fn path(&self, base: &Path) -> Option<PathBuf> {
        self.text().map(|text| base.join(text))
    }

    /// Fields for a redactor.
    pub(super) fn fields(&self) -> Option<TextSelector> {
        self.selected(
            "no fields, so nothing would be looked at",
            "leave the key out for all free text",
            |paths| TextSelector::new(paths),
        )
    }

    /// The same with numbers.
    pub(super) fn numbers(&self, fields: &TextSelector) -> Option<TextSelector> {
        self.selected("no fields", "leave the key out for no numbers", |paths| {
            fields.clone().with_numbers(paths)
        })
    }

    /// The same with names of objects.
    pub(super) fn keys(&self, fields: &TextSelector) -> Option<TextSelector> {
        self.selected("no fields", "leave the key out for no names", |paths| {
            fields.clone().with_keys(paths)
        })
    }

    /// A list of paths, which must not be empty.
    fn selected(
        &self,
        empty: &str,
        help: &str,
        select: impl Fn(&[&str]) -> Result<TextSelector, Vec<SelectorError>>,
    ) -> Option<TextSelector> {
        let items = self.list()?;
        if items.is_empty() {
            return self.refuse(empty, help);
        }
        let mut paths = Vec::new();
        for (item, text) in self.texts() {
            match select(&[text]) {
                Ok(_) => paths.push(text),
                Err(errors) => {
                    for error in errors {
                        item.refuse::<()>("not a field that can be redacted", error.to_string());
                    }
                }
            }
        }
        select(&paths).ok()
    }

    /// A table as the JSON object that a plugin gets. Never shown: an operator may have put a secret into it.
    pub(super) fn json_object(&self) -> Option<Map<String, Value>> {
        self.hide();
        self.members()
    }

    fn members(&self) -> Option<Map<String, Value>> {
        self.section(|section| {
            let entries = section.entries();
            entries
                .into_iter()
                .filter_map(|entry| Some((entry.name.to_owned(), entry.value.json()?)))
                .collect()
        })
    }

    fn json(&self) -> Option<Value> {
        match self.value {
            DeValue::String(text) => Some(Value::from(&**text)),
            DeValue::Boolean(flag) => Some(Value::from(*flag)),
            DeValue::Integer(written) => {
                let number = value_of(written).and_then(Number::from_i128);
                number
                    .map(Value::Number)
                    .or_else(|| self.refuse("an integer of more than 64 bits", "write it as a string"))
            }
            DeValue::Float(written) => {
                let number = written.as_str().parse().ok().and_then(Number::from_f64);
                number
                    .map(Value::Number)
                    .or_else(|| self.refuse("a number that JSON does not have", ""))
            }
            DeValue::Datetime(time) => Some(Value::from(time.to_string())),
            DeValue::Array(_) => self.list().map(|items| items.iter().filter_map(Node::json).collect()),
            DeValue::Table(_) => self.members().map(Value::Object),
        }
    }
}

/// The value of an integer in any of TOML's notations; `None` for one that no integer type holds.
pub(super) fn value_of(written: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(&written.as_str().replace('_', ""), written.radix()).ok()
}
