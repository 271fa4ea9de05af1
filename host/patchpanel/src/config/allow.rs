//! `[secrets]` and `[plugins.NAME.allow]`: what a plugin may be given.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use patchpanel_runtime::{
    DirectoryGrant, FillGrant, Grants, HttpRule, MailGrant, MailServer, NotifyTarget, Recipient, SecretSource,
};
use toml::de::DeValue;

use super::names;
use super::node::{Entry, Node, Section};

/// By name; `None` where the reference is wrong, so that whoever grants it is not told that it does not exist.
pub(super) type Secrets = BTreeMap<String, Option<SecretSource>>;

/// `commands`: whether secrets may come from commands.
pub(super) fn secrets(section: &Section<'_>, base: &Path, commands: bool) -> Secrets {
    let entries = section.entries();
    let read = |entry: Entry<'_>| {
        if !names::is_name(entry.name) {
            entry.key.refuse::<()>("not a name", names::rule());
        }
        // It may be the secret itself.
        entry.value.hide();
        (entry.name.to_owned(), secret(&entry.value, base, commands))
    };
    entries.into_iter().map(read).collect()
}

fn secret(node: &Node<'_>, base: &Path, commands: bool) -> Option<SecretSource> {
    let refuse = |help: String| node.refuse("not a reference to a secret", help);
    match SecretSource::parse(node.text()?) {
        Ok(SecretSource::File(path)) => Some(SecretSource::File(base.join(path))),
        // What is no name could be a secret, and the name of a variable that is not set is shown.
        Ok(SecretSource::Env(variable)) if !is_variable(&variable) => {
            refuse("behind `env:` stands the name of an environment variable: letters, digits and `_`".to_owned())
        }
        Ok(SecretSource::Command(_)) if !commands => refuse(
            "commands are off: write `secret_commands = true` at the top of the file to let the router run them"
                .to_owned(),
        ),
        Ok(source) => Some(source),
        Err(help) => refuse(help),
    }
}

fn is_variable(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(inside) && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// What grants refer to.
pub(super) struct Sources<'b> {
    pub(super) secrets: Secrets,
    pub(super) mail: Option<Arc<MailServer>>,
    pub(super) notify: NotifyTarget,
    /// From which paths count.
    pub(super) base: &'b Path,
}

pub(super) fn grants(section: &Section<'_>, defaults: Grants, sources: &Sources<'_>) -> Grants {
    let secrets = &sources.secrets;
    let flag = |key, default| section.get(key).and_then(|node| node.flag()).unwrap_or(default);
    // Somebody may have put secrets here: as such, in URLs, as values of variables.
    let hidden = |key| section.get(key).inspect(Node::hide);
    let texts = |key| hidden(key).map(|node| node.texts()).unwrap_or_default();
    section.gone("directory", "write directories = [\"...\"]");
    Grants {
        http: rules(texts("http")),
        private_addresses: flag("private_addresses", defaults.private_addresses),
        secrets: texts("secrets")
            .iter()
            .filter_map(|(node, name)| Some(((*name).to_owned(), granted(node, name, secrets)?)))
            .collect(),
        secrets_for_http: hidden("secrets_for_http")
            .and_then(|node| node.section(|section| fills(section, secrets)))
            .unwrap_or_default(),
        directories: section
            .get("directories")
            .map_or(defaults.directories, |node| directories(&node, sources.base)),
        env: texts("env")
            .iter()
            .filter_map(|(node, name)| variable(node, name))
            .collect(),
        kv: flag("kv", defaults.kv),
        stdout: flag("stdout", defaults.stdout),
        mail: section.get("mail").and_then(|node| mail(&node, sources)),
        notify: flag("notify", false).then(|| sources.notify.clone()),
        log: flag("log", defaults.log),
    }
}

