//! The selected texts of a batch of events in the layout of the plugin contract, and the way back into the events.

use std::collections::HashMap;

use crate::selector::Coverage;
use crate::walk::{Leaf, walk};
use crate::{Edit, EditError, Edits, Event, TextSelector, parts::push_escaped, span::Span};

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
    places: Vec<Place>,
    bytes: String,
}

/// Where a text came from.
#[derive(Clone, Copy, Debug)]
struct Place {
    event: u32,
    /// Between the quotes, in the event's JSON.
    span: Span,
    escaped: bool,
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
            let coverage = if span.is_empty() {
                Coverage::Nothing
            } else {
                selector.coverage(root)
            };
            if coverage == Coverage::Nothing {
                continue;
            }
            walk(json, span.start as usize, root, &mut |leaf| {
                if coverage == Coverage::Everything || selector.selects(leaf.names) {
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
        if leaf.escaped {
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
            escaped: leaf.escaped,
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

    /// Splices the edits into the events they belong to. Events without edits
    /// keep their text.
    ///
    /// # Errors
    /// Where the answer breaks the contract; the events are then as they were.
    pub fn apply(&self, edits: &Edits, events: &mut [Event]) -> Result<(), EditError> {
        let replacements = edits.check(self)?;
        let mut from = 0;
        let mut rest = edits.edits.as_slice();
        while let Some(first) = rest.first() {
            let event_of = |edit: &Edit| self.places.get(edit.text as usize).map(|place| place.event);
            let event = event_of(first);
            let count = rest.iter().take_while(|edit| event_of(edit) == event).count();
            let (own, others) = rest.split_at(count);
            if let Some(event) = event.and_then(|event| events.get_mut(event as usize)) {
                from = self.splice(event, own, replacements, from);
            }
            rest = others;
        }
        Ok(())
    }

    /// Rewrites one event; `from` is where the first replacement begins, and the end of the last one is returned.
    fn splice(&self, event: &mut Event, edits: &[Edit], replacements: &str, mut from: usize) -> usize {
        let old = std::str::from_utf8(&event.json).unwrap_or_default();
        let mut new = String::with_capacity(old.len() + 64);
        let mut copied = 0;
        // Where in the old text something ended that was replaced, and how far everything behind it has moved since.
        let mut moves: Vec<(u32, i64)> = Vec::with_capacity(edits.len());
        let mut rest = edits;
        while let Some(first) = rest.first() {
            let (own, others) = rest.split_at(rest.iter().take_while(|edit| edit.text == first.text).count());
            rest = others;
            let Some(place) = self.places.get(first.text as usize) else {
                continue;
            };
            let mut replace = |old_start: u32, old_end: u32, write: &mut dyn FnMut(&mut String)| {
                new.push_str(old.get(copied..old_start as usize).unwrap_or_default());
                write(&mut new);
                copied = old_end as usize;
                moves.push((old_end, new.len() as i64 - i64::from(old_end)));
            };
            if place.escaped {
                // Offsets in the unescaped text do not tell where its escapes stand, so the whole text is written anew.
                let content = self.content(first.text as usize).unwrap_or_default();
                replace(place.span.start, place.span.end, &mut |new| {
                    let mut kept = 0;
                    for edit in own {
                        push_escaped(new, content.get(kept..edit.start as usize).unwrap_or_default());
                        push_escaped(new, replacements.get(from..edit.bytes_end as usize).unwrap_or_default());
                        (kept, from) = (edit.end as usize, edit.bytes_end as usize);
                    }
                    push_escaped(new, content.get(kept..).unwrap_or_default());
                });
            } else {
                for edit in own {
                    let base = place.span.start;
                    replace(base + edit.start, base + edit.end, &mut |new| {
                        push_escaped(new, replacements.get(from..edit.bytes_end as usize).unwrap_or_default());
                    });
                    from = edit.bytes_end as usize;
                }
            }
        }
        new.push_str(old.get(copied..).unwrap_or_default());
        let moved = |at: u32| {
            let before = moves.partition_point(|(end, _)| *end <= at);
            let by = before
                .checked_sub(1)
                .and_then(|last| moves.get(last))
                .map_or(0, |(_, by)| *by);
            u32::try_from(i64::from(at) + by).unwrap_or(at)
        };
        for span in event.fields.all_mut() {
            *span = Span {
                start: moved(span.start),
                end: moved(span.end),
            };
        }
        event.json = new.into();
        from
    }
}
