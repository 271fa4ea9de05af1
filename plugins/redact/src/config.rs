//! What the operator may say; the table is in the crate's documentation.

use crate::class::{Class, Classes};
use crate::key::Names;
use crate::own::{Matcher, Own};
use crate::path::Pattern;
use crate::style::{Style, Styles};
use patchpanel_plugin::{ConfigError, secrets};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The configuration as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    classes: Option<Vec<Class>>,
    style: Style,
    styles: BTreeMap<Class, Style>,
    hash_key: Option<HashKey>,
    secret_names: Vec<String>,
    words: Vec<Words>,
    patterns: Vec<Regexp>,
    exclude: Exclude,
    rules: Vec<Rule>,
}

/// The key itself, or the name of a secret that is one.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a string or { secret = \"name\" }"
)]
enum HashKey {
    Literal(String),
    Secret { secret: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    label: String,
    words: Vec<String>,
    #[serde(default)]
    case_sensitive: bool,
    style: Option<Style>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Regexp {
    label: String,
    pattern: String,
    #[serde(default)]
    unicode: bool,
    style: Option<Style>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Exclude {
    paths: Vec<String>,
    values: Vec<String>,
}

/// What is different for texts at some paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    paths: Vec<String>,
    classes: Option<Vec<Class>>,
    style: Option<Style>,
    #[serde(default)]
    styles: BTreeMap<Class, Style>,
}

/// The configuration as needed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) profile: Profile,
    pub(crate) rules: Vec<(Vec<Pattern>, Profile)>,
    pub(crate) hash_key: Option<Vec<u8>>,
    pub(crate) names: Arc<Names>,
    pub(crate) own: Arc<Own>,
    pub(crate) excluded_paths: Vec<Pattern>,
    pub(crate) excluded_values: Vec<String>,
}

/// What is looked for, and what becomes of it.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) classes: Classes,
    pub(crate) styles: Styles,
}

/// Fewer bytes of key can be tried out, together with all addresses of a company.
const SHORTEST_KEY: usize = 16;
/// The router counts no longer ones, and none with other characters.
const LONGEST_LABEL: usize = 32;
const MOST_OWN: usize = 256;

impl Config {
    pub(crate) fn check(self) -> Result<Settings, Vec<ConfigError>> {
        let mut errors = Vec::new();
        check_classes(self.classes.as_deref(), "classes", &mut errors);
        check_texts(&self.exclude.paths, "exclude.paths", &mut errors);
        check_texts(&self.exclude.values, "exclude.values", &mut errors);
        check_texts(&self.secret_names, "secret_names", &mut errors);
        let (matchers, own_styles) = self.own(&mut errors);

        let mut styles = Styles::new(self.style, own_styles);
        styles.set(&self.styles);
        let profile = Profile {
            classes: self
                .classes
                .map_or(Classes::ALL, |classes| classes.into_iter().collect()),
            styles,
        };
        let mut rules = Vec::new();
        for (index, rule) in self.rules.into_iter().enumerate() {
            let place = format!("rules.{index}");
            if rule.paths.is_empty() {
                errors.push(ConfigError::new(
                    format!("{place}.paths"),
                    "must not be empty: a rule is for some paths",
                ));
            }
            check_texts(&rule.paths, &format!("{place}.paths"), &mut errors);
            check_classes(rule.classes.as_deref(), &format!("{place}.classes"), &mut errors);
            let paths = rule.paths.iter().map(|path| Pattern::new(path)).collect();
            rules.push((paths, rule.over(&profile)));
        }

        let profiles = || rules.iter().map(|(_, profile)| profile).chain([&profile]);
        let keyed = profiles().any(|profile| profile.styles.need_key());
        let hash_key = match (keyed, self.hash_key) {
            (true, Some(key)) => key.resolve().map_err(|error| errors.push(error)).ok(),
            (true, None) => {
                errors.push(ConfigError::new(
                    "hash_key",
                    "is needed for the styles `hash` and `token`: without a key, they can be reversed by trying",
                ));
                None
            }
            (false, _) => None,
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Settings {
            names: Arc::new(Names::new(&self.secret_names, profile.styles.own_labels())),
            profile,
            rules,
            hash_key,
            own: Arc::new(Own::new(matchers)),
            excluded_paths: self.exclude.paths.iter().map(|path| Pattern::new(path)).collect(),
            excluded_values: self.exclude.values,
        })
    }

