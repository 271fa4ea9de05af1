//! `patchpanel config check`: every mistake of a configuration at once, those included that only its plugins can find.

use patchpanel_runtime::PluginStatus;
use serde_json::json;

use crate::cli::ConfigCommand;
use crate::wiring::{self, Uses};
use crate::{config, exit, terminal};

pub(crate) fn config(command: &ConfigCommand) -> anyhow::Result<u8> {
    let ConfigCommand::Check { file, json } = command;
    let config = match config::load(file) {
        Ok(config) => config,
        Err(error) => {
            let Some(mistakes) = error.downcast_ref::<config::Mistakes>().filter(|_| *json) else {
                return Err(error);
            };
            terminal::print_line(terminal::json(&json!({"ok": false, "mistakes": mistakes.to_json()})))?;
            return Ok(exit::WRONG_INPUT);
        }
    };
    let checking = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked: anyhow::Result<_> = checking.block_on(async {
        let registry = wiring::registry(&config, Uses::All, None).await?;
        wiring::table(&config, &registry.generation())?;
        Ok(registry.statuses())
    });
    match checked {
        Ok(plugins) => {
            let notes: Vec<String> = plugins.iter().flat_map(granted_in_vain).collect();
            if *json {
                terminal::print_line(json!({"ok": true, "mistakes": [], "notes": notes}))?;
                return Ok(exit::OK);
            }
            for note in &notes {
                terminal::say(format_args!("{}: note: {note}", file.display()));
            }
            terminal::print_line(format_args!(
                "{}: ok ({} plugins, {} channels, {} subscriptions)",
                file.display(),
                config.plugins.len(),
                config.channels.len(),
                config.subscriptions.len()
            ))?;
        }
        Err(error) if *json => {
            let mistakes = json!({"ok": false, "mistakes": [{"message": format!("{error:#}")}]});
            terminal::print_line(terminal::json(&mistakes))?;
            return Ok(exit::WRONG_INPUT);
        }
        Err(error) => {
            terminal::say(format_args!("{}: {error:#}", file.display()));
            return Ok(exit::WRONG_INPUT);
        }
    }
    Ok(exit::OK)
}

/// Grants that come to nothing, because the plugin does not ask for them.
fn granted_in_vain(plugin: &PluginStatus) -> impl Iterator<Item = String> {
    let name = &plugin.name;
    plugin.granted_in_vain.iter().map(move |grant| {
        format!("plugin `{name}` is granted {grant}, but does not ask for it in its declaration, so it is not given")
    })
}
