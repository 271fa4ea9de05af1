//! `[plugins]`: what there is to be used, and what it may use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchpanel_runtime::{DirectoryGrant, Grants, Isolation, LimitSettings, PluginSpec, Shadowing, UnitSpec};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::allow::{Sources, grants, secrets};
use super::node::{Node, Section};
use super::settings::Settings;
use super::{messages, names};

/// A page of WebAssembly memory, below which nothing runs, and all that 32 bits address.
const MEMORY: std::ops::RangeInclusive<u64> = 64 << 10..=4 << 30;
/// What is less holds no call; what is more would not fit into the threads that run guests.
const STACK: std::ops::RangeInclusive<u64> = 64 << 10..=1 << 20;
/// Other sizes that a plugin is limited to.
const SIZES: std::ops::RangeInclusive<u64> = 1..=4 << 30;
/// The runtime's default for channels.
const CHANNEL_DEADLINE: Duration = Duration::from_secs(30);

/// All plugins that may be referred to.
#[derive(Clone, Debug)]
pub(super) struct Plugins {
    /// Those that have a section, in the order of the text, and then those without one that are used.
    specs: Vec<PluginSpec>,
    /// `config` of those that have one.
    configs: BTreeMap<String, Map<String, Value>>,
    /// Names of components: bundled ones, and files in the plugins directory.
    components: BTreeSet<String>,
    directory: PathBuf,
    /// As messages name it.
    shown_directory: String,
    data_dir: PathBuf,
}

impl Plugins {
    pub(super) fn read(root: &Section<'_>, settings: &Settings, base: &Path, bundled: &[&str]) -> Plugins {
        let files = component_files(&settings.plugins_dir);
        let shown = settings.plugins_dir.strip_prefix(base).unwrap_or(&settings.plugins_dir);
        let mut plugins = Plugins {
            specs: Vec::new(),
            configs: BTreeMap::new(),
            components: bundled.iter().map(|name| (*name).to_owned()).chain(files).collect(),
            directory: settings.plugins_dir.clone(),
            shown_directory: shown.display().to_string(),
            data_dir: settings.data_dir.clone(),
        };
        let commands = root
            .get("secret_commands")
            .and_then(|node| node.flag())
            .unwrap_or(false);
        let secrets = root.section("secrets", |section| secrets(section, base, commands));
        let sources = Sources {
            mail: messages::mail(root, &secrets, base),
            notify: root.section("notify", messages::notify),
            secrets,
            base,
        };
        if let Some(node) = root.get("plugins") {
            node.section(|section| {
                for entry in section.entries() {
                    if !names::is_name(entry.name) {
                        entry.key.refuse::<()>("not a name", names::rule());
                    }
                    entry
                        .value
                        .section(|section| plugins.read_one(&entry.key, entry.name, section, &sources));
                }
            });
        }
        plugins
    }

    fn read_one(&mut self, key: &Node<'_>, name: &str, section: &Section<'_>, sources: &Sources<'_>) {
        let from = section.get("from");
        let optional = section.get("optional").and_then(|node| node.flag()).unwrap_or(false);
        let component = match &from {
            Some(node) => node.name(),
            None => Some(name),
        };
        if let Some(component) = component
            && !optional
            && !self.components.contains(component)
        {
            self.refuse_component::<()>(from.as_ref().unwrap_or(key), component);
        }
        let component = component.unwrap_or(name);
        let words = [
            ("warm", Isolation::Warm),
            ("per-batch", Isolation::PerBatch),
            ("per-event", Isolation::PerEvent),
        ];
        let isolation = section.get("isolation").and_then(|node| node.choice(&words));
        let limits = section.section("limits", |section| {
            section.gone("http_body", "write http_request_body, http_response_body or both");
            limits(section)
        });
        let grants = section.section("allow", |allow| grants(allow, self.default_grants(component), sources));
        if let Some(config) = section.get("config").and_then(|node| node.json_object()) {
            self.configs.insert(name.to_owned(), config);
        }
        self.specs.push(PluginSpec {
            name: name.to_owned(),
            from: component.to_owned(),
            optional,
            sha256: section.get("sha256").and_then(|node| sha256(&node)),
            shadow: section.get("shadow").and_then(|node| shadow(&node)),
            isolation: isolation.unwrap_or_default(),
            limits,
            grants,
        });
    }

    /// The plugin that a use names: one that has a section, or else a component of that name.
    pub(super) fn refer(&mut self, node: &Node<'_>) -> Option<String> {
        let name = node.name()?;
        if !self.specs.iter().any(|spec| spec.name == name) {
            if !self.components.contains(name) {
                return self.refuse_component(node, name);
            }
            let spec = PluginSpec {
                name: name.to_owned(),
                from: name.to_owned(),
                grants: self.default_grants(name),
                ..PluginSpec::default()
            };
            self.specs.push(spec);
        }
        Some(name.to_owned())
    }