    /// The operator's own words and patterns, and the label and style of each.
    fn own(&self, errors: &mut Vec<ConfigError>) -> (Vec<Matcher>, Vec<(&'static str, Style)>) {
        let (mut matchers, mut styles) = (Vec::new(), Vec::new());
        if self.words.len() + self.patterns.len() > MOST_OWN {
            errors.push(ConfigError::new(
                "words",
                format!("`words` and `patterns` must have no more than {MOST_OWN} entries together"),
            ));
            return (matchers, styles);
        }
        let mut add =
            |place: String, key: &str, label: &str, style: Option<Style>, made: Result<Matcher, regex::Error>| {
                if !is_label(label) {
                    errors.push(ConfigError::new(
                        format!("{place}.label"),
                        format!(
                            "must be 1 to {LONGEST_LABEL} small letters and dashes, a letter first, and no class's name"
                        ),
                    ));
                }
                match made {
                    Ok(matcher) => {
                        matchers.push(matcher);
                        // Edits carry labels that live as long as the plugin, which configures once.
                        styles.push((&*label.to_owned().leak(), style.unwrap_or(self.style)));
                    }
                    Err(error) => errors.push(ConfigError::new(format!("{place}.{key}"), error.to_string())),
                }
            };
        for (index, entry) in self.words.iter().enumerate() {
            let made = Matcher::words(&entry.words, entry.case_sensitive);
            add(format!("words.{index}"), "words", &entry.label, entry.style, made);
        }
        for (index, entry) in self.patterns.iter().enumerate() {
            let made = Matcher::pattern(&entry.pattern, entry.unicode);
            add(format!("patterns.{index}"), "pattern", &entry.label, entry.style, made);
        }
        for (index, entry) in self.words.iter().enumerate() {
            if entry.words.is_empty() {
                errors.push(ConfigError::new(format!("words.{index}.words"), "must not be empty"));
            }
            check_texts(&entry.words, &format!("words.{index}.words"), errors);
        }
        (matchers, styles)
    }
}

impl Rule {
    /// What the rule does not say is as everywhere.
    fn over(self, everywhere: &Profile) -> Profile {
        let mut styles = everywhere.styles.clone();
        if let Some(style) = self.style {
            styles.set_all(style);
        }
        styles.set(&self.styles);
        Profile {
            classes: self
                .classes
                .map_or(everywhere.classes, |classes| classes.into_iter().collect()),
            styles,
        }
    }
}

fn check_classes(classes: Option<&[Class]>, place: &str, errors: &mut Vec<ConfigError>) {
    if classes.is_some_and(<[Class]>::is_empty) {
        errors.push(ConfigError::new(
            place,
            "must not be empty: leave it out for all classes",
        ));
    }
}

fn check_texts(texts: &[String], place: &str, errors: &mut Vec<ConfigError>) {
    for (index, _) in texts
        .iter()
        .enumerate()
        .filter(|(_, text)| text.is_empty() || *text == "*")
    {
        errors.push(ConfigError::new(
            format!("{place}.{index}"),
            "must not be empty, or it would mean everything",
        ));
    }
}

fn is_label(label: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    (1..=LONGEST_LABEL).contains(&label.len())
        && label.starts_with(|first: char| first.is_ascii_lowercase())
        && label.bytes().all(is_sign)
        && label != "redacted"
        && Class::ALL.iter().all(|class| class.name() != label)
}

impl HashKey {
    fn resolve(self) -> Result<Vec<u8>, ConfigError> {
        let (key, path) = match self {
            Self::Literal(key) => (key, "hash_key"),
            Self::Secret { secret } => (
                secrets::get(&secret).map_err(|error| ConfigError::new("hash_key.secret", error.to_string()))?,
                "hash_key.secret",
            ),
        };
        if key.len() < SHORTEST_KEY {
            return Err(ConfigError::new(
                path,
                format!("must have at least {SHORTEST_KEY} bytes"),
            ));
        }
        Ok(key.into_bytes())
    }
}
