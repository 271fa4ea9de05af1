//! Explanations for people and for programs.

use std::fmt::{self, Write as _};

use serde_json::{Value, json};

use super::{Alternative, Apart, Explanation, Found, Predicate, SHOWN_CHARACTERS, Test};

/// Most items of a list, and most misses of an alternative, that are written out for people.
const SHOWN_ITEMS: usize = 8;
const SHOWN_MISSES: usize = 4;

/// The text, or its beginning with a mark that it goes on.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A path as part of a sentence.
pub(super) fn place(path: &str) -> String {
    if path.is_empty() {
        "the event".to_owned()
    } else {
        format!("`{path}`")
    }
}

/// Joins what there are at most `most` of, and counts the rest.
fn listed<'s>(texts: impl ExactSizeIterator<Item = &'s str>, most: usize, separator: &str) -> String {
    let more = texts.len().saturating_sub(most);
    let mut texts: Vec<String> = texts.take(most).map(cut).collect();
    if more > 0 {
        texts.push(format!("{more} more"));
    }
    texts.join(separator)
}

impl Found {
    /// The value with its kind, as JSON spells it.
    pub(super) fn shown(&self) -> String {
        match self.kind {
            "string" => Value::from(self.text.as_str()).to_string(),
            "object" => "an object".to_owned(),
            "list" => "an empty list".to_owned(),
            _ => self.text.clone(),
        }
    }
}

impl Apart {
    /// Without the full stop.
    pub(super) fn sentence(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| place(path)).collect();
        let paths = match paths.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => paths.join(", "),
        };
        format!(
            "each of {paths} holds somewhere in the list `{}`, but not for one element",
            self.list
        )
    }
}

impl Explanation {
    /// One line for each predicate, below each `not` that does not hold what holds instead, and where there is more than
    /// one alternative, a line for each. Of an event that matches, only an alternative that holds is shown.
    pub fn tree(&self) -> String {
        let count = self.alternatives.len();
        let lines =
            |(index, alternative): (usize, &Alternative)| alternative.lines((count > 1).then_some((index, count)));
        let numbered = || (1..).zip(&self.alternatives);
        let lines: Vec<String> = match numbered().find(|(_, alternative)| alternative.held) {
            Some(held) => lines(held),
            None => numbered().flat_map(lines).collect(),
        };
        lines.join("\n")
    }

    /// What the nearest alternative lacks, in one line without a full stop; none if the event matches.
    pub fn nearest_miss(&self) -> Option<String> {
        let (_, nearest) = self.nearest()?;
        let mut misses = nearest.misses();
        let more = misses.len().saturating_sub(SHOWN_MISSES);
        if more > 0 {
            misses.truncate(SHOWN_MISSES);
            misses.push(format!("and {more} more"));
        }
        Some(misses.join("; "))
    }
}

/// The tree, and below it the nearest miss.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tree())?;
        match self.nearest_miss() {
            Some(miss) => write!(f, "\nnearest miss: {miss}"),
            None => Ok(()),
        }
    }
}

fn mark(held: bool) -> char {
    if held { '✓' } else { '✗' }
}

impl Alternative {
    /// `number` counts it, with how many there are.
    fn lines(&self, number: Option<(usize, usize)>) -> Vec<String> {
        let (mut lines, mut indent) = (Vec::new(), 0);
        if let Some((index, count)) = number {
            lines.push(format!("{} alternative {index} of {count}", mark(self.held)));
            indent = 2;
        }
        for predicate in &self.predicates {
            predicate.lines(indent, &mut lines);
        }
        for apart in &self.apart {
            lines.push(format!("{:indent$}✗ {}", "", apart.sentence()));
        }
        lines
    }
}

