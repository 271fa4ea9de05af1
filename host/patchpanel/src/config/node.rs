//! Values and sections of the file with the way to them. Reading one notes its mistakes and goes on.

use std::cell::RefCell;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::mistakes::Mistake;
use super::names;
use super::report::{Report, Sort};

/// A value somewhere in the file.
#[derive(Clone)]
pub(super) struct Node<'t> {
    pub(super) report: &'t Report,
    pub(super) value: &'t DeValue<'t>,
    pub(super) span: Range<usize>,
    /// Such as `channels[0].name`.
    pub(super) path: String,
}

impl<'t> Node<'t> {
    /// Notes a mistake. Returns `None` of any type, so that a reader can give up on this value.
    pub(super) fn refuse<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.note(Sort::Value, message, help)
    }

    /// As [`Node::refuse`], where it is wrong only because something else is not in the file.
    pub(super) fn lacks<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.note(Sort::Absence, message, help)
    }

    /// Another kind of value is needed here.
    pub(super) fn expected<T>(&self, what: &str, help: impl Into<String>) -> Option<T> {
        self.refuse(format!("expected {what}, found {}", kind(self.value)), help)
    }

    fn note<T>(&self, sort: Sort, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        note(self.report, sort, self.span.clone(), &self.path, message, help)
    }

    /// What stands here is never shown.
    pub(super) fn hide(&self) {
        hide(self.report, self.value, &self.span);
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Option<Vec<Node<'t>>> {
        let DeValue::Array(items) = self.value else {
            let help = match self.value {
                DeValue::String(_) | DeValue::Integer(_) => "put it into brackets: [...]",
                _ => "",
            };
            return self.expected("a list", help);
        };
        let node = |(index, item): (usize, &'t toml::Spanned<DeValue<'t>>)| Node {
            report: self.report,
            value: item.get_ref(),
            span: item.span(),
            path: format!("{}[{index}]", self.path),
        };
        Some(items.iter().enumerate().map(node).collect())
    }

    /// Reads a table; keys that `read` does not ask for are mistakes.
    pub(super) fn section<T>(&self, read: impl FnOnce(&Section<'t>) -> T) -> Option<T> {
        let DeValue::Table(table) = self.value else {
            return self.expected("a table", "write { key = value, ... }");
        };
        let value = Section::read(self.report, Some(table), self.span.clone(), &self.path, read);
        Some(value)
    }
}

/// A table of the file, or one that is not there and so has nothing but defaults.
pub(super) struct Section<'t> {
    report: &'t Report,
    table: Option<&'t DeTable<'t>>,
    span: Range<usize>,
    path: String,
    known: RefCell<Vec<&'static str>>,
    /// Keys that were refused already.
    gone: RefCell<Vec<&'static str>>,
}

/// A key that the file's author chose, and its value.
pub(super) struct Entry<'t> {
    pub(super) name: &'t str,
    /// For mistakes in the key.
    pub(super) key: Node<'t>,
    pub(super) value: Node<'t>,
}

