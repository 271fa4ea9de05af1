//! What is wrong with a configuration file, where, and what to do about it.

use std::fmt;
use std::ops::Range;

use serde_json::{Value, json};

use super::render::{self, Lines};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// Bytes of the file's text.
    pub(super) span: Range<usize>,
    /// The way through the file, such as `subscriptions[0].filter`; empty for the whole.
    pub(super) path: String,
    /// What is wrong, as a lower-case fragment.
    pub(super) message: String,
    /// What to write instead, where there is something useful to say.
    pub(super) help: Option<String>,
}

impl Mistake {
    /// The message with its path.
    pub(super) fn sentence(&self) -> String {
        if self.path.is_empty() {
            self.message.clone()
        } else {
            format!("{} in `{}`", self.message, self.path)
        }
    }
}

/// All mistakes of one file, in the order of its text.
///
/// Displays them as rustc does, each with the line it is about:
///
/// ```text
/// patchpanel.toml:12:5: unknown key `filtr` in `subscriptions[0]`
///    |
/// 12 |     filtr = { type = [...] }
///    |     ^^^^^
///    = help: did you mean `filter`?
/// ```
#[derive(Clone)]
pub(crate) struct Mistakes {
    file: String,
    text: String,
    hidden: Vec<Range<usize>>,
    list: Vec<Mistake>,
}

impl Mistakes {
    /// `hidden` are the bytes of the text that must not be shown.
    pub(super) fn new(text: &str, mut hidden: Vec<Range<usize>>, mut list: Vec<Mistake>) -> Mistakes {
        hidden.sort_by_key(|range| range.start);
        list.sort_by_key(|mistake| mistake.span.start);
        list.dedup();
        Mistakes {
            file: "patchpanel.toml".to_owned(),
            text: text.to_owned(),
            hidden,
            list,
        }
    }

    /// The same with the name of the file, for display.
    pub(crate) fn in_file(self, file: impl Into<String>) -> Mistakes {
        Mistakes {
            file: file.into(),
            ..self
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A list of objects: `file`, `line` and `column` (from 1, in characters), `path`, `message`, `help` (or null).
    pub(crate) fn to_json(&self) -> Value {
        let lines = Lines::new(&self.text);
        let one = |mistake: &Mistake| {
            let (line, column) = lines.place(mistake.span.start);
            json!({
                "file": self.file,
                "line": line,
                "column": column,
                "path": mistake.path,
                "message": mistake.message,
                "help": mistake.help,
            })
        };
        self.list.iter().map(one).collect()
    }

    /// A list of objects: `path`, `message`, `help` (or null), for what has no text with lines.
    pub(crate) fn without_places(&self) -> Value {
        let one = |mistake: &Mistake| json!({"path": mistake.path, "message": mistake.message, "help": mistake.help});
        self.list.iter().map(one).collect()
    }

    /// All of them in one line.
    pub(crate) fn in_a_line(&self) -> String {
        let one = |mistake: &Mistake| match &mistake.help {
            Some(help) => format!("{} ({help})", mistake.sentence()),
            None => mistake.sentence(),
        };
        self.list.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new(&self.text);
        for (index, mistake) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            render::mistake(f, &self.file, &lines, &self.hidden, mistake)?;
        }
        Ok(())
    }
}

/// As it displays: the text of the file may hold what must not be shown.
impl fmt::Debug for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Mistakes {}
