//! What is not about plugins and routes: directories, `[server]`, `[limits]`, `[store]`.

use std::env;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchpanel_event::Limits;
use patchpanel_store::MemoryLimits;

use super::model::{Server, StoreConfig};
use super::names;
use super::node::Section;

/// Where the router listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7077);
const DRAIN: Duration = Duration::from_secs(30);
const MAX_BODY: usize = 16 << 20;
/// Largest event and largest request: both are held in memory as a whole.
const LARGEST_BODY: u64 = 1 << 30;
/// Deepest nesting that serde_json reads; filters have it read an event's payload.
const DEEPEST: u32 = 127;
/// What can be stored at most; so large that memory ends before.
const LARGEST_STORE: u64 = 1 << 44;

pub(super) struct Settings {
    pub(super) plugins_dir: PathBuf,
    /// What the bundled `log` plugin is granted.
    pub(super) data_dir: PathBuf,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) server: Server,
    pub(super) limits: Limits,
    pub(super) store: StoreConfig,
}

impl Settings {
    pub(super) fn read(root: &Section<'_>, base: &Path) -> Settings {
        let path = |key| root.get(key).and_then(|node| node.path(base));
        let user_cache = || user_cache(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"));
        Settings {
            plugins_dir: path("plugins_dir").unwrap_or_else(|| base.join("plugins.d")),
            data_dir: path("data_dir").unwrap_or_else(|| base.to_owned()),
            cache_dir: path("cache_dir").or_else(user_cache),
            server: root.section("server", server),
            limits: root.section("limits", limits),
            store: root.section("store", store),
        }
    }
}

fn server(section: &Section<'_>) -> Server {
    let listen = section.get("listen").and_then(|node| {
        let address = node.address()?;
        if address.ip().is_loopback() {
            return Some(address);
        }
        let help = format!(
            "listen on {}, and put a proxy that authenticates in front",
            SocketAddr::new(LISTEN.ip(), address.port())
        );
        node.refuse(
            "not a loopback address, and this version has no authentication yet",
            help,
        )
    });
    let drain = section.get("drain").and_then(|node| node.duration(Duration::ZERO));
    let max_body = section.get("max_body").and_then(|node| node.size(1..=LARGEST_BODY));
    Server {
        listen: listen.unwrap_or(LISTEN),
        drain: drain.unwrap_or(DRAIN),
        max_body: max_body.unwrap_or(MAX_BODY),
    }
}

fn limits(section: &Section<'_>) -> Limits {
    let defaults = Limits::default();
    let size = |key| section.get(key).and_then(|node| node.size(1..=LARGEST_BODY));
    let count = |key, most| {
        let count = section.get(key).and_then(|node| node.count(most));
        count.and_then(|count| usize::try_from(count).ok())
    };
    Limits {
        event_bytes: size("event").unwrap_or(defaults.event_bytes),
        depth: count("depth", DEEPEST).unwrap_or(defaults.depth),
        name_bytes: size("name").unwrap_or(defaults.name_bytes),
        channels: count("channels", 100_000).unwrap_or(defaults.channels),
    }
}

fn store(section: &Section<'_>) -> StoreConfig {
    if let Some(node) = section.get("kind")
        && let Some(kind) = node.text()
        && kind != "memory"
    {
        let help = match names::nearest(kind, ["memory"]) {
            Some(_) => "did you mean \"memory\"?",
            None => "\"memory\" is the only kind for now; it forgets its events when the router ends",
        };
        node.refuse::<()>("not a kind of store", help);
    }
    let defaults = MemoryLimits::default();
    let events = section.get("max_events").and_then(|node| node.count(u32::MAX));
    let events = events.and_then(|events| usize::try_from(events).ok());
    StoreConfig {
        events: events.unwrap_or(defaults.events),
        bytes: section
            .get("max_bytes")
            .and_then(|node| node.size(1..=LARGEST_STORE))
            .unwrap_or(defaults.bytes),
    }
}

/// As the XDG base directory specification says: relative paths are to be ignored.
fn user_cache(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let cache = xdg
        .and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(".cache")))?;
    Some(cache.join("patchpanel"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_users_cache_directory() {
        for (xdg, home, expected) in [
            (Some("/x"), Some("/h"), Some("/x/patchpanel")),
            (Some("x"), Some("/h"), Some("/h/.cache/patchpanel")),
            (None, Some("/h"), Some("/h/.cache/patchpanel")),
            (None, Some(""), None),
            (None, None, None),
        ] {
            let found = user_cache(xdg.map(Into::into), home.map(Into::into));
            assert_eq!(found, expected.map(Into::into), "{xdg:?} {home:?}");
        }
    }
}
