//! The way of edits back into the events.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::parts::push_escaped;
use crate::span::Span;
use crate::text::TextBatch;
use crate::walk::Form;
use crate::{Edit, EditError, Edits, Event};

impl TextBatch {
    /// Splices the edits into the events they belong to. Events without edits keep their text.
    ///
    /// A number that is edited becomes a string. A name that another one of its object has already, or gets, is numbered:
    /// `name-2`, `name-3`.
    ///
    /// # Errors
    /// Where the answer breaks the contract; the events are then as they were.
    pub fn apply(&self, edits: &Edits, events: &mut [Event]) -> Result<(), EditError> {
        let replacements = edits.check(self)?;
        let mut from = 0;
        for (event, own) in self.edits_by_event(&edits.edits) {
            if let Some(event) = events.get_mut(event as usize) {
                from = self.splice(event, own, replacements, from);
            }
        }
        Ok(())
    }

    /// How often each label of a checked answer stands at the edits of each event that has any: the event's number, and
    /// counts by index of the label.
    pub fn counts(&self, edits: &Edits) -> Vec<(usize, BTreeMap<u32, u64>)> {
        let count = |(event, own): (u32, &[Edit])| {
            let mut counts = BTreeMap::new();
            for edit in own {
                *counts.entry(edit.label).or_default() += 1;
            }
            (event as usize, counts)
        };
        self.edits_by_event(&edits.edits).map(count).collect()
    }

    fn edits_by_event<'e>(&self, edits: &'e [Edit]) -> impl Iterator<Item = (u32, &'e [Edit])> {
        let event_of = |edit: &Edit| self.places.get(edit.text as usize).map(|place| place.event);
        let same = move |one: &Edit, other: &Edit| event_of(one) == event_of(other);
        edits
            .chunk_by(same)
            .filter_map(move |own| Some((event_of(own.first()?)?, own)))
    }

    /// Rewrites one event; `from` is where the first replacement begins, and the end of the last one is returned.
    fn splice(&self, event: &mut Event, edits: &[Edit], replacements: &str, mut from: usize) -> usize {
        let old = std::str::from_utf8(&event.json).unwrap_or_default();
        let mut new = String::with_capacity(old.len() + 64);
        let mut copied = 0;
        // Where in the old text something ended that was replaced, and how far everything behind it has moved since.
        let mut moves: Vec<(u32, i64)> = Vec::with_capacity(edits.len());
        let mut names = self.names(edits);
        for own in edits.chunk_by(|one, other| one.text == other.text) {
            let Some((index, place)) = own
                .first()
                .and_then(|edit| Some((edit.text as usize, self.places.get(edit.text as usize)?)))
            else {
                continue;
            };
            let mut replace = |old_start: u32, old_end: u32, write: &mut dyn FnMut(&mut String)| {
                new.push_str(old.get(copied..old_start as usize).unwrap_or_default());
                write(&mut new);
                copied = old_end as usize;
                moves.push((old_end, new.len() as i64 - i64::from(old_end)));
            };
            if place.form == (Form::Text { escaped: false }) {
                for edit in own {
                    let base = place.span.start;
                    replace(base + edit.start, base + edit.end, &mut |new| {
                        push_escaped(new, replacements.get(from..edit.bytes_end as usize).unwrap_or_default());
                    });
                    from = edit.bytes_end as usize;
                }
                continue;
            }
            // Offsets in an unescaped text do not tell where its escapes stand, and what stands for a number, or for a name
            // that is taken, depends on all of it. So the whole text is written anew.
            let text = edited(self.content(index).unwrap_or_default(), own, replacements, &mut from);
            replace(place.span.start, place.span.end, &mut |new| match place.form {
                Form::Text { .. } => push_escaped(new, &text),
                Form::Number => crate::parts::push_string(new, &text),
                Form::Key { object, .. } => push_escaped(new, &names.free(object, &text)),
            });
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

    /// The names that stay in the objects of an event of which names are edited. Where one name of an object is in the batch,
    /// all of them are.
    fn names(&self, edits: &[Edit]) -> Names {
        let object_of = |text: u32| match self.places.get(text as usize)?.form {
            Form::Key { object, .. } => Some(object),
            Form::Text { .. } | Form::Number => None,
        };
        let edited: HashSet<u32> = edits
            .iter()
            .map(|edit| edit.text)
            .filter(|text| object_of(*text).is_some())
            .collect();
        let mut names = Names::default();
        let event = edits.first().and_then(|edit| self.places.get(edit.text as usize));
        let (Some(event), false) = (event.map(|place| place.event), edited.is_empty()) else {
            return names;
        };
        // Texts of an event stand side by side, in the order of the events.
        let first = self.places.partition_point(|place| place.event < event);
        let own = self.places.iter().enumerate().skip(first);
        for (index, place) in own.take_while(|(_, place)| place.event == event) {
            if let Form::Key { object, .. } = place.form
                && !u32::try_from(index).is_ok_and(|index| edited.contains(&index))
            {
                let name = self.content(index).unwrap_or_default();
                names.taken.insert((object, name.to_owned()));
            }
        }
        names
    }
}

/// A text after these edits; `from` goes on to the end of their replacements.
fn edited(content: &str, edits: &[Edit], replacements: &str, from: &mut usize) -> String {
    let (mut text, mut kept) = (String::with_capacity(content.len()), 0);
    for edit in edits {
        text.push_str(content.get(kept..edit.start as usize).unwrap_or_default());
        text.push_str(replacements.get(*from..edit.bytes_end as usize).unwrap_or_default());
        (kept, *from) = (edit.end as usize, edit.bytes_end as usize);
    }
    text.push_str(content.get(kept..).unwrap_or_default());
    text
}

/// Names of objects, by where those begin.
#[derive(Default)]
struct Names {
    taken: HashSet<(u32, String)>,
    /// The number that is tried next, so that many of the same name do not cost their number squared.
    next: HashMap<(u32, String), usize>,
}

impl Names {
    /// This name, or one like it that nothing else in the object has.
    fn free(&mut self, object: u32, name: &str) -> String {
        let key = (object, name.to_owned());
        if self.taken.insert(key.clone()) {
            return key.1;
        }
        let next = self.next.entry(key).or_insert(2);
        loop {
            let numbered = format!("{name}-{next}");
            *next += 1;
            if self.taken.insert((object, numbered.clone())) {
                return numbered;
            }
        }
    }
}
