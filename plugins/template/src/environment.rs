//! The engine: what templates see, what they may use up, and what is told about their mistakes.

use crate::Undefined;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Error, ErrorKind, UndefinedBehavior, Value, context};
use patchpanel_plugin::Event;
use plugin_message::check_calls;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::io::{self, Write};

/// Templates by name.
#[derive(Debug)]
pub(crate) struct Environment(minijinja::Environment<'static>);

/// Why there is no text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A field is not there, and nothing was to be put in its place.
    Undefined,
    /// Anything else, for people.
    Failed(String),
}

/// About as many instructions, or 64 times as many bytes, for one text: far beyond what a message takes, and far below what
/// a call may last.
const FUEL: u64 = 50_000;

/// What stands at the end of a text that was cut.
const CUT: &str = "…";

/// An event's fields, and what the engine itself brings.
const NAMES: [&str; 18] = [
    "id",
    "type",
    "source",
    "level",
    "message",
    "time",
    "subject",
    "correlation_id",
    "channels",
    "metadata",
    "payload",
    "range",
    "dict",
    "namespace",
    "debug",
    "loop",
    "true",
    "false",
];

pub(crate) fn context(event: &Event) -> Value {
    context! {
        id => &event.id,
        type => &event.type_,
        source => &event.source,
        level => event.level.as_str(),
        message => &event.message,
        time => event.rfc3339(),
        subject => event.subject.as_ref().map_or(Value::UNDEFINED, Value::from),
        correlation_id => event.correlation_id.as_ref().map_or(Value::UNDEFINED, Value::from),
        channels => event.channels.clone(),
        metadata => value(event.metadata_json().into()),
        payload => value(event.payload_json()),
    }
}

/// Null is nothing: Jinja would write it as `None`, which is no word for people who read messages, and `default` would not
/// see it.
fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::UNDEFINED,
        Json::Array(items) => items.into_iter().map(value).collect(),
        Json::Object(members) => Value::from_pairs(members.into_iter().map(|(name, json)| (name, value(json)))),
        scalar => Value::from(Serde(scalar)),
    }
}

impl Environment {
    pub(crate) fn new(undefined: Undefined) -> Self {
        let mut environment = minijinja::Environment::new();
        environment.set_undefined_behavior(match undefined {
            Undefined::Empty => UndefinedBehavior::Chainable,
            // A condition may ask whether something is there.
            Undefined::Keep => UndefinedBehavior::SemiStrict,
        });
        environment.set_fuel(Some(FUEL));
        environment.add_filter("truncate", truncate);
        Self(environment)
    }

    /// Takes a template.
    ///
    /// # Errors
    /// What is wrong with it, and in which line.
    pub(crate) fn add(&mut self, name: &str, source: String) -> Result<(), String> {
        self.0
            .add_template_owned(name.to_owned(), source)
            .map_err(|error| mistake(&error))?;
        let template = self.0.get_template(name).map_err(|error| mistake(&error))?;
        let unknown = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !NAMES.contains(&name.as_str()));
        let mut unknown: Vec<String> = unknown.collect();
        unknown.sort();
        if let Some(name) = unknown.first() {
            let near = NAMES
                .iter()
                .min_by_key(|known| strsim::damerau_levenshtein(known, name));
            let near = near.filter(|known| strsim::damerau_levenshtein(known, name) <= 2);
            let hint = near.map_or_else(
                || "write one such as `subject` or `payload.order.id`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(format!("an event has no field `{name}`: {hint}"));
        }
        check_calls(&self.0, name)?;
        // Methods belong to values, so it takes a try to see that one is not there.
        match template.render(context(&Event::new("", ""))) {
            Err(error) if error.kind() == ErrorKind::UnknownMethod => Err(mistake(&error)),
            _ => Ok(()),
        }
    }

    /// The text, of at most so many bytes.
    pub(crate) fn render(&self, name: &str, context: &Value, max_bytes: usize) -> Result<String, Broken> {
        let failed = |error: Error| match error.kind() {
            ErrorKind::UndefinedError => Broken::Undefined,
            _ => Broken::Failed(mistake(&error)),
        };
        let template = self.0.get_template(name).map_err(failed)?;
        let mut out = Bounded {
            text: Vec::new(),
            max_bytes,
        };
        match template.render_captured_to(context.clone(), &mut out) {
            Err(error) if !out.is_full() => Err(failed(error)),
            _ => Ok(out.into_text()),
        }
    }
}

/// Without the template's name, which stands beside it.
fn mistake(error: &Error) -> String {
    let what = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

/// Cuts what is longer than so many characters; with `end`, it is not longer than that.
fn truncate(text: Cow<'_, str>, length: usize, options: Kwargs) -> Result<String, Error> {
    let end: Option<String> = options.get("end")?;
    options.assert_all_used()?;
    if text.chars().count() <= length {
        return Ok(text.into_owned());
    }
    let end = end.as_deref().unwrap_or(CUT);
    let kept = length.saturating_sub(end.chars().count());
    Ok(text.chars().take(kept).chain(end.chars()).take(length).collect())
}

/// Ends the rendering of what is too long.
struct Bounded {
    text: Vec<u8>,
    max_bytes: usize,
}

impl Bounded {
    fn is_full(&self) -> bool {
        self.text.len() > self.max_bytes
    }

    fn into_text(self) -> String {
        let is_full = self.is_full();
        // What is cut inside of a character ends with a sign for that, which is cut off with the rest.
        let mut text = String::from_utf8_lossy(&self.text).into_owned();
        if is_full {
            text.truncate(text.floor_char_boundary(self.max_bytes.saturating_sub(CUT.len())));
            text.push_str(CUT);
        }
        text
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (self.max_bytes + 1).saturating_sub(self.text.len());
        self.text.extend(bytes.iter().take(room));
        match self.is_full() {
            true => Err(io::Error::other("the text is too long")),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
