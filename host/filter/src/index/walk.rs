//! One pass over an event: what patterns name goes to the tape, and everything else is jumped over.

use patchpanel_json::{Layout, MAX_DEPTH};

use crate::number::Exact;

use super::lookups::Lookups;
use super::paths::{Path, Paths};
use super::tape::{Kind, NONE, Tape};

/// An object or array that the walk is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    entry: u32,
    path: Path,
    object: bool,
}

/// Walks the text, whose layout is known. Text that is not JSON makes a tape of no use, and nothing worse.
pub(crate) struct Walk<'w> {
    pub(crate) text: &'w [u8],
    pub(crate) layout: &'w Layout,
    pub(crate) paths: &'w Paths,
    pub(crate) lookups: &'w Lookups,
    pub(crate) defaults: &'w [(Path, Box<str>)],
    pub(crate) tape: &'w mut Tape,
    /// Kept from one event to the next for its memory.
    pub(crate) frames: &'w mut Vec<Frame>,
}

impl Walk<'_> {
    pub(crate) fn run(mut self) {
        self.tape.clear(self.paths.len());
        self.frames.clear();
        let _ = self.enter(Paths::ROOT, true, NONE);
        // Only objects have fields. What is no object matches as an empty one does.
        let at = self.value_from(0);
        let mut next = (self.text.get(at) == Some(&b'{')).then_some(at + 1);
        while let (Some(at), Some(frame)) = (next, self.frames.last().copied()) {
            next = if frame.object {
                self.member(at, frame)
            } else {
                self.element(at, frame)
            };
        }
        // Only where the text breaks off or goes too deep.
        while !self.frames.is_empty() {
            self.leave();
        }
    }

    /// `None` where it would be too deep.
    fn enter(&mut self, path: Path, object: bool, parent: u32) -> Option<()> {
        if self.frames.len() == MAX_DEPTH {
            return None;
        }
        let kind = if object { Kind::Object } else { Kind::Array };
        let entry = self.tape.push(path, kind, parent, 0, 0);
        self.frames.push(Frame { entry, path, object });
        Some(())
    }

    fn leave(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.path == Paths::ROOT {
            for (path, text) in self.defaults {
                if !self.tape.has(*path) {
                    self.tape.push_decoded(*path, frame.entry, text);
                }
            }
        }
        self.tape.close(frame.entry);
    }

    /// The members of an object from here on, up to the first one that must be entered or to its end. Returns where to
    /// go on, `None` if the text breaks off.
    #[inline(always)]
    fn member(&mut self, at: usize, frame: Frame) -> Option<usize> {
        let mut at = at;
        loop {
            let first = self.value_from(at);
            match self.text.get(first)? {
                b'"' => {}
                b'}' => {
                    self.leave();
                    return Some(self.after_value(first + 1));
                }
                _ => return None,
            }
            let last = self.layout.quote_from(first + 1);
            let (name, length) = (self.text.get(first + 1..)?, last - first - 1);
            let mut child = self.paths.child_at(frame.path, name, length);
            if child.is_none() && self.layout.has_escapes() {
                child = self.escaped(frame.path, name.get(..length)?);
            }
            let mark = match child {
                None => {
                    let mark = self.layout.mark_from(last + 1);
                    if matches!(self.text.get(mark)?, b'{' | b'[') {
                        self.layout.mark_from(self.layout.end_of(mark))
                    } else {
                        mark
                    }
                }
                Some(child) => {
                    let value = match self.text.get(last + 1..last + 3) {
                        Some([b':', byte]) if *byte > b' ' => last + 2,
                        _ => self.value_from(self.colon_from(last + 1) + 1),
                    };
                    self.tape.name(child, frame.entry);
                    match self.value(value, child, frame.entry)? {
                        Step::Entered => return Some(value + 1),
                        Step::Mark(mark) => mark,
                    }
                }
            };
            if self.text.get(mark)? != &b',' {
                self.leave();
                return Some(self.after_value(mark + 1));
            }
            at = mark + 1;
        }
    }

    /// One element of an array, or its end.
    #[inline(always)]
    fn element(&mut self, at: usize, frame: Frame) -> Option<usize> {
        let value = self.value_from(at);
        let mark = match self.text.get(value)? {
            b']' => value,
            _ => match self.value(value, frame.path, frame.entry)? {
                Step::Entered => return Some(value + 1),
                Step::Mark(mark) => mark,
            },
        };
        if self.text.get(mark)? == &b',' {
            return Some(mark + 1);
        }
        self.leave();
        Some(self.after_value(mark + 1))
    }

    /// After an object or array that was entered: past the comma, or at the bracket that ends what is around it.
    #[inline(always)]
    fn after_value(&self, at: usize) -> usize {
        let mark = self.layout.mark_from(at);
        mark + usize::from(self.text.get(mark) == Some(&b','))
    }

    /// Notes the value that starts here. The mark is what follows it.
    #[inline(always)]
    fn value(&mut self, at: usize, path: Path, parent: u32) -> Option<Step> {
        let byte = *self.text.get(at)?;
        match byte {
            b'"' => {
                let end = self.layout.quote_from(at + 1);
                self.string(at, end, path, parent)?;
                return Some(Step::Mark(self.layout.mark_from(end)));
            }
            b'{' if !self.paths.has_children(path) => {
                let entry = self.tape.push(path, Kind::Object, parent, 0, 0);
                self.tape.close(entry);
                return Some(Step::Mark(self.layout.mark_from(self.layout.end_of(at))));
            }
            b'{' | b'[' => {
                self.enter(path, byte == b'{', parent)?;
                return Some(Step::Entered);
            }
            _ => {}
        }
        let mark = self.layout.mark_from(at);
        let kind = match byte {
            b't' => Kind::True,
            b'f' => Kind::False,
            b'n' => Kind::Null,
            _ => Kind::Number,
        };
        let end = at + self.text.get(at..mark)?.trim_ascii_end().len();
        let entry = self.tape.push(path, kind, parent, at, end);
        if kind == Kind::Number && self.lookups.is_numeric(path) {
            self.tape.push_number(entry, Exact::parse(self.text.get(at..end)?));
        }
        Some(Step::Mark(mark))
    }

    #[inline(always)]
    fn string(&mut self, at: usize, end: usize, path: Path, parent: u32) -> Option<()> {
        let inner = self.text.get(at + 1..end)?;
        if self.layout.has_escapes() && inner.contains(&b'\\') {
            match serde_json::from_slice::<String>(self.text.get(at..end + 1)?) {
                Ok(text) => self.tape.push_decoded(path, parent, &text),
                Err(_) => {
                    self.tape.push(path, Kind::Broken, parent, at, end);
                }
            }
        } else {
            self.tape.push(path, Kind::Text, parent, at + 1, end);
        }
        Some(())
    }

    /// The member whose name is written with escapes.
    #[cold]
    fn escaped(&self, parent: Path, name: &[u8]) -> Option<Path> {
        if !name.contains(&b'\\') {
            return None;
        }
        let quoted = [b"\"", name, b"\""].concat();
        let decoded: String = serde_json::from_slice(&quoted).ok()?;
        self.paths.child(parent, decoded.as_bytes())
    }

    fn colon_from(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.iter().position(|byte| *byte == b':').unwrap_or(rest.len())
    }

    #[inline(always)]
    fn value_from(&self, at: usize) -> usize {
        let mut at = at;
        while matches!(self.text.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            at += 1;
        }
        at
    }
}

enum Step {
    /// An object or array: its members come next.
    Entered,
    /// A bracket or comma after the value.
    Mark(usize),
}
