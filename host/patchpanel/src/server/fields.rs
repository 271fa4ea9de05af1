//! What a caller asks for, from the query of a path or from a JSON body: fields by name, all mistakes at once.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::Uri;
use patchpanel_event::{FIELD_NAMES, parse_time};
use patchpanel_filter::{Pattern, Source};
use serde_json::{Map, Value};

use super::problem::{Mistake, Problem};
use crate::config;

const TIME_HELP: &str =
    "write it as RFC 3339 has it, with an offset and between 1970 and 2554, such as 2026-01-31T12:00:00Z";
const DURATION_HELP: &str = "write a number with a unit: \"250ms\", \"30s\", \"5m\"";

/// Fields that are read one by one. Those that nobody asked for are mistakes.
pub(super) struct Fields {
    values: Map<String, Value>,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
    /// Everything is text.
    from_query: bool,
}

impl Fields {
    /// `?name=value&...`
    pub(super) fn of_query(uri: &Uri) -> Fields {
        let (mut values, mut mistakes) = (Map::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if values.insert(name.to_string(), Value::from(&*value)).is_some() {
                mistakes.push(Mistake::new(&name, "given more than once", "give it once"));
            }
        }
        Fields {
            values,
            known: Vec::new(),
            mistakes,
            from_query: true,
        }
    }

    /// A JSON object; an empty body is one without fields.
    pub(super) fn of_body(body: Result<Bytes, BytesRejection>) -> Result<Fields, Problem> {
        let body = body.map_err(|rejection| Problem::unreadable(&rejection))?;
        let values = match body.trim_ascii() {
            [] => Map::new(),
            body => match serde_json::from_slice(body) {
                Ok(Value::Object(values)) => values,
                Ok(_) => return Err(Problem::request("the body must be a JSON object")),
                Err(error) => return Err(Problem::request(format!("the body is not JSON: {error}"))),
            },
        };
        Ok(Fields {
            values,
            known: Vec::new(),
            mistakes: Vec::new(),
            from_query: false,
        })
    }

    /// All of them, for whoever reads them otherwise.
    pub(super) fn into_object(self) -> Map<String, Value> {
        self.values
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn refuse<T>(&mut self, name: &str, message: impl Into<String>, help: &str) -> Option<T> {
        self.mistakes.push(Mistake::new(name, message, help));
        None
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.values.remove(name)
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::String(_) => self.refuse(name, "an empty text", "leave it out, or give it a value"),
            _ => self.refuse(name, "not a text", "put it into quotes"),
        }
    }

    /// As [`Fields::text`], where it must be there.
    pub(super) fn required_text(&mut self, name: &'static str) -> Option<String> {
        if !self.has(name) {
            return self.refuse(name, "is missing", "");
        }
        self.text(name)
    }

