//! The bundled system plugin: notifications for who runs the machine, which the router sends where `[notify]` says (a syslog,
//! the journal, a desktop) and the plugin must be granted (`allow.notify`).
//!
//! It has the keys `title`, `body`, `overflow` (at 2,000 bytes) and `dry_run` of every message channel. Id, type, source,
//! subject and correlation id of the event are fields of the notification; recipients are one, too.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | taken | delivered |
//! | not now, such as a limit or no connection | tried again |
//! | not granted | never again |

use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel, log, notify};
use plugin_message::{Common, Defaults, Limit, Settings, bytes, clean};
use serde::Deserialize;

/// The configuration as written; see the crate's documentation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(flatten)]
    common: Common,
}

/// RFC 5424, section 6.1: receivers should take 2,048 bytes; the fields need some of them.
const TITLE: Limit = Limit::new(200, bytes);
const BODY: Limit = Limit::new(2000, bytes);
/// Of each field.
const FIELD: Limit = Limit::new(255, bytes);

/// Sends notifications.
#[derive(Debug)]
pub struct System {
    settings: Settings,
}

impl Channel for System {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let settings = config.common.check(Defaults::USUAL, &mut errors);
        if errors.is_empty() {
            Ok(Self { settings })
        } else {
            Err(errors)
        }
    }

    fn deliver(&mut self, delivery: &Delivery) -> Result<Receipt, Problem> {
        let message = self.settings.message(delivery)?;
        let title = TITLE.truncate(&message.title);
        let pieces = self.settings.overflow.apply("body", &message.body, BODY)?;
        let fields = fields(delivery);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for piece in pieces {
            // One line: what reads a log reads lines.
            let body = clean::line(&piece);
            if self.settings.dry_run {
                log::info(
                    "dry run: this would be sent",
                    &[("delivery", &delivery.id), ("title", &title), ("body", &body)],
                );
                continue;
            }
            notify::send(delivery.event.level, &title, &body, &fields).map_err(problem)?;
        }
        Ok(match self.settings.dry_run {
            true => Receipt::new().detail("dry run: the notification was not sent"),
            false => Receipt::new(),
        })
    }
}

fn problem(error: notify::Error) -> Problem {
    match error {
        notify::Error::Retry(why) => Problem::Retry(clean::remote(&why, &[])),
        notify::Error::NotGranted(_) => Problem::Reject(clean::remote(&error.to_string(), &[])),
    }
}

fn fields(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let event = &delivery.event;
    let recipients = delivery.recipients.join(" ");
    let all = [
        ("id", event.id.as_str()),
        ("type", event.type_.as_str()),
        ("source", event.source.as_str()),
        ("subject", event.subject.as_deref().unwrap_or_default()),
        ("correlation_id", event.correlation_id.as_deref().unwrap_or_default()),
        ("recipients", recipients.as_str()),
    ];
    let field = |(name, value): (&'static str, &str)| (name, FIELD.truncate(&clean::line(value)));
    all.into_iter()
        .map(field)
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

export_channel! {
    System,
    name: "system",
    description: "Sends notifications to syslog, the journal or a desktop.",
    capabilities: r#"{"notify": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing::{configure_channel, delivery};

    #[test]
    fn fields_are_clean_and_short() {
        let mut delivery = delivery("e/all", "a\r\n<11>1 fake");
        delivery.event.source = "ü".repeat(200);
        delivery.recipients = vec!["ops".to_owned()];
        let fields = fields(&delivery);
        assert_eq!(fields.first(), Some(&("id", "e/all".to_owned())));
        assert_eq!(fields.get(1), Some(&("type", "a  <11>1 fake".to_owned())));
        assert_eq!(fields.get(2), Some(&("source", format!("{}…", "ü".repeat(126)))));
        assert_eq!(fields.get(3), Some(&("recipients", "ops".to_owned())));
    }

    #[test]
    fn long_bodies_are_rejected_where_they_shall_be() {
        let mut system: System = configure_channel(r#"{"overflow": "reject"}"#).unwrap();
        let mut delivery = delivery("e/all", "t");
        delivery.event.message = "x".repeat(2000);
        assert!(system.deliver(&delivery).is_ok());
        delivery.event.message.push('x');
        assert!(matches!(system.deliver(&delivery), Err(Problem::Reject(_))));
    }

    #[test]
    fn mistakes_are_told_at_once() {
        let errors = configure_channel::<System>(r#"{"title": "{{", "body": "{{ a | b }}"}"#).unwrap_err();
        let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
        assert_eq!(paths, ["title", "body"]);
    }
}
