//! Pages of `docs/transforms`: what they show is what the tests run.

use std::path::Path;

use serde_json::Value;

/// The fenced blocks of a page.
pub struct Page {
    name: String,
    /// Language and text.
    blocks: Vec<(String, String)>,
}

impl Page {
    /// The page about this transform.
    pub fn about(transform: &str) -> Page {
        let file = format!("docs/transforms/{transform}.md");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = std::fs::read_to_string(root.join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        // Every other piece stands between fences.
        let inside = text.split("\n```").skip(1).step_by(2);
        let block = |inside: &str| {
            let (language, text) = inside.split_once('\n').expect("a fence ends its line");
            (language.to_owned(), format!("{text}\n"))
        };
        Page {
            name: file,
            blocks: inside.map(block).collect(),
        }
    }

    /// The only block in this language.
    pub fn block(&self, language: &str) -> &str {
        let mut found = self.blocks.iter().filter(|(known, _)| known == language);
        match (found.next(), found.next()) {
            (Some((_, text)), None) => text,
            _ => panic!("{} has not one block in {language}", self.name),
        }
    }

    /// The configuration, with some of its text replaced: what takes minutes for people takes seconds in tests.
    pub fn config(&self, replacements: &[(&str, &str)]) -> String {
        let mut config = self.block("toml").to_owned();
        for (old, new) in replacements {
            assert!(
                config.contains(old),
                "{} has no `{old}` in its configuration",
                self.name
            );
            config = config.replace(old, new);
        }
        config
    }

    /// The events before and after, in the order of the page.
    pub fn events(&self) -> Vec<Value> {
        let blocks = self.blocks.iter().filter(|(language, _)| language == "json");
        blocks
            .map(|(_, text)| serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", self.name)))
            .collect()
    }
}