    /// A list of texts that are not empty; it must be there and have some, but not too many.
    pub(super) fn texts(&mut self, name: &'static str, most: usize) -> Option<Vec<String>> {
        let Some(value) = self.take(name) else {
            return self.refuse(name, "is missing", "write a list of texts");
        };
        let texts: Option<Vec<String>> = match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned))
                .collect(),
            _ => None,
        };
        match texts {
            Some(texts) if texts.is_empty() => self.refuse(name, "an empty list", ""),
            Some(texts) if texts.len() > most => self.refuse(
                name,
                format!("more than the {most} that are allowed"),
                "ask in several requests",
            ),
            Some(texts) => Some(texts),
            None => self.refuse(name, "not a list of texts", ""),
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(&mut self, name: &'static str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let number = match self.take(name)? {
            // As cursors come in answers.
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        };
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Some(number),
            None => {
                let help = format!("write one from {} to {}", bounds.start(), bounds.end());
                self.refuse(name, "not a number that is allowed here", &help)
            }
        }
    }

    /// `true` where it says so.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.take(name) {
            Some(Value::Bool(flag)) => flag,
            Some(_) => self
                .refuse(name, "not a boolean", "write true or false")
                .unwrap_or_default(),
            None => false,
        }
    }

    /// A point in time, in nanoseconds since the Unix epoch.
    pub(super) fn time(&mut self, name: &'static str) -> Option<u64> {
        let text = self.text(name)?;
        match parse_time(&text) {
            Some(time) => Some(time),
            None => self.refuse(name, "not a point in time", TIME_HELP),
        }
    }

    /// `from` and `to`.
    pub(super) fn span(&mut self) -> (Option<u64>, Option<u64>) {
        let (from, to) = (self.time("from"), self.time("to"));
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            self.refuse::<()>("to", "not after `from`", "");
        }
        (from, to)
    }

    /// A duration within bounds.
    pub(super) fn duration(&mut self, name: &'static str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.text(name)?;
        match config::duration(&text) {
            Some(duration) if bounds.contains(&duration) => Some(duration),
            Some(_) => {
                let [least, most] = [*bounds.start(), *bounds.end()].map(config::duration_text);
                self.refuse(
                    name,
                    "out of bounds",
                    &format!("write one from \"{least}\" to \"{most}\""),
                )
            }
            None => self.refuse(name, "not a duration", DURATION_HELP),
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Clone>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Some(value.clone()),
            None => {
                let help = config::suggestion(&text, words.iter().map(|(word, _)| *word).collect::<Vec<_>>());
                self.refuse(name, "not a value that is known here", &help)
            }
        }
    }

    /// An event pattern; in a query, its JSON.
    pub(super) fn pattern(&mut self, name: &'static str) -> Option<Pattern> {
        let text = match self.take(name)? {
            Value::String(text) if self.from_query => text,
            value => value.to_string(),
        };
        let read = Source::from_json(&text).map_err(|mistake| vec![mistake]);
        match read.and_then(|source| Pattern::parse_with_fields(&source, &FIELD_NAMES)) {
            Ok(pattern) => Some(pattern),
            Err(mistakes) => {
                for mistake in mistakes {
                    let path = config::filter_path(name, &mistake.path);
                    let help = mistake.help.unwrap_or_default();
                    self.refuse::<()>(&path, mistake.message, &help);
                }
                None
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All mistakes, fields that are not known here among them.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        for name in self.values.keys() {
            let help = config::suggestion(name, self.known.iter().copied());
            let what = if self.from_query { "parameter" } else { "field" };
            self.mistakes.push(Mistake::new(name, format!("unknown {what}"), &help));
        }
        if self.mistakes.is_empty() {
            Ok(())
        } else {
            Err(Problem::mistakes(self.mistakes))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn query(text: &str) -> Fields {
        Fields::of_query(&format!("/v1/events?{text}").parse().unwrap())
    }

    fn body(text: &str) -> Fields {
        Fields::of_body(Ok(Bytes::copy_from_slice(text.as_bytes()))).unwrap()
    }

    #[test]
    fn a_query_and_a_body_say_the_same() {
        let filter = "%7B%22type%22%3A%5B%22a%22%5D%7D";
        let mut one = query(&format!(
            "limit=7&from=1970-01-01T00:00:01Z&order=newest&filter={filter}&wait=5s"
        ));
        let mut other = body(
            r#"{"limit": 7, "from": "1970-01-01T00:00:01Z", "order": "newest", "filter": {"type": ["a"]}, "wait": "5s"}"#,
        );
        for fields in [&mut one, &mut other] {
            assert_eq!(fields.number("limit", 1..=10), Some(7));
            assert_eq!(fields.time("from"), Some(1_000_000_000));
            assert_eq!(fields.choice("order", &[("oldest", 1), ("newest", 2)]), Some(2));
            assert_eq!(fields.pattern("filter").unwrap().to_string(), r#"{"type":["a"]}"#);
            let bounds = Duration::ZERO..=Duration::from_secs(60);
            assert_eq!(fields.duration("wait", bounds), Some(Duration::from_secs(5)));
            assert_eq!((fields.text("gone"), fields.flag("all")), (None, false));
        }
        assert!(one.finish().is_ok() && other.finish().is_ok());
        assert!(body(" ").finish().is_ok());
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let mut fields =
            query("limit=0&limit=0&from=now&ordr=newest&filter=%7B%22typ%22%3A%5B%22a%22%5D%7D&wait=9h&state=");
        fields.number("limit", 1..=10);
        fields.time("from");
        fields.choice("order", &[("newest", ())]);
        fields.pattern("filter");
        fields.duration("wait", Duration::ZERO..=Duration::from_secs(60));
        fields.text("state");
        fields.required_text("subscription");
        fields.texts("ids", 2);
        let said = serde_json::to_value(fields.finish().unwrap_err()).unwrap();
        let said: Vec<String> = said["mistakes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|mistake| {
                format!(
                    "{} {}",
                    mistake["path"].as_str().unwrap(),
                    mistake["message"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                "limit given more than once",
                "limit not a number that is allowed here",
                "from not a point in time",
                "filter.typ events have no field `typ`",
                "wait out of bounds",
                "state an empty text",
                "subscription is missing",
                "ids is missing",
                "ordr unknown parameter",
            ]
        );
        assert!(Fields::of_body(Ok(Bytes::from_static(b"[1]"))).is_err());
        assert!(Fields::of_body(Ok(Bytes::from_static(b"{"))).is_err());
        let mut lists = body(r#"{"a": [], "b": ["x", "y", "z"], "c": [1], "d": ["x"]}"#);
        assert_eq!(
            (lists.texts("a", 2), lists.texts("b", 2), lists.texts("c", 2)),
            (None, None, None)
        );
        assert_eq!(lists.texts("d", 2), Some(vec!["x".to_owned()]));
    }
}