    /// What a use of the plugin is configured with: `own` keys win over those of the plugin's section.
    pub(super) fn config(&self, plugin: &str, own: Map<String, Value>) -> Value {
        let mut config = self.configs.get(plugin).cloned().unwrap_or_default();
        config.extend(own);
        Value::Object(config)
    }

    /// How long one call of a channel plugin may take.
    pub(super) fn channel_deadline(&self, plugin: &str) -> Duration {
        let spec = self.specs.iter().find(|spec| spec.name == plugin);
        spec.and_then(|spec| spec.limits.deadline).unwrap_or(CHANNEL_DEADLINE)
    }

    /// The plugins that these are uses of.
    pub(super) fn used_by(&self, units: &[UnitSpec]) -> Vec<PluginSpec> {
        let used: BTreeSet<&str> = units.iter().map(|unit| unit.plugin.as_str()).collect();
        let used = |spec: &&PluginSpec| used.contains(spec.name.as_str());
        self.specs.iter().filter(used).cloned().collect()
    }

    /// Takes up components that have come since the file was read; those that have gone may still be in service.
    pub(super) fn look_again(&mut self) {
        self.components.extend(component_files(&self.directory));
    }

    fn refuse_component<T>(&self, node: &Node<'_>, name: &str) -> Option<T> {
        let known = self
            .specs
            .iter()
            .map(|spec| spec.name.as_str())
            .chain(self.components.iter().map(String::as_str));
        let near = names::nearest(name, known);
        let meant = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let help = format!(
            "{meant}`{name}` is not bundled, and there is no {}/{name}.wasm",
            self.shown_directory
        );
        node.lacks(format!("there is no plugin `{name}`"), help)
    }

    /// What the bundled plugins could not work without; and `kv`, which is private to each use, to all of them that ask for it.
    fn default_grants(&self, component: &str) -> Grants {
        let mut grants = Grants::default();
        match component {
            "console" => grants.stdout = true,
            "changed" | "dedupe" | "digest" | "discord" | "email" | "ntfy" | "pagerduty" | "slack" | "teams"
            | "telegram" => grants.kv = true,
            "log" => grants.directories.push(DirectoryGrant {
                path: self.data_dir.clone(),
                writable: true,
                shown_as: "/".to_owned(),
            }),
            _ => {}
        }
        grants
    }
}

/// The names of all `NAME.wasm` in the directory. A directory that is not there is empty.
fn component_files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let name = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.strip_suffix(".wasm")?;
        (names::is_name(name) && path.is_file()).then(|| name.to_owned())
    };
    entries.filter_map(|entry| name(entry.path())).collect()
}

fn sha256(node: &Node<'_>) -> Option<String> {
    let text = node.text()?.to_ascii_lowercase();
    match text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Some(text),
        false => node.refuse(
            "not a SHA-256",
            "write its 64 hexadecimal digits, as `sha256sum FILE` prints them",
        ),
    }
}

/// `true`, or after how many equal answers the new revision takes over.
fn shadow(node: &Node<'_>) -> Option<Shadowing> {
    match node.value {
        DeValue::Table(_) => node.section(|section| {
            let after = section.get("promote_after").and_then(|node| node.count(u32::MAX));
            after.map_or(Shadowing::ByHand, |count| Shadowing::After(u64::from(count)))
        }),
        _ => node.flag()?.then_some(Shadowing::ByHand),
    }
}

fn limits(section: &Section<'_>) -> LimitSettings {
    let size = |key| section.get(key).and_then(|node| node.size(SIZES));
    let count = |key| section.get(key).and_then(|node| node.count(u32::MAX));
    let many = |key| count(key).and_then(|count| usize::try_from(count).ok());
    let time = |key| {
        let node = section.get(key);
        node.and_then(|node| node.duration(Duration::from_millis(1)))
    };
    let bounded = |key, bounds| section.get(key).and_then(|node| node.size(bounds));
    LimitSettings {
        memory: bounded("memory", MEMORY),
        table_elements: many("table_elements"),
        instances: many("instances"),
        memories: many("memories"),
        tables: many("tables"),
        stack: bounded("stack", STACK),
        deadline: time("deadline"),
        item_deadline: time("item_deadline"),
        output: size("output"),
        log_lines: count("log_lines"),
        log_bytes: size("log_bytes"),
        log_line_bytes: size("log_line_bytes"),
        http_requests: count("http_requests"),
        http_concurrency: count("http_concurrency"),
        http_request_body: size("http_request_body"),
        http_response_body: size("http_response_body"),
        kv_keys: many("kv_keys"),
        kv_bytes: size("kv_bytes"),
        mails: count("mails"),
        notifications: count("notifications"),
        recycle_after: count("recycle_after").map(u64::from),
        recycle_memory: bounded("recycle_memory", MEMORY),
        recycle_age: time("recycle_age"),
    }
}
