//! `[plugins]` and `[secrets]`: what there is to be used, and what it may do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchpanel_runtime::{Grants, HttpGrant, LimitSettings, PluginSpec, SecretSource, Shadowing, UnitSpec};
use serde_json::{Map, Value};
use toml::de::DeValue;

use super::names;
use super::node::{Node, Section};
use super::settings::Settings;

/// A page of WebAssembly memory, below which nothing runs, and all that 32 bits address.
const MEMORY: std::ops::RangeInclusive<u64> = 64 << 10..=4 << 30;
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
        let secrets = root.section("secrets", |section| secrets(section, base));
        if let Some(node) = root.get("plugins") {
            node.section(|section| {
                for entry in section.entries() {
                    if !names::is_name(entry.name) {
                        entry.key.refuse::<()>("not a name", names::rule());
                    }
                    entry
                        .value
                        .section(|section| plugins.read_one(&entry.key, entry.name, section, &secrets, base));
                }
            });
        }
        plugins
    }

    fn read_one(&mut self, key: &Node<'_>, name: &str, section: &Section<'_>, secrets: &Secrets, base: &Path) {
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
        let limits = section.section("limits", limits);
        let grants = section.section("allow", |allow| {
            grants(allow, self.default_grants(component), secrets, base)
        });
        if let Some(config) = section.get("config").and_then(|node| node.json_object()) {
            self.configs.insert(name.to_owned(), config);
        }
        self.specs.push(PluginSpec {
            name: name.to_owned(),
            from: component.to_owned(),
            optional,
            sha256: section.get("sha256").and_then(|node| sha256(&node)),
            shadow: section.get("shadow").and_then(|node| shadow(&node)),
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

    /// What the bundled plugins could not work without.
    fn default_grants(&self, component: &str) -> Grants {
        let mut grants = Grants::default();
        match component {
            "console" => grants.stdout = true,
            "log" => grants.directory = Some(self.data_dir.clone()),
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

/// By name; `None` where the reference is wrong, so that whoever grants it is not told that it does not exist.
type Secrets = BTreeMap<String, Option<SecretSource>>;

fn secrets(section: &Section<'_>, base: &Path) -> Secrets {
    let entries = section.entries();
    let read = |entry: super::node::Entry<'_>| {
        if !names::is_name(entry.name) {
            entry.key.refuse::<()>("not a name", names::rule());
        }
        // It may be the secret itself.
        entry.value.hide();
        (entry.name.to_owned(), secret(&entry.value, base))
    };
    entries.into_iter().map(read).collect()
}

fn secret(node: &Node<'_>, base: &Path) -> Option<SecretSource> {
    let refuse = |help: String| node.refuse("not a reference to a secret", help);
    match SecretSource::parse(node.text()?) {
        Ok(SecretSource::File(path)) => Some(SecretSource::File(base.join(path))),
        // What is no name could be a secret, and the name of a variable that is not set is shown.
        Ok(SecretSource::Env(variable)) if !is_variable(&variable) => {
            refuse("behind `env:` stands the name of an environment variable: letters, digits and `_`".to_owned())
        }
        Ok(source) => Some(source),
        Err(help) => refuse(help),
    }
}

fn is_variable(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(inside) && !name.starts_with(|first: char| first.is_ascii_digit())
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
    LimitSettings {
        memory: section.get("memory").and_then(|node| node.size(MEMORY)),
        deadline: section
            .get("deadline")
            .and_then(|node| node.duration(Duration::from_millis(1))),
        output: size("output"),
        table_elements: count("table_elements").and_then(|count| usize::try_from(count).ok()),
        log_lines: count("log_lines"),
        log_line_bytes: size("log_line_bytes"),
        http_body: size("http_body"),
        recycle_after: count("recycle_after").map(u64::from),
    }
}

fn grants(section: &Section<'_>, defaults: Grants, secrets: &Secrets, base: &Path) -> Grants {
    let flag = |key, default| section.get(key).and_then(|node| node.flag()).unwrap_or(default);
    // Somebody may have put secrets here: as such, in URLs, as values of variables.
    let texts = |key| {
        let node = section.get(key).inspect(Node::hide);
        node.map(|node| node.texts()).unwrap_or_default()
    };
    Grants {
        http: texts("http")
            .iter()
            .filter_map(|(node, rule)| http_grant(node, rule))
            .collect(),
        private_addresses: flag("private_addresses", defaults.private_addresses),
        secrets: texts("secrets")
            .iter()
            .filter_map(|(node, name)| secret_grant(node, name, secrets))
            .collect(),
        directory: section
            .get("directory")
            .and_then(|node| node.path(base))
            .or(defaults.directory),
        env: texts("env")
            .iter()
            .filter_map(|(node, name)| variable_grant(node, name))
            .collect(),
        stdout: flag("stdout", defaults.stdout),
        log: flag("log", defaults.log),
    }
}

fn http_grant(node: &Node<'_>, rule: &str) -> Option<HttpGrant> {
    HttpGrant::parse(rule).map_or_else(|help| node.refuse("not a rule for requests", help), Some)
}

fn secret_grant(node: &Node<'_>, name: &str, secrets: &Secrets) -> Option<(String, SecretSource)> {
    match secrets.get(name) {
        Some(source) => source.clone().map(|source| (name.to_owned(), source)),
        None => {
            let help = match names::nearest(name, secrets.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name one here, and write NAME = \"env:VARIABLE\" or \"file:/path\" in [secrets]".to_owned(),
            };
            node.lacks("not the name of a secret", help)
        }
    }
}

fn variable_grant(node: &Node<'_>, name: &str) -> Option<String> {
    if is_variable(name) {
        return Some(name.to_owned());
    }
    node.refuse(
        "not the name of an environment variable",
        "name variables here; their values come from the router's own environment",
    )
}