impl Predicate {
    fn lines(&self, indent: usize, lines: &mut Vec<String>) {
        let mut line = format!("{:indent$}{} ", "", mark(self.held));
        let path = if self.path.is_empty() { "the event" } else { &self.path };
        // Writing to a string cannot fail.
        let _ = match &self.test {
            Test::Values { items, found, more } => {
                let asked = listed(items.iter().map(String::as_str), SHOWN_ITEMS, ", ");
                write!(line, "{path}: asked [{asked}], found {}", self.shown(found, *more))
            }
            Test::Not { pattern, at: None, .. } => write!(line, "{path}: not {}", cut(pattern)),
            Test::Not {
                pattern, at: Some(at), ..
            } if *at == self.path => {
                write!(line, "{path}: not {}, and it holds", cut(pattern))
            }
            Test::Not {
                pattern, at: Some(at), ..
            } => {
                write!(line, "{path}: not {}, and it holds for {}", cut(pattern), place(at))
            }
        };
        lines.push(line);
        if let Test::Not { inner, .. } = &self.test {
            for predicate in inner {
                predicate.lines(indent + 4, lines);
            }
        }
    }

    fn shown(&self, found: &[Found], more: usize) -> String {
        let one = |found: &Found| {
            if found.at == self.path {
                found.shown()
            } else {
                format!("{} at {}", found.shown(), found.at)
            }
        };
        match found.iter().map(one).collect::<Vec<_>>().join(", ") {
            nothing if nothing.is_empty() => "nothing".to_owned(),
            values if more > 0 => format!("{values} and {more} more"),
            values => values,
        }
    }
}

impl Explanation {
    /// The explanation as a JSON object:
    ///
    /// - `matched`: boolean
    /// - `alternatives`: list of objects with `held` (boolean), `predicates` and `apart` (list of objects with `list`,
    ///   a path, and `paths`)
    /// - `nearest_miss`: null if matched, or else an object with `alternative` (its index) and `misses` (list of
    ///   sentences)
    ///
    /// Every predicate has `path`, `held`, `hint` (a sentence, or null if it held), and either `asked` (list of the
    /// pattern's items), `found` (list of objects with `at`, `kind` and `text`) and `found_more` (how many more values
    /// there are), or `not` (a pattern), `holds_at` (a path, or null if it held) and `inner` (list of predicates). What
    /// the fields of the same names say holds here, too.
    pub fn to_json(&self) -> Value {
        let nearest = self.nearest();
        let nearest = nearest.map(|(index, nearest)| json!({"alternative": index, "misses": nearest.misses()}));
        json!({
            "matched": self.matched(),
            "alternatives": self.alternatives.iter().map(Alternative::to_json).collect::<Value>(),
            "nearest_miss": nearest,
        })
    }
}

impl Alternative {
    fn to_json(&self) -> Value {
        let apart = self
            .apart
            .iter()
            .map(|apart| json!({"list": apart.list, "paths": apart.paths}));
        json!({
            "held": self.held,
            "predicates": self.predicates.iter().map(Predicate::to_json).collect::<Value>(),
            "apart": apart.collect::<Value>(),
        })
    }
}

impl Predicate {
    fn to_json(&self) -> Value {
        match &self.test {
            Test::Values { items, found, more } => json!({
                "path": self.path,
                "held": self.held,
                "hint": self.hint,
                "asked": items.iter().map(|item| parsed(item)).collect::<Value>(),
                "found": found.iter().map(Found::to_json).collect::<Value>(),
                "found_more": more,
            }),
            Test::Not { pattern, at, inner } => json!({
                "path": self.path,
                "held": self.held,
                "hint": self.hint,
                "not": parsed(pattern),
                "holds_at": at,
                "inner": inner.iter().map(Predicate::to_json).collect::<Value>(),
            }),
        }
    }
}

impl Found {
    fn to_json(&self) -> Value {
        json!({"at": self.at, "kind": self.kind, "text": self.text})
    }
}

/// Canonical text is JSON.
fn parsed(canonical: &str) -> Value {
    serde_json::from_str(canonical).unwrap_or_else(|_| canonical.into())
}
