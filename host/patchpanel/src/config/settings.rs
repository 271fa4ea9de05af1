//! What is not about plugins and routes: directories, `[server]`, `[limits]`, `[store]`.

use std::env;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchpanel_event::Limits;
use patchpanel_runtime::{Trust, TrustedKey};

use super::model::{CompileLimits, Server, StoreConfig};
use super::node::{Node, Section};
use super::quantity::size_text;

/// Where the router listens unless told otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7077);
const DRAIN: Duration = Duration::from_secs(30);
/// Without so much, not even the engine starts.
const COMPILE_MEMORY: std::ops::RangeInclusive<u64> = 256 << 20..=1 << 40;
const MAX_BODY: usize = 16 << 20;
/// Largest event and largest request: both are held in memory as a whole.
const LARGEST_BODY: u64 = 1 << 30;
/// Deepest nesting that serde_json reads; filters have it read an event's payload.
const DEEPEST: u32 = 127;
/// The store's file, unless told otherwise.
const STORE_FILE: &str = "patchpanel.db";
/// What can be stored: less than the smallest would not hold one event of the default size, and the largest is beyond
/// any disk.
const STORE: std::ops::RangeInclusive<u64> = 1 << 20..=1 << 50;
const KEEP_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Bytes of settled events and bytes in all: on disk, and in memory.
const ON_DISK: (u64, u64) = (10 << 30, 20 << 30);
const IN_MEMORY: (u64, u64) = (64 << 20, 512 << 20);

pub(super) struct Settings {
    pub(super) plugins_dir: PathBuf,
    /// What the bundled `log` plugin is granted.
    pub(super) data_dir: PathBuf,
    pub(super) cache_dir: Option<PathBuf>,
    pub(super) compile: CompileLimits,
    pub(super) trust: Trust,
    pub(super) server: Server,
    pub(super) limits: Limits,
    pub(super) store: StoreConfig,
}

impl Settings {
    pub(super) fn read(root: &Section<'_>, base: &Path) -> Settings {
        let path = |key| root.get(key).and_then(|node| node.path(base));
        Settings {
            plugins_dir: path("plugins_dir").unwrap_or_else(|| base.join("plugins.d")),
            data_dir: path("data_dir").unwrap_or_else(|| base.to_owned()),
            cache_dir: path("cache_dir").or_else(user_cache),
            compile: root.section("compile", compile),
            trust: trust(root),
            server: root.section("server", server),
            limits: root.section("limits", limits),
            store: root.section("store", |section| store(section, base)),
        }
    }
}

fn compile(section: &Section<'_>) -> CompileLimits {
    let memory = section.get("memory").and_then(|node| node.size(COMPILE_MEMORY));
    let time = section
        .get("time")
        .and_then(|node| node.duration(Duration::from_millis(1)));
    let defaults = CompileLimits::default();
    CompileLimits {
        memory: memory
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(defaults.memory),
        time: time.unwrap_or(defaults.time),
    }
}

fn trust(root: &Section<'_>) -> Trust {
    let keys = root.get("trusted_keys").map(|node| node.texts()).unwrap_or_default();
    let key = |(node, text): &(Node<'_>, &str)| match TrustedKey::parse(text) {
        Ok(key) => Some(key),
        Err(help) => node.refuse("not a public key", help),
    };
    Trust {
        keys: keys.iter().filter_map(key).collect(),
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

fn store(section: &Section<'_>, base: &Path) -> StoreConfig {
    section.gone(
        "max_events",
        "the store is bounded by bytes: write disk_budget = \"20GiB\"",
    );
    section.gone("max_bytes", "write disk_budget, and retention.size for what is settled");
    let kinds = [("sqlite", true), ("memory", false)];
    let on_disk = section.get("kind").and_then(|node| node.choice(&kinds)).unwrap_or(true);
    let path = section.get("path");
    let path = match path {
        Some(node) if !on_disk => node.refuse("means nothing to a store in memory", "leave it out"),
        Some(node) => node.path(base),
        None => Some(base.join(STORE_FILE)),
    };
    let (kept, whole) = if on_disk { ON_DISK } else { IN_MEMORY };
    let size = |section: &Section<'_>, key| {
        let size = section.get(key).and_then(|node| node.size(STORE));
        size.and_then(|bytes| u64::try_from(bytes).ok())
    };
    section.get("when_full").and_then(|node| node.choice(&[("refuse", ())]));
    let budget = size(section, "disk_budget").unwrap_or(whole);
    let (keep_for, keep_bytes) = section.section("retention", |retention| {
        let age = retention.get("age").and_then(|node| node.duration(Duration::ZERO));
        let bytes = size(retention, "size");
        if bytes.is_some_and(|bytes| bytes > budget) {
            let help = format!("make `disk_budget` larger; it is \"{}\" here", size_text(budget));
            retention.lacks::<()>(
                "`size`, for what is settled, is more than the store may take in all",
                help,
            );
        }
        (age.unwrap_or(KEEP_FOR), bytes.unwrap_or(kept.min(budget / 2)))
    });
    StoreConfig {
        path: path.filter(|_| on_disk),
        keep_for,
        keep_bytes,
        budget,
    }
}

/// Where this user's compiled plugins are kept unless told otherwise.
pub(crate) fn user_cache() -> Option<PathBuf> {
    cache_of(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
}

/// As the XDG base directory specification says: relative paths are to be ignored.
fn cache_of(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
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
            let found = cache_of(xdg.map(Into::into), home.map(Into::into));
            assert_eq!(found, expected.map(Into::into), "{xdg:?} {home:?}");
        }
    }
}
