//! The small state that a plugin keeps between calls: in memory, private to the plugin, outliving instances and reloads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Limits;

const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 64 << 10;

/// Why an entry was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Its key or its value is longer than any may be.
    Entry,
    /// There is no more room under this limit.
    Limit(&'static str),
}

/// How much a plugin may keep.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    keys: usize,
    bytes: usize,
}

impl Room {
    pub(crate) fn of(limits: &Limits) -> Self {
        Room {
            keys: limits.kv_keys,
            bytes: limits.kv_bytes,
        }
    }
}

/// One plugin's entries.
#[derive(Default)]
pub(crate) struct Kv {
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    map: HashMap<String, Entry>,
    bytes: usize,
}

struct Entry {
    value: Vec<u8>,
    expires: Option<Instant>,
}

impl Kv {
    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().live(key).cloned()
    }

    pub(crate) fn set(&self, key: String, value: Vec<u8>, ttl_ms: Option<u64>, room: Room) -> Result<(), Full> {
        self.lock().set(key, value, ttl_ms, room)
    }

    pub(crate) fn delete(&self, key: &str) {
        self.lock().remove(key);
    }

    pub(crate) fn compare_and_set(
        &self,
        key: String,
        expected: Option<&[u8]>,
        value: Option<Vec<u8>>,
        ttl_ms: Option<u64>,
        room: Room,
    ) -> Result<bool, Full> {
        let mut entries = self.lock();
        if entries.live(&key).map(Vec::as_slice) != expected {
            return Ok(false);
        }
        match value {
            Some(value) => entries.set(key, value, ttl_ms, room)?,
            None => entries.remove(&key),
        }
        Ok(true)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        // Every change is complete before anything can panic, so a poisoned lock holds a sound map.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn live(&mut self, key: &str) -> Option<&Vec<u8>> {
        if self.map.get(key)?.expires.is_some_and(|at| at <= Instant::now()) {
            self.remove(key);
        }
        self.map.get(key).map(|entry| &entry.value)
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>, room: Room) -> Result<(), Full> {
        if key.len() > KEY_BYTES || value.len() > VALUE_BYTES {
            return Err(Full::Entry);
        }
        let old = self.map.get(&key).map(|entry| key.len() + entry.value.len());
        let bytes = self.bytes - old.unwrap_or(0) + key.len() + value.len();
        let full = if old.is_none() && self.map.len() >= room.keys {
            Some(Full::Limit("kv_keys"))
        } else if bytes > room.bytes {
            Some(Full::Limit("kv_bytes"))
        } else {
            None
        };
        if let Some(full) = full {
            return if self.drop_expired() {
                self.set(key, value, ttl_ms, room)
            } else {
                Err(full)
            };
        }
        self.bytes = bytes;
        // A time to live beyond what the clock can count is one without end.
        let expires = ttl_ms.and_then(|ttl| Instant::now().checked_add(Duration::from_millis(ttl)));
        self.map.insert(key, Entry { value, expires });
        Ok(())
    }

    /// Whether that made room.
    fn drop_expired(&mut self) -> bool {
        let now = Instant::now();
        let before = self.map.len();
        self.map.retain(|_, entry| entry.expires.is_none_or(|at| at > now));
        self.bytes = self.map.iter().map(|(key, entry)| key.len() + entry.value.len()).sum();
        self.map.len() < before
    }

    fn remove(&mut self, key: &str) {
        if let Some((key, entry)) = self.map.remove_entry(key) {
            self.bytes -= key.len() + entry.value.len();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn room(keys: usize, bytes: usize) -> Room {
        Room { keys, bytes }
    }

    #[test]
    fn compares_before_it_sets() {
        let kv = Kv::default();
        let set = |expected: Option<&[u8]>, value: Option<&[u8]>| {
            kv.compare_and_set("k".into(), expected, value.map(<[u8]>::to_vec), None, room(1, 100))
        };
        assert_eq!(set(None, Some(b"1")), Ok(true));
        assert_eq!(set(None, Some(b"2")), Ok(false));
        assert_eq!(set(Some(b"1"), None), Ok(true));
        assert_eq!(kv.get("k"), None);
        kv.set("k".into(), vec![1], Some(0), room(1, 100)).unwrap();
        assert_eq!(kv.get("k"), None);
    }

    #[test]
    fn holds_a_plugin_to_its_share() {
        let kv = Kv::default();
        let set = |key: &str, bytes: usize, ttl| kv.set(key.to_owned(), vec![0; bytes], ttl, room(3, 20));
        assert_eq!(set(&"k".repeat(513), 0, None), Err(Full::Entry));
        assert_eq!(set("k", VALUE_BYTES + 1, None), Err(Full::Entry));
        for key in ["a", "b", "c"] {
            set(key, 1, (key == "a").then_some(0)).unwrap();
        }
        // The expired entry makes room for one more, then it is full; replacing still works.
        set("d", 1, None).unwrap();
        assert_eq!(set("e", 1, None), Err(Full::Limit("kv_keys")));
        set("d", 15, None).unwrap();
        assert_eq!(set("d", 16, None), Err(Full::Limit("kv_bytes")));
        kv.delete("b");
        set("d", 17, None).unwrap();
    }
}