impl<'t> Section<'t> {
    /// Calls `read` and then refuses all keys that it did not ask for.
    pub(super) fn read<T>(
        report: &'t Report,
        table: Option<&'t DeTable<'t>>,
        span: Range<usize>,
        path: &str,
        read: impl FnOnce(&Section<'t>) -> T,
    ) -> T {
        let section = Section {
            report,
            table,
            span,
            path: path.to_owned(),
            known: RefCell::default(),
            gone: RefCell::default(),
        };
        let value = read(&section);
        section.refuse_unknown();
        value
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &'static str) -> Option<Node<'t>> {
        self.known.borrow_mut().push(key);
        let value = self.table.and_then(|table| table.get(key));
        let path = self.join(key);
        self.report.ask(path.clone(), value.is_some());
        value.map(|value| Node {
            report: self.report,
            value: value.get_ref(),
            span: value.span(),
            path,
        })
    }

    /// The value of a key that must be there; `example` is one for the advice.
    pub(super) fn require(&self, key: &'static str, example: &str) -> Option<Node<'t>> {
        let value = self.get(key);
        if value.is_none() {
            let help = format!("add {key} = {example}");
            let span = self.span.clone();
            note::<()>(
                self.report,
                Sort::Absence,
                span,
                &self.path,
                format!("`{key}` is missing"),
                help,
            );
        }
        value
    }

    /// A key that was known once: `help` says what has taken its place.
    pub(super) fn gone(&self, key: &'static str, help: &str) {
        let entry = self.entries().into_iter().find(|entry| entry.name == key);
        if let Some(entry) = entry {
            self.gone.borrow_mut().push(key);
            entry.key.refuse::<()>("this key is gone", help);
        }
    }

    /// A section below this one; where it is not there, `read` finds nothing and so gives the defaults.
    pub(super) fn section<T>(&self, key: &'static str, read: impl Fn(&Section<'t>) -> T) -> T {
        let path = self.join(key);
        let there = self.get(key).and_then(|node| node.section(&read));
        there.unwrap_or_else(|| Section::read(self.report, None, self.span.clone(), &path, read))
    }

    /// Reads each table of a list such as `[[channels]]`.
    pub(super) fn sections<T>(&self, key: &'static str, mut read: impl FnMut(&Section<'t>) -> T) -> Vec<T> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        if matches!(node.value, DeValue::Table(_)) {
            let help = format!("write [[{key}]], in double brackets, once for each");
            return node.expected("a list of tables", help).unwrap_or_default();
        }
        let items = node.list().unwrap_or_default();
        items.iter().filter_map(|item| item.section(&mut read)).collect()
    }

    /// Everything in a section whose keys the file's author chose, in the order of the text.
    pub(super) fn entries(&self) -> Vec<Entry<'t>> {
        let mut entries: Vec<_> = self
            .table
            .into_iter()
            .flat_map(|table| table.iter())
            .map(|(key, value)| {
                let name: &'t str = key.get_ref();
                let value = Node {
                    report: self.report,
                    value: value.get_ref(),
                    span: value.span(),
                    path: self.join(name),
                };
                let key = Node {
                    span: key.span(),
                    ..value.clone()
                };
                Entry { name, key, value }
            })
            .collect();
        entries.sort_by_key(|entry| entry.key.span.start);
        entries
    }

    /// As [`Node::lacks`], for the table as a whole.
    pub(super) fn lacks<T>(&self, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        note(self.report, Sort::Absence, self.span.clone(), &self.path, message, help)
    }

    /// Such as `channels[0]`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn refuse_unknown(&self) {
        let known = self.known.borrow();
        // Whoever asked for no key by name took all of them.
        if known.is_empty() {
            return;
        }
        for Entry { name, key, value } in self.entries() {
            if known.contains(&name) || self.gone.borrow().contains(&name) {
                continue;
            }
            // Somebody may have put a secret where none belongs, and a slip can make a key of a value.
            value.hide();
            let (shown, help) = if names::is_name(name) {
                (
                    format!("unknown key `{name}`"),
                    names::suggestion(name, known.iter().copied()),
                )
            } else {
                self.report.hide(key.span.clone());
                ("unknown key".to_owned(), names::suggestion("", known.iter().copied()))
            };
            note::<()>(self.report, Sort::Value, key.span, &self.path, shown, help);
        }
    }

    fn join(&self, key: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let key = if !key.is_empty() && key.bytes().all(plain) {
            key.to_owned()
        } else {
            format!("{key:?}")
        };
        if self.path.is_empty() {
            key
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// Notes a mistake; an empty `help` is none.
pub(super) fn note<T>(
    report: &Report,
    sort: Sort,
    span: Range<usize>,
    path: &str,
    message: impl Into<String>,
    help: impl Into<String>,
) -> Option<T> {
    let mistake = Mistake {
        span,
        path: path.to_owned(),
        message: message.into(),
        help: Some(help.into()).filter(|help| !help.is_empty()),
    };
    report.add(sort, mistake);
    None
}

/// Hides all scalars in a value: a table's own span may be no more than its header.
fn hide(report: &Report, value: &DeValue<'_>, span: &Range<usize>) {
    match value {
        DeValue::Array(items) => items.iter().for_each(|item| hide(report, item.get_ref(), &item.span())),
        DeValue::Table(table) => table
            .values()
            .for_each(|value| hide(report, value.get_ref(), &value.span())),
        _ => report.hide(span.clone()),
    }
}

/// What stands there, for messages.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
