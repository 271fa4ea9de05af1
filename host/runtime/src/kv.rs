//! The small state that a plugin keeps between calls: in memory, private to the plugin, outliving instances and reloads.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bindings::kv::Error;

const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 64 << 10;
const ENTRIES: usize = 100_000;
const TOTAL_BYTES: usize = 16 << 20;

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

    pub(crate) fn set(&self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), Error> {
        self.lock().set(key, value, ttl_ms)
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
    ) -> Result<bool, Error> {
        let mut entries = self.lock();
        if entries.live(&key).map(Vec::as_slice) != expected {
            return Ok(false);
        }
        match value {
            Some(value) => entries.set(key, value, ttl_ms)?,
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

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), Error> {
        if key.len() > KEY_BYTES || value.len() > VALUE_BYTES {
            return Err(Error::TooLarge);
        }
        let old = self.map.get(&key).map_or(0, |entry| key.len() + entry.value.len());
        let bytes = self.bytes - old + key.len() + value.len();
        if (old == 0 && self.map.len() >= ENTRIES) || bytes > TOTAL_BYTES {
            let now = Instant::now();
            let before = self.map.len();
            self.map.retain(|_, entry| entry.expires.is_none_or(|at| at > now));
            self.bytes = self.map.iter().map(|(key, entry)| key.len() + entry.value.len()).sum();
            return if self.map.len() < before {
                self.set(key, value, ttl_ms)
            } else {
                Err(Error::Quota)
            };
        }
        self.bytes = bytes;
        // A time to live beyond what the clock can count is one without end.
        let expires = ttl_ms.and_then(|ttl| Instant::now().checked_add(Duration::from_millis(ttl)));
        self.map.insert(key, Entry { value, expires });
        Ok(())
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

    #[test]
    fn compares_before_it_sets() {
        let kv = Kv::default();
        assert!(kv.compare_and_set("k".into(), None, Some(b"1".to_vec()), None).unwrap());
        assert!(!kv.compare_and_set("k".into(), None, Some(b"2".to_vec()), None).unwrap());
        assert!(kv.compare_and_set("k".into(), Some(b"1"), None, None).unwrap());
        assert_eq!(kv.get("k"), None);
        kv.set("k".into(), vec![1], Some(0)).unwrap();
        assert_eq!(kv.get("k"), None);
    }

    #[test]
    fn holds_a_plugin_to_its_share() {
        let kv = Kv::default();
        assert!(matches!(kv.set("k".repeat(513), vec![], None), Err(Error::TooLarge)));
        assert!(matches!(
            kv.set("k".into(), vec![0; VALUE_BYTES + 1], None),
            Err(Error::TooLarge)
        ));
        let fits = TOTAL_BYTES / (VALUE_BYTES + 3);
        for index in 0..fits {
            kv.set(
                format!("{index:03}"),
                vec![0; VALUE_BYTES],
                Some(if index == 0 { 0 } else { 60_000 }),
            )
            .unwrap();
        }
        // The expired entry makes room for one more, then it is full; replacing still works.
        kv.set("new".into(), vec![0; VALUE_BYTES], None).unwrap();
        assert!(matches!(
            kv.set("one".into(), vec![0; VALUE_BYTES], None),
            Err(Error::Quota)
        ));
        kv.set("new".into(), vec![1; VALUE_BYTES], None).unwrap();
    }
}
