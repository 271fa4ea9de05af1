//! The parts of an event that patterns name, in the order of the text.

use crate::number::Exact;

use super::paths::Path;

pub(crate) const NONE: u32 = u32::MAX;

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    /// Text that stands in the event as it is.
    Text,
    /// Text with escapes; decoded.
    Decoded,
    /// A string that is no text: half of a surrogate pair.
    Broken,
    Number,
    True,
    False,
    Null,
    /// Its object has the same name once more; the last one counts.
    Dead,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) path: Path,
    pub(crate) kind: Kind,
    /// The entry of the object or array it stands in.
    pub(crate) parent: u32,
    /// Of a scalar: where its text starts and ends. Of an array or object: the entry after all that is in it.
    start: u32,
    pub(crate) end: u32,
    /// Of a scalar: the next one at the same path.
    pub(crate) next: u32,
    /// Where the value of a number is, if it was read already.
    number: u32,
}

/// What stands at one path.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    /// Of which event this is.
    epoch: u32,
    first: u32,
    last: u32,
    /// Where in the tape the path's name was met last, and in which object.
    seen: u32,
    object: u32,
    /// The last event that had an array here.
    array: u32,
}

/// A scalar.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'t> {
    Null,
    Bool(bool),
    /// A number; `None` is past every `f64`.
    Number(Option<Exact>),
    Text(&'t [u8]),
    /// A string that is no text.
    Broken,
}

/// One event's entries. Keeps its memory from one event to the next.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    entries: Vec<Entry>,
    heads: Vec<Head>,
    epoch: u32,
    present: Vec<Path>,
    /// Paths at which an array stands, each once.
    arrays: Vec<Path>,
    decoded: Vec<u8>,
    /// Values of numbers, `NaN` for those that are past every `f64`.
    numbers: Vec<f64>,
}

impl Tape {
    /// Forgets the last event; `paths` is how many places there are.
    pub(crate) fn clear(&mut self, paths: usize) {
        self.entries.clear();
        self.present.clear();
        self.arrays.clear();
        self.decoded.clear();
        self.numbers.clear();
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.heads.clear();
            self.epoch = 1;
        }
        if self.heads.len() < paths {
            self.heads.resize(paths, Head::default());
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    #[inline(always)]
    pub(crate) fn entry(&self, at: u32) -> Option<&Entry> {
        self.entries.get(at as usize)
    }

    /// Paths at which a scalar stands, each once.
    pub(crate) fn present(&self) -> &[Path] {
        &self.present
    }

    /// Whether an array stands at the path.
    #[inline(always)]
    pub(crate) fn is_array(&self, path: Path) -> bool {
        self.heads
            .get(path as usize)
            .is_some_and(|head| head.array == self.epoch)
    }

    /// Paths at which an array stands, each once.
    pub(crate) fn arrays(&self) -> &[Path] {
        &self.arrays
    }

    /// The scalars at a path.
    #[inline(always)]
    pub(crate) fn scalars(&self, path: Path) -> Scalars<'_> {
        let head = self.heads.get(path as usize);
        let head = head.filter(|head| head.epoch == self.epoch);
        Scalars {
            tape: self,
            at: head.map_or(NONE, |head| head.first),
        }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, path: Path, kind: Kind, parent: u32, start: usize, end: usize) -> u32 {
        let at = self.len();
        self.entries.push(Entry {
            path,
            kind,
            parent,
            start: start as u32,
            end: end as u32,
            next: NONE,
            number: NONE,
        });
        match kind {
            Kind::Object => {}
            Kind::Array => {
                if let Some(head) = self.heads.get_mut(path as usize)
                    && std::mem::replace(&mut head.array, self.epoch) != self.epoch
                {
                    self.arrays.push(path);
                }
            }
            _ => self.link(path, at),
        }
        at
    }

    #[inline(always)]
    fn link(&mut self, path: Path, at: u32) {
        let Some(head) = self.heads.get_mut(path as usize) else {
            return;
        };
        if head.epoch != self.epoch || head.first == NONE {
            if head.epoch != self.epoch {
                *head = Head {
                    epoch: self.epoch,
                    seen: NONE,
                    object: NONE,
                    ..*head
                };
            }
            (head.first, head.last) = (at, at);
            self.present.push(path);
            return;
        }
        let last = std::mem::replace(&mut head.last, at);
        if let Some(entry) = self.entries.get_mut(last as usize) {
            entry.next = at;
        }
    }

