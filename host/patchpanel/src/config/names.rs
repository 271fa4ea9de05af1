//! Names: which are allowed, which are taken, and which was meant.

use std::collections::BTreeMap;

use super::node::Node;

/// How alike two names must be before one is suggested for the other.
const ALIKE: f64 = 0.8;
/// Most names that a suggestion lists.
const LISTED: usize = 20;
/// Bytes of a name.
const LONGEST: usize = 64;

/// The known name that somebody who wrote `name` most likely meant.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?", or else all that would have been accepted; empty if nothing would.
pub(crate) fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    if let Some(candidate) = nearest(name, known.clone()) {
        return format!("did you mean `{candidate}`?");
    }
    let all: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    match (all.len(), all.get(..LISTED)) {
        (0, _) => String::new(),
        (_, Some(first)) if all.len() > LISTED => format!("known: {}, ...", first.join(", ")),
        _ => format!("known: {}", all.join(", ")),
    }
}

/// Whether it can be the name of a plugin, channel, subscription or secret. Plugin names are file names, unit ids have
/// spaces between names, and the routes `channel:<name>` belong to the router.
pub(super) fn is_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= LONGEST && text.bytes().all(inside) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// What [`is_name`] asks, for advice.
pub(super) fn rule() -> String {
    format!(
        "a name has letters, digits, `-`, `_` and `.`, begins with a letter or digit and has at most {LONGEST} of them"
    )
}

/// Names that must be unique among each other, with where they were given first.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(BTreeMap<String, String>);

impl Taken {
    /// The name may be given again.
    pub(super) fn release(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Takes a name for what stands at `owner`, empty for what stands in no file; a name that is taken already is a mistake at `node`.
    pub(super) fn take(&mut self, name: &str, owner: &str, node: &Node<'_>) {
        if let Some(first) = self.0.get(name) {
            let owner = match first.as_str() {
                "" => "one that was created while the router runs".to_owned(),
                first => format!("`{first}`"),
            };
            node.refuse::<()>(
                format!("the name `{name}` is taken"),
                format!("{owner} has it already; choose another"),
            );
        } else {
            self.0.insert(name.to_owned(), owner.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_alike_or_else_everything() {
        let known = ["filter", "channel", "min_level"];
        for (name, expected) in [
            ("filtr", "did you mean `filter`?"),
            ("Channels", "did you mean `channel`?"),
            ("minlevel", "did you mean `min_level`?"),
            ("zzz", "known: `filter`, `channel`, `min_level`"),
        ] {
            assert_eq!(suggestion(name, known), expected);
        }
        assert_eq!(suggestion("zzz", []), "");
        assert!(suggestion("zzz", ["a"; 21]).ends_with("`a`, ..."));
    }

    #[test]
    fn knows_names() {
        for (text, expected) in [
            ("a", true),
            ("redact-v2.1_x", true),
            ("7", true),
            ("", false),
            (".hidden", false),
            ("a/b", false),
            ("a b", false),
            ("channel:a", false),
            ("é", false),
        ] {
            assert_eq!(is_name(text), expected, "{text}");
        }
        assert!(is_name(&"x".repeat(LONGEST)) && !is_name(&"x".repeat(LONGEST + 1)));
    }
}
