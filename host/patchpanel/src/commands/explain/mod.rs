//! `patchpanel explain`: why one event matches the subscriptions of a configuration, or why it does not.
//!
//! Nothing is run: no plugin is loaded, and the event is taken as it is given, without the ingress transforms.
//!
//! With `--json` one document is printed, an object with
//!
//! - `event`: object with `type` and `level`
//! - `ingress`: list of the names of the transforms that the event would pass first
//! - `subscriptions`: list of objects with
//!   - `name`: a string
//!   - `channel`: a string, or null where consumers fetch
//!   - `matched`: boolean
//!   - `levels`: list of objects with `of` (`subscription` or `channel`), `min_level` and `held`
//!   - `filter`: null where there is none, or else what [`patchpanel_filter::Explanation::to_json`] describes
//!   - `nearest_miss`: a sentence, or null if matched
//! - `channels`: list of objects, one for each channel that the event names and one for each name that is unknown, with
//!   - `named`: the name in the event; `channel`: the channel that it stands for, or null
//!   - `outcome`: `direct`, `by_subscription`, `below_min_level` or `unknown`
//!   - `because`: a sentence, or null if `direct`
//!
//! With `--subscription` the list of subscriptions has the named one, and `channels` is empty.

mod input;
mod judge;
mod show;

use patchpanel_event::Event;
use serde_json::{Map, Value};

use crate::cli::ExplainArgs;
use crate::config::{self, Config};
use crate::{exit, terminal};

use judge::Judgement;

pub(crate) fn explain(args: &ExplainArgs) -> anyhow::Result<u8> {
    let config = config::load(&args.config)?;
    let name = args.subscription.as_deref();
    if let Some(name) = name
        && let Some(problem) = unknown(&config, name)
    {
        terminal::say(format_args!("{}: {problem}", args.config.display()));
        return Ok(exit::WRONG_INPUT);
    }
    let text = input::read(&args.event, config.limits.event_bytes)?;
    let read = input::event(text, &config.limits).and_then(|event| Ok((input::fields(&event)?, event)));
    let (fields, event) = match read {
        Ok(read) => read,
        Err(problem) => {
            terminal::say(format_args!("{}: {problem}", input::name(&args.event)));
            return Ok(exit::WRONG_INPUT);
        }
    };
    let judgement = judgement(&config, &event, &fields, name);
    if args.json {
        terminal::print_line(terminal::json(&judgement.to_json()))?;
    } else {
        terminal::print(&terminal::plain(&judgement.to_string()))?;
    }
    Ok(match judgement.matched() {
        true => exit::OK,
        false => exit::NOT_MATCHED,
    })
}

fn unknown(config: &Config, name: &str) -> Option<String> {
    let mut names = config.subscriptions.iter().map(|entry| entry.name.as_str());
    if names.clone().any(|known| known == name) {
        return None;
    }
    let help = match names.next() {
        Some(_) => config::suggestion(name, config.subscriptions.iter().map(|entry| entry.name.as_str())),
        None => "the configuration has none".to_owned(),
    };
    Some(format!("there is no subscription `{name}`; {help}"))
}

fn judgement(config: &Config, event: &Event, fields: &Map<String, Value>, name: Option<&str>) -> Judgement {
    let mut judgement = Judgement::new(config, event, fields);
    if let Some(name) = name {
        judgement.subscriptions.retain(|subscription| subscription.name == name);
        judgement.channels.clear();
    }
    judgement
}