    /// Keeps decoded text.
    pub(crate) fn push_decoded(&mut self, path: Path, parent: u32, text: &str) {
        let start = self.decoded.len();
        self.decoded.extend_from_slice(text.as_bytes());
        self.push(path, Kind::Decoded, parent, start, self.decoded.len());
    }

    /// Keeps the value of a number that was just pushed.
    pub(crate) fn push_number(&mut self, at: u32, value: Option<Exact>) {
        let number = self.numbers.len() as u32;
        self.numbers.push(value.map_or(f64::NAN, Exact::nearest));
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.number = number;
        }
    }

    /// Ends an object or array.
    pub(crate) fn close(&mut self, at: u32) {
        let end = self.len();
        if let Some(entry) = self.entries.get_mut(at as usize) {
            entry.end = end;
        }
    }

    /// Notes that an object has this name, at the next entry. If it had it before, what stood there is dead.
    #[inline(always)]
    pub(crate) fn name(&mut self, path: Path, object: u32) {
        let now = self.len();
        let Some(head) = self.heads.get_mut(path as usize) else {
            return;
        };
        if head.epoch != self.epoch {
            *head = Head {
                epoch: self.epoch,
                first: NONE,
                last: NONE,
                seen: now,
                object,
                ..*head
            };
            return;
        }
        let before = std::mem::replace(&mut head.seen, now);
        if std::mem::replace(&mut head.object, object) == object {
            self.kill(before);
        }
    }

    /// Whether any object had this name.
    pub(crate) fn has(&self, path: Path) -> bool {
        let head = self.heads.get(path as usize);
        head.is_some_and(|head| head.epoch == self.epoch)
    }

    #[cold]
    fn kill(&mut self, at: u32) {
        let Some(entry) = self.entry(at) else { return };
        let end = match entry.kind {
            Kind::Object | Kind::Array => entry.end,
            _ => at + 1,
        };
        for entry in self.entries.get_mut(at as usize..end as usize).unwrap_or_default() {
            entry.kind = Kind::Dead;
        }
    }

    /// The scalar of an entry; `None` for objects, arrays and the dead.
    #[inline(always)]
    pub(crate) fn value<'t>(&'t self, text: &'t [u8], entry: &Entry) -> Option<Value<'t>> {
        Some(match entry.kind {
            Kind::Text => Value::Text(text.get(entry.start as usize..entry.end as usize)?),
            Kind::Decoded => Value::Text(self.decoded.get(entry.start as usize..entry.end as usize)?),
            Kind::Number => Value::Number({
                let known = self
                    .numbers
                    .get(entry.number as usize)
                    .copied()
                    .and_then(Exact::of_small);
                known.or_else(|| Exact::parse(text.get(entry.start as usize..entry.end as usize)?))
            }),
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Null => Value::Null,
            Kind::Broken => Value::Broken,
            Kind::Object | Kind::Array | Kind::Dead => return None,
        })
    }

    /// What stands directly in an object or array, the dead left out.
    pub(crate) fn members(&self, container: u32) -> impl Iterator<Item = (u32, &Entry)> + Clone {
        let end = self.entry(container).map_or(0, |entry| entry.end);
        let mut at = container + 1;
        let next = move || {
            let entry = self.entry(at).filter(|_| at < end)?;
            let here = at;
            at = match entry.kind {
                Kind::Object | Kind::Array => entry.end,
                // What is dead has its members beside it, dead like itself.
                _ => at + 1,
            };
            Some((here, entry))
        };
        std::iter::from_fn(next).filter(|(_, entry)| entry.kind != Kind::Dead)
    }
}

/// The scalars at one path, in the order of the text.
#[derive(Clone)]
pub(crate) struct Scalars<'t> {
    tape: &'t Tape,
    at: u32,
}

impl<'t> Iterator for Scalars<'t> {
    type Item = (u32, &'t Entry);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, &'t Entry)> {
        loop {
            let at = self.at;
            let entry = self.tape.entry(at)?;
            self.at = entry.next;
            if entry.kind != Kind::Dead {
                return Some((at, entry));
            }
        }
    }
}