fn rules(texts: Vec<(Node<'_>, &str)>) -> Vec<HttpRule> {
    let rule = |(node, text): (Node<'_>, &str)| {
        HttpRule::parse(text).map_or_else(|help| node.refuse("not a rule for requests", help), Some)
    };
    texts.into_iter().filter_map(rule).collect()
}

/// Names of secrets, each with the requests that it may be part of.
fn fills(section: &Section<'_>, secrets: &Secrets) -> BTreeMap<String, FillGrant> {
    let read = |entry: Entry<'_>| {
        let source = granted(&entry.key, entry.name, secrets)?;
        let to = rules(entry.value.texts());
        Some((entry.name.to_owned(), FillGrant { source, to }))
    };
    section.entries().into_iter().filter_map(read).collect()
}

pub(super) fn granted(node: &Node<'_>, name: &str, secrets: &Secrets) -> Option<SecretSource> {
    match secrets.get(name) {
        Some(source) => source.clone(),
        None => {
            let help = match names::nearest(name, secrets.keys().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name one here, and write NAME = \"env:VARIABLE\" or \"file:/path\" in [secrets]".to_owned(),
            };
            node.lacks("not the name of a secret", help)
        }
    }
}

/// `true` for everybody, or a list of recipients.
fn mail(node: &Node<'_>, sources: &Sources<'_>) -> Option<MailGrant> {
    let everybody = || Recipient::parse("*").ok().into_iter().collect();
    let recipients: Vec<Recipient> = match node.value {
        DeValue::Array(_) => {
            let recipient = |(node, text): (Node<'_>, &str)| {
                Recipient::parse(text).map_or_else(|help| node.refuse("not a recipient", help), Some)
            };
            node.texts().into_iter().filter_map(recipient).collect()
        }
        _ if node.flag()? => everybody(),
        _ => return None,
    };
    match &sources.mail {
        Some(server) => Some(MailGrant {
            server: server.clone(),
            recipients,
        }),
        None => node.lacks("there is no mail server", "add [mail] with host = \"mail.example.com\""),
    }
}

fn directories(node: &Node<'_>, base: &Path) -> Vec<DirectoryGrant> {
    let mut granted: Vec<DirectoryGrant> = Vec::new();
    for item in node.list().unwrap_or_default() {
        let Some(directory) = directory(&item, base) else {
            continue;
        };
        if granted.iter().any(|other| other.shown_as == directory.shown_as) {
            let help = format!("give each an `as` of its own; `{}` is taken", directory.shown_as);
            item.refuse::<()>("a second directory in the same place", help);
        }
        granted.push(directory);
    }
    granted
}

/// A path alone is a directory to write to, which the plugin sees as its root.
fn directory(node: &Node<'_>, base: &Path) -> Option<DirectoryGrant> {
    if !matches!(node.value, DeValue::Table(_)) {
        return Some(DirectoryGrant {
            path: node.path(base)?,
            writable: true,
            shown_as: "/".to_owned(),
        });
    }
    node.section(|section| {
        let path = section
            .require("path", "\"directory\"")
            .and_then(|node| node.path(base));
        let mode = section
            .get("mode")
            .map(|node| node.choice(&[("read", false), ("write", true)]));
        let shown_as = section.get("as").map(|node| place(&node));
        Some(DirectoryGrant {
            path: path?,
            writable: mode.unwrap_or(Some(false))?,
            shown_as: shown_as.unwrap_or_else(|| Some("/".to_owned()))?,
        })
    })
    .flatten()
}

/// Where a plugin sees a directory.
fn place(node: &Node<'_>) -> Option<String> {
    let text = node.text()?;
    let names = text.strip_prefix('/').map(|names| names.split('/'));
    let named = |mut names: std::str::Split<'_, char>| names.all(|name| !matches!(name, "" | "." | ".."));
    if text == "/" || names.is_some_and(named) {
        return Some(text.to_owned());
    }
    node.refuse(
        "not a place for a directory",
        "write \"/\" or names behind it, such as \"/in\"",
    )
}

fn variable(node: &Node<'_>, name: &str) -> Option<String> {
    if is_variable(name) {
        return Some(name.to_owned());
    }
    node.refuse(
        "not the name of an environment variable",
        "name variables here; their values come from the router's own environment",
    )
}
