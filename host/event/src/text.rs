//! The selected texts of a batch of events in the layout of the plugin contract.

use std::collections::HashMap;

use crate::selector::Coverage;
use crate::span::Span;
use crate::walk::{Form, Leaf, Sight, walk};
use crate::{EditError, Edits, Event, TextSelector};

/// One text of a batch: found at `paths[path]`, its bytes end at `end` and begin where those of the one before end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Index into [`TextBatch::paths`].
    pub path: u32,
    /// Exclusive, in bytes of [`TextBatch::bytes`].
    pub end: u32,
}

/// Texts of several events, unescaped, in one buffer. Reused from batch to batch, so that it stops allocating.
#[derive(Clone, Debug, Default)]
pub struct TextBatch {
    paths: Vec<String>,
    known: HashMap<String, u32>,
    texts: Vec<Text>,
    pub(crate) places: Vec<Place>,
    bytes: String,
}

/// Where a text came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) event: u32,
    /// In the event's JSON; without quotes.
    pub(crate) span: Span,
    pub(crate) form: Form,
}

impl TextBatch {
    /// The distinct paths.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// The texts, in order.
    pub fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// The bytes of all texts.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// Whether there is nothing to redact.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.paths.clear();
        self.known.clear();
        self.texts.clear();
        self.places.clear();
        self.bytes.clear();
    }

    /// Adds the selected texts of `event`, which is number `index` of the events that [`TextBatch::apply`] will get.
    pub fn push(&mut self, index: usize, event: &Event, selector: &TextSelector) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let fields = &event.fields;
        let plain = [
            ("source", fields.source),
            ("message", fields.message),
            ("subject", fields.subject),
            ("correlation_id", fields.correlation_id),
        ];
        let nested = [("metadata", fields.metadata), ("payload", fields.payload)];
        let Ok(json) = std::str::from_utf8(&event.json) else {
            return;
        };
        for (root, span) in plain.into_iter().chain(nested) {
            if span.is_empty() {
                continue;
            }
            let wanted = selector.wanted(root);
            if wanted.is_nothing() {
                continue;
            }
            let sight = Sight {
                numbers: wanted.numbers != Coverage::Nothing,
                keys: wanted.keys != Coverage::Nothing,
            };
            walk(json, span.start as usize, root, sight, &mut |leaf| {
                let selected = match wanted.of(leaf.form) {
                    Coverage::Nothing => false,
                    Coverage::Everything => true,
                    Coverage::Some => selector.selects(leaf.form, leaf.names),
                };
                if selected {
                    self.add(index, json, leaf);
                }
            });
        }
    }

    /// The texts of each event by themselves, in order. Their answers add up with [`Edits::append`].
    pub fn by_event(&self) -> Vec<TextBatch> {
        let mut batches: Vec<TextBatch> = Vec::new();
        let mut current = None;
        for (index, (text, place)) in self.texts.iter().zip(&self.places).enumerate() {
            if current != Some(place.event) {
                current = Some(place.event);
                batches.push(TextBatch::default());
            }
            if let (Some(batch), Some(content)) = (batches.last_mut(), self.content(index)) {
                let path = batch.path(self.paths.get(text.path as usize).map_or("", String::as_str));
                batch.bytes.push_str(content);
                let end = u32::try_from(batch.bytes.len()).unwrap_or(u32::MAX);
                batch.texts.push(Text { path, end });
                batch.places.push(*place);
            }
        }
        batches
    }

    fn add(&mut self, event: u32, json: &str, leaf: &Leaf<'_>) {
        let path = match self
            .texts
            .last()
            .filter(|last| self.paths.get(last.path as usize).is_some_and(|path| path == leaf.path))
        {
            Some(last) => last.path,
            None => self.path(leaf.path),
        };
        let raw = json.get(leaf.start..leaf.end).unwrap_or_default();
        if leaf.form.is_escaped() {
            // Decoding cannot fail: escapes were checked at the door.
            let quoted = json.get(leaf.start - 1..leaf.end + 1).unwrap_or_default();
            self.bytes.push_str(&crate::event::unquote(quoted).unwrap_or_default());
        } else {
            self.bytes.push_str(raw);
        }
        let end = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.texts.push(Text { path, end });
        self.places.push(Place {
            event,
            span: Span::new(leaf.start, leaf.end),
            form: leaf.form,
        });
    }

    fn path(&mut self, path: &str) -> u32 {
        if let Some(index) = self.known.get(path) {
            return *index;
        }
        let index = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.paths.push(path.to_owned());
        self.known.insert(path.to_owned(), index);
        index
    }

    /// The unescaped text number `index`.
    pub(crate) fn content(&self, index: usize) -> Option<&str> {
        let end = self.texts.get(index)?.end as usize;
        let start = match index.checked_sub(1) {
            Some(before) => self.texts.get(before)?.end as usize,
            None => 0,
        };
        self.bytes.get(start..end)
    }

    /// Whether edits may be applied.
    ///
    /// # Errors
    /// The first edit that breaks the contract.
    pub fn check(&self, edits: &Edits) -> Result<(), EditError> {
        edits.check(self).map(|_| ())
    }
}
