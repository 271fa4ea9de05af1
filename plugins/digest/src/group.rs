//! A group while it is being counted: everything that its summary says, in one value of `kv`.
//!
//! Such a value has at most 64 KiB, so every part has a bound, and together they stay below that.

use crate::hash;
use patchpanel_plugin::{Event, Level, Path};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// As stored: JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// What its events have in common, by path.
    pub(crate) key: Map<String, Value>,
    /// In nanoseconds since the epoch, as all times here.
    start: u64,
    end: u64,
    /// When it was closed: nothing is added any more.
    closed: Option<u64>,
    count: u64,
    level: String,
    pub(crate) first: Seen,
    pub(crate) last: Seen,
    pub(crate) samples: Vec<Value>,
    /// Hashes of the last ids, `ID_DIGITS` each, one after the other.
    ids: String,
    /// The one of the same name before: its events may come again, too.
    before: Option<Before>,
    /// Whether its summary is stored. Then it is here for the sake of its ids only.
    stored: bool,
}

/// What is left of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Before {
    /// Of its summary.
    id: String,
    ids: String,
}

/// An event that was counted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) time: String,
}

impl Seen {
    fn of(event: &Event) -> Self {
        Self {
            id: cut(&event.id, ID_BYTES),
            time: event.rfc3339(),
        }
    }
}

const ID_DIGITS: usize = 16;
const KEPT_IDS: usize = 256;
/// Of an id that is shown; a router takes no longer ones by default.
const ID_BYTES: usize = 512;
/// Of a value that is shown in the key.
const KEY_BYTES: usize = 256;
/// Of all samples together.
const SAMPLE_BYTES: usize = 24 << 10;
/// Of the message in a sample that has no room for all of its event.
const MESSAGE_BYTES: usize = 256;

impl Group {
    /// With nothing in it: the event is only the one that it begins with.
    pub(crate) fn begin(event: &Event, by: &[Path], now: u64, every: Duration, before: Option<(&str, &Self)>) -> Self {
        let value = |path: &Path| match path.value(event) {
            Some(Value::String(text)) => Value::from(cut(&text, KEY_BYTES)),
            Some(value @ (Value::Array(_) | Value::Object(_))) => Value::from(cut(&value.to_string(), KEY_BYTES)),
            value => value.unwrap_or_default(),
        };
        Self {
            key: by.iter().map(|path| (path.to_string(), value(path))).collect(),
            start: now,
            end: now.saturating_add(u64::try_from(every.as_nanos()).unwrap_or(u64::MAX)),
            closed: None,
            count: 0,
            level: Level::Debug.as_str().to_owned(),
            first: Seen::of(event),
            last: Seen::of(event),
            samples: Vec::new(),
            ids: String::new(),
            before: before.map(|(name, group)| Before {
                id: group.id(name),
                ids: group.ids.clone(),
            }),
            stored: false,
        }
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The id of its summary: the same whenever it is given out. Two groups of a name may begin at the same time by a coarse
    /// clock, but not with the same event.
    pub(crate) fn id(&self, name: &str) -> String {
        format!("digest-{name}-{}-{}", self.start, id_hash(&self.first.id))
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) const fn start(&self) -> u64 {
        self.start
    }

    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    /// Where it is not open any more.
    pub(crate) const fn closed(&self) -> Option<u64> {
        self.closed
    }

    pub(crate) const fn is_open(&self, now: u64) -> bool {
        self.closed.is_none() && now < self.end
    }

    pub(crate) fn close(&mut self, now: u64) {
        self.closed.get_or_insert(now);
    }

    /// The highest of its events.
    pub(crate) fn level(&self) -> Level {
        Level::parse(&self.level).unwrap_or(Level::Info)
    }

    pub(crate) const fn is_stored(&self) -> bool {
        self.stored
    }

    /// What is to be remembered when its summary is stored.
    pub(crate) fn rest(mut self) -> Self {
        self.stored = true;
        self.samples.clear();
        self
    }

    /// The id of the summary that the event of this id was counted for, if that was not too long ago.
    pub(crate) fn counted_for(&self, name: &str, id: &str) -> Option<String> {
        let hash = id_hash(id);
        let has = |ids: &str| ids.as_bytes().chunks(ID_DIGITS).any(|known| known == hash.as_bytes());
        if has(&self.ids) {
            return Some(self.id(name));
        }
        let before = self.before.as_ref().filter(|before| has(&before.ids));
        before.map(|before| before.id.clone())
    }

    pub(crate) fn add(&mut self, event: &Event, samples: usize) {
        if self.samples.len() < samples {
            self.add_sample(event);
        }
        self.count += 1;
        if event.level > self.level() {
            self.level = event.level.as_str().to_owned();
        }
        self.last = Seen::of(event);
        self.ids.push_str(&id_hash(&event.id));
        if self.ids.len() > KEPT_IDS * ID_DIGITS {
            self.ids.drain(..ID_DIGITS);
        }
    }

    /// Whole, or what there is room for, or not at all.
    fn add_sample(&mut self, event: &Event) {
        let used: usize = self.samples.iter().map(|sample| sample.to_string().len()).sum();
        let room = SAMPLE_BYTES.saturating_sub(used);
        let short = || {
            let seen = Seen::of(event);
            json!({"id": seen.id, "time": seen.time, "message": cut(&event.message, MESSAGE_BYTES), "cut": true})
        };
        let whole = event.to_json();
        let sample = match whole.len() <= room {
            true => serde_json::from_str(&whole).unwrap_or_else(|_| short()),
            false => short(),
        };
        if sample.to_string().len() <= room {
            self.samples.push(sample);
        }
    }
}

fn id_hash(id: &str) -> String {
    hash(id).chars().take(ID_DIGITS).collect()
}

/// At most so many bytes of a text, with a sign where something is missing.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub('…'.len_utf8()));
    format!("{}…", text.get(..end).unwrap_or_default())
}
