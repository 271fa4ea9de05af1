//! Replaces ticket numbers such as TCK-1234 by [ticket].

use patchpanel_plugin::{ConfigError, Edits, Redactor, export_redactor};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    prefix: String,
}

impl Default for Config {
    fn default() -> Self {
        Config { prefix: "TCK-".to_owned() }
    }
}

struct Tickets {
    prefix: String,
}

impl Redactor for Tickets {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        if config.prefix.is_empty() {
            return Err(ConfigError::new("prefix", "must not be empty").into());
        }
        Ok(Tickets { prefix: config.prefix })
    }

    fn edits(&mut self, _path: &str, text: &str, out: &mut Edits) {
        let first = self.prefix.chars().next().map_or(1, char::len_utf8);
        let mut from = 0;
        while let Some(found) = text[from..].find(&self.prefix) {
            let start = from + found;
            let number = start + self.prefix.len();
            let digits = text[number..].bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                from = start + first;
                continue;
            }
            out.replace(start..number + digits, "ticket", "[ticket]");
            from = number + digits;
        }
    }
}

export_redactor! {
    Tickets,
    description: "Replaces ticket numbers.",
    config_schema: include_str!("schema.json"),
    examples: include_str!("examples.json"),
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchpanel_plugin::testing;

    #[test]
    fn a_number_needs_a_digit() {
        let mut plugin = testing::configure_redactor::<Tickets>("{}").unwrap();
        assert_eq!(testing::redact(&mut plugin, "message", "TCK- TCK-7x").unwrap(), "TCK- [ticket]x");
    }
}
