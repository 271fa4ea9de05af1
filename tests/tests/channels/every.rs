//! Every channel that speaks HTTP, in front of a hook.

use crate::hook::Hook;
use crate::{Running, start};

pub(crate) const EVERY: [&str; 7] = ["webhook", "slack", "discord", "teams", "pagerduty", "ntfy", "telegram"];

/// What their secrets are.
pub(crate) const SECRET: &str = "s3cret-of-this-test";
pub(crate) const ROUTING_KEY: &str = "0123456789abcdef0123456789abcdef";

/// One channel to a hook, and what is written into its `config`.
pub(crate) fn channel(plugin: &str, hook: &Hook, config: &str) -> Running {
    channel_with(plugin, hook, config, "", "")
}

/// The same, with more keys of the channel and of the subscription.
pub(crate) fn channel_with(plugin: &str, hook: &Hook, config: &str, channel: &str, subscription: &str) -> Running {
    start(
        &format!(
            r#"
[secrets]
token = "env:TOKEN"

[plugins.{plugin}.allow]
http = ["{url}"]
secrets = ["token"]

[[channels]]
name = "hook"
plugin = "{plugin}"
config = {{ {config} }}
{channel}

[[subscriptions]]
name = "all"
channel = "hook"
retry = {{ attempts = 5, base = "5ms", cap = "20ms" }}
{subscription}
"#,
            url = hook.url
        ),
        &[("TOKEN", &format!("123456:{SECRET}"))],
    )
}

/// The least that a channel needs to reach the hook, without a pace.
pub(crate) fn config(plugin: &str, hook: &Hook) -> String {
    let url = &hook.url;
    match plugin {
        "webhook" => format!("url = \"{url}/x\", headers = {{ x-token = {{ secret = \"token\" }} }}"),
        "slack" => format!("url = \"{url}/services/T/B/{SECRET}\", pace = 0"),
        "discord" => format!("url = \"{url}/api/webhooks/1/{SECRET}\", pace = 0"),
        "teams" => format!("url = \"{url}/workflows?sig={SECRET}\", pace = 0"),
        "pagerduty" => format!("url = \"{url}/v2/enqueue\", routing_key = \"{ROUTING_KEY}\""),
        "ntfy" => format!("server = \"{url}\", topic = \"t\", token = {{ secret = \"token\" }}"),
        "telegram" => format!("server = \"{url}\", chat = 1, token = {{ secret = \"token\" }}, pace = 0"),
        other => panic!("{other} is not among them"),
    }
}
