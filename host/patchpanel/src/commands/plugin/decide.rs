//! `patchpanel plugin promote`, `discard`, `release`: what an operator decides about a plugin of a running router.

use serde_json::json;

use crate::cli::PluginDecideArgs;
use crate::commands::client::{Client, segment};
use crate::{exit, terminal};

pub(super) fn decide(args: &PluginDecideArgs, deed: &str, done: &str) -> anyhow::Result<u8> {
    let path = format!("/v1/plugins/{}/{deed}", segment(&args.name));
    let answer = Client::new(&args.remote.url).post(&path, &json!({}))?;
    if args.remote.json {
        terminal::print_line(terminal::json(&answer))?;
    } else {
        terminal::say(format_args!("plugin {} {done}", args.name));
    }
    Ok(exit::OK)
}
