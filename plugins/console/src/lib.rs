//! The bundled console plugin: one line on standard output for every delivery.
//!
//! | key | value |
//! | --- | --- |
//! | `format` | `text` for people, `json` for programs, `auto` (default): text on a terminal or with `color = "always"` |
//! | `color` | `always`, `never`, `auto` (default): on a terminal |
//! | `max_payload` | how many characters of a payload `text` shows; default 200, 0 for none |

mod escape;
mod text;

use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel};
use serde::Deserialize;
use std::io::{IsTerminal as _, Write as _};
use text::Style;

/// What the operator may say; see the crate's documentation.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    format: Format,
    #[serde(default)]
    color: Color,
    #[serde(default = "default_max_payload")]
    max_payload: usize,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Auto,
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

const fn default_max_payload() -> usize {
    200
}

/// Prints events.
#[derive(Debug)]
pub struct Console {
    /// None: JSON.
    style: Option<Style>,
}

impl Console {
    fn new(config: Config, terminal: bool) -> Self {
        let color = match config.color {
            Color::Auto => terminal,
            Color::Always => true,
            Color::Never => false,
        };
        let readable = match config.format {
            Format::Auto => terminal || config.color == Color::Always,
            Format::Text => true,
            Format::Json => false,
        };
        let style = Style {
            color,
            max_payload: config.max_payload,
        };
        Self {
            style: readable.then_some(style),
        }
    }

    /// All lines of a batch, so that they are written at once and lines of several instances do not mix.
    fn lines(&self, batch: &[Delivery]) -> String {
        let mut out = String::with_capacity(batch.len() * 256);
        for delivery in batch {
            match self.style {
                Some(style) => text::push_line(&mut out, &delivery.event, style),
                None => escape::push_json(&mut out, &delivery.event.to_json()),
            }
            out.push('\n');
        }
        out
    }
}

impl Channel for Console {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Self::new(config, std::io::stdout().is_terminal()))
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        let lines = self.lines(batch);
        let mut stdout = std::io::stdout().lock();
        let written = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
        let answer = match written {
            Ok(()) => Ok(Receipt::new()),
            Err(error) => Err(Problem::Retry(format!("standard output: {error}"))),
        };
        vec![answer; batch.len()]
    }
}

export_channel! {
    Console,
    name: "console",
    description: "Prints events on standard output, for people on a terminal and as JSON elsewhere.",
    capabilities: r#"{"stdout": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use patchpanel_plugin::testing;

    fn lines(config: &str, terminal: bool) -> String {
        let console = Console::new(serde_json::from_str(config).unwrap(), terminal);
        let mut delivery = testing::delivery("1", "a.b");
        delivery.event.message = "hi".to_owned();
        console.lines(&[delivery.clone(), delivery])
    }

    #[test]
    fn the_form_follows_the_terminal_unless_it_is_told() {
        let is_json = |config: &str, terminal| lines(config, terminal).starts_with('{');
        let is_colored = |config: &str, terminal| lines(config, terminal).contains('\u{1b}');
        assert!(is_json("{}", false));
        assert!(!is_json("{}", true));
        assert!(is_json(r#"{"format": "json"}"#, true));
        assert!(!is_json(r#"{"color": "always"}"#, false));
        assert!(is_colored(r#"{"color": "always"}"#, false));
        assert!(is_colored("{}", true));
        assert!(!is_colored(r#"{"color": "never"}"#, true));
        assert!(!is_colored(r#"{"format": "text"}"#, false));
    }

    #[test]
    fn there_is_one_line_per_delivery() {
        for terminal in [false, true] {
            assert_eq!(lines("{}", terminal).lines().count(), 2);
            assert!(lines("{}", terminal).ends_with('\n'));
        }
    }

    #[test]
    fn mistakes_in_the_configuration_are_named() {
        let errors = testing::configure_channel::<Console>(r#"{"colour": 1}"#).unwrap_err();
        assert_eq!(errors.first().map(|error| error.path.as_str()), Some("colour"));
        let errors = testing::configure_channel::<Console>(r#"{"color": "red"}"#).unwrap_err();
        assert_eq!(errors.first().map(|error| error.path.as_str()), Some("color"));
    }
}
