//! The bundled template plugin: composes texts of an event from its fields.
//!
//! | key | value |
//! | --- | --- |
//! | `message` | a template of the new message |
//! | `set` | templates by path: `{ subject = "...", "metadata.summary" = "..." }` |
//! | `undefined` | what becomes of a text that names a field which the event has not: `empty` (default) puts nothing in its place, `keep` leaves the text as it was |
//! | `max_bytes` | longer texts are cut; default `"8KiB"` |
//!
//! The language is Jinja, as the crate `minijinja` has it: `{{ payload.user }}`, `{% if level == "error" %}`, filters. Beyond
//! its own, there is the filter `truncate(length, end="…")`, which counts characters. All templates see the event as it came.

mod config;
mod environment;

pub use config::Config;
use config::Undefined;
use environment::{Broken, Environment};
use patchpanel_plugin::{
    ByteSize, ConfigError, Draft, Event, Failure, Outcome, Path, Transform, by_path, export_transform, log,
};

/// Composes texts.
#[derive(Debug)]
pub struct Template {
    environment: Environment,
    /// By the name of its template, which is its place in the configuration.
    targets: Vec<(String, Path)>,
    max_bytes: usize,
}

impl Transform for Template {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        config.check()
    }

    fn transform(&mut self, event: &Event) -> Result<Outcome, Failure> {
        let context = environment::context(event);
        let mut draft = Draft::new(event);
        for (name, path) in &self.targets {
            let text = match self.environment.render(name, &context, self.max_bytes) {
                Ok(text) => text,
                // The operator wants it to stay then.
                Err(Broken::Undefined) => continue,
                Err(Broken::Failed(why)) => {
                    log::warning(
                        "a text stays as it is, because its template failed",
                        &[("template", name), ("why", &why), ("event", &event.id)],
                    );
                    continue;
                }
            };
            if !draft.set_text(path, &text) {
                log::warning(
                    "a text stays as it is, because it has no place or no such value is possible",
                    &[("template", name), ("event", &event.id)],
                );
            }
        }
        Ok(draft.finish())
    }
}

export_transform! {
    Template,
    name: "template",
    description: "Composes the message and other texts of an event from its fields.",
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
