//! Texts with values of the event in them.

use crate::{check_calls, clean};
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use patchpanel_plugin::{ConfigError, Delivery, Event, Problem};
use serde_json::json;

/// Steps that one template may take: far beyond any message, and soon over.
const FUEL: u64 = 200_000;

/// Templates by the paths that they have in the configuration.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

impl Templates {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let mut environment = Environment::new();
        // An alert with a gap says more than none.
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(FUEL));
        environment.set_auto_escape_callback(|name| match name {
            "html" => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        environment.add_filter("json", |value: Value| serde_json::to_string(&value).unwrap_or_default());
        environment.add_filter("truncate", truncate);
        environment.add_filter("redact", redact);
        Self(environment)
    }

    /// Adds the template that stands at `path` in the configuration. At `html`, values are escaped for HTML.
    ///
    /// # Errors
    /// What is wrong with it: its syntax, or a filter, test or function that there is not. That one is called wrongly is
    /// found where it is reached with an event that has nothing in it.
    pub fn add(&mut self, path: &'static str, source: &str) -> Result<(), ConfigError> {
        let wrong =
            |error: &Error| ConfigError::new(path, format!("line {}: {}", error.line().unwrap_or(1), reason(error)));
        self.0
            .add_template_owned(path, source.to_owned())
            .map_err(|error| wrong(&error))?;
        check_calls(&self.0, path).map_err(|error| ConfigError::new(path, error))?;
        match self.render_raw(path, &sample()) {
            Err(error) if is_a_mistake(error.kind()) => Err(wrong(&error)),
            _ => Ok(()),
        }
    }

    /// What the template of `path` makes of a delivery, as it is.
    ///
    /// # Errors
    /// Where it cannot be rendered: it will not be next time either.
    pub fn render(&self, path: &str, delivery: &Delivery) -> Result<String, Problem> {
        self.render_raw(path, delivery).map_err(|error| {
            Problem::Reject(format!(
                "the template `{path}` failed: {}",
                clean::remote(&reason(&error), &[])
            ))
        })
    }

    fn render_raw(&self, path: &str, delivery: &Delivery) -> Result<String, Error> {
        self.0.get_template(path)?.render(values(delivery))
    }
}

/// Whatever the event says, these fail.
const fn is_a_mistake(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::MissingArgument | ErrorKind::TooManyArguments | ErrorKind::TemplateNotFound
    )
}

fn reason(error: &Error) -> String {
    match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    }
}

fn values(delivery: &Delivery) -> Value {
    let event = &delivery.event;
    Value::from(Serde(json!({
        "id": event.id,
        "type": event.type_,
        "source": event.source,
        "level": event.level.as_str(),
        "time": event.rfc3339(),
        "message": event.message,
        "subject": event.subject.as_deref().unwrap_or_default(),
        "correlation_id": event.correlation_id.as_deref().unwrap_or_default(),
        "metadata": event.metadata_json(),
        "payload": event.payload_json(),
        "delivery": delivery.id,
        "subscription": delivery.subscription,
        "recipients": delivery.recipients,
        "attempt": delivery.attempt,
        "replay": delivery.replay,
    })))
}

fn sample() -> Delivery {
    Delivery {
        id: "event/subscription".to_owned(),
        attempt: 1,
        replay: 0,
        subscription: "subscription".to_owned(),
        recipients: Vec::new(),
        event: Event::new("event", "type"),
    }
}

fn truncate(text: &str, length: usize) -> String {
    crate::Limit::new(length, crate::chars).truncate(text)
}

/// Hides a value. It does not look for secrets in it: that is what redactors at the door are for.
fn redact(value: Value, options: Kwargs) -> Result<String, Error> {
    let keep = options.get::<Option<usize>>("keep")?.unwrap_or(0);
    options.assert_all_used()?;
    let text = value.to_string();
    let count = text.chars().count();
    Ok(match count {
        0 => String::new(),
        // The end of a short text is most of it.
        _ if keep == 0 || count < 3 * keep => "[redacted]".to_owned(),
        _ => format!("[redacted]{}", text.chars().skip(count - keep).collect::<String>()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing::delivery;

    fn rendered(source: &str) -> String {
        let mut templates = Templates::new();
        templates.add("body", source).unwrap();
        let mut delivery = delivery("e/all", "build.failed");
        delivery.event.message = "<b>no</b>".to_owned();
        delivery.event.payload = r#"{"card": "4111111111111111", "list": [1, "two"]}"#.to_owned();
        templates.render("body", &delivery).unwrap()
    }

    #[test]
    fn values_and_filters() {
        for (source, expected) in [
            (
                "{{ level | upper }} {{ type }}: {{ message }}",
                "INFO build.failed: <b>no</b>",
            ),
            (
                "{{ payload.card | redact(keep=4) }} {{ payload.card | redact }}",
                "[redacted]1111 [redacted]",
            ),
            ("{{ payload.list | json }}", r#"[1,"two"]"#),
            ("{{ type | truncate(6) }}", "build…"),
            ("[{{ payload.none.deeper }}]", "[]"),
            ("{% for item in payload.list %}{{ item }};{% endfor %}", "1;two;"),
            (
                "{% set f = type %}{% if payload.none %}{{ f() }}{% endif %}{{ range(3) | join }}",
                "012",
            ),
            (
                "{% if message is string and payload.list is sequence %}{{ dict(a=1) }}{% endif %}",
                "{'a': 1}",
            ),
            ("{{ delivery }} {{ time }}", "e/all 1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(rendered(source), expected);
        }
    }

    #[test]
    fn html_is_escaped() {
        let mut templates = Templates::new();
        templates.add("html", "<p>{{ message }}</p>").unwrap();
        let mut delivery = delivery("1", "t");
        delivery.event.message = "<script>&".to_owned();
        assert_eq!(
            templates.render("html", &delivery).unwrap(),
            "<p>&lt;script&gt;&amp;</p>"
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for (source, said) in [
            ("a\n{{ message", "line 2: syntax error"),
            ("{{ message | uper }}", "unknown filter"),
            ("{% if message is tiny %}{% endif %}", "unknown test"),
            ("{{ now() }}", "unknown function"),
            (
                "{% if payload.x %}\n{{ message | uper }}{% endif %}",
                "line 2: unknown filter: filter uper is unknown",
            ),
            (
                "{% if payload.x %}{% if message is tiny %}{% endif %}{% endif %}",
                "unknown test",
            ),
            ("{% for x in payload.list %}{{ now() }}{% endfor %}", "unknown function"),
            ("{{ message | truncate }}", "missing argument"),
        ] {
            let error = Templates::new().add("title", source).unwrap_err();
            assert_eq!(error.path, "title");
            assert!(error.message.contains(said), "{source}: {}", error.message);
        }
    }

    #[test]
    fn a_template_that_never_ends_is_ended() {
        let mut templates = Templates::new();
        templates
            .add(
                "body",
                "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
            )
            .unwrap();
        assert!(
            matches!(templates.render("body", &delivery("1", "t")), Err(Problem::Reject(why)) if why.contains("fuel"))
        );
    }
}
