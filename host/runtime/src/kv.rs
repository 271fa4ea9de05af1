//! The small state that a use of a plugin keeps between calls. It outlives instances and reloads, and restarts of the
//! router where there is a [`Keep`]; reads are answered from memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Keep, Kept, Limits};

const KEY_BYTES: usize = 512;
const VALUE_BYTES: usize = 64 << 10;
/// Most keys that are listed at once.
const MOST_LISTED: usize = 1_000;

/// Why an entry was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotKept {
    /// Its key or its value is longer than any may be.
    TooLarge,
    /// There is no more room under this limit.
    Quota(&'static str),
    /// What is to keep it cannot.
    Unavailable(String),
}

/// How much a use may keep.
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

/// The entries of one use.
#[derive(Default)]
pub(crate) struct Kv {
    entries: Mutex<Entries>,
    beyond: Option<Beyond>,
}

/// Where they go besides.
struct Beyond {
    keep: Arc<dyn Keep>,
    owner: String,
}

#[derive(Default)]
struct Entries {
    map: BTreeMap<String, Kept>,
    bytes: usize,
}

impl Kv {
    /// One whose entries outlive the process, with those that it had. Blocks.
    pub(crate) fn load(keep: Arc<dyn Keep>, owner: String) -> Result<Kv, String> {
        let map: BTreeMap<String, Kept> = keep.load(&owner)?.into_iter().collect();
        Ok(Kv {
            entries: Mutex::new(Entries { bytes: size(&map), map }),
            beyond: Some(Beyond { keep, owner }),
        })
    }

    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        let now = self.now();
        let entries = self.lock();
        entries.live(key, now).cloned()
    }

    pub(crate) fn set(&self, key: String, value: Vec<u8>, ttl_ms: Option<u64>, room: Room) -> Result<(), NotKept> {
        self.ready()?;
        let kept = self.kept(value, ttl_ms);
        self.lock().set(key, kept, self.now(), room, self.beyond.as_ref())
    }

    pub(crate) fn delete(&self, key: &str) -> Result<(), NotKept> {
        self.ready()?;
        self.lock().remove(key, self.beyond.as_ref());
        Ok(())
    }

    pub(crate) fn compare_and_set(
        &self,
        key: String,
        expected: Option<&[u8]>,
        value: Option<Vec<u8>>,
        ttl_ms: Option<u64>,
        room: Room,
    ) -> Result<bool, NotKept> {
        self.ready()?;
        let now = self.now();
        let mut entries = self.lock();
        if entries.live(&key, now).map(Vec::as_slice) != expected {
            return Ok(false);
        }
        match value {
            Some(value) => entries.set(key, self.kept(value, ttl_ms), now, room, self.beyond.as_ref())?,
            None => entries.remove(&key, self.beyond.as_ref()),
        }
        Ok(true)
    }

    /// Keys that begin with `prefix` and come behind `after`, in the order of their bytes.
    pub(crate) fn keys(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let now = self.now();
        let entries = self.lock();
        let range = entries.map.range::<str, _>((from, Bound::Unbounded));
        range
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, kept)| is_live(kept, now))
            .map(|(key, _)| key.clone())
            .take(limit.min(MOST_LISTED))
            .collect()
    }

    fn now(&self) -> u64 {
        self.beyond
            .as_ref()
            .map_or_else(patchpanel_event::now, |beyond| beyond.keep.now())
    }

    fn kept(&self, value: Vec<u8>, ttl_ms: Option<u64>) -> Kept {
        // A time to live beyond what the clock can count is one without end.
        let nanos = |ms: u64| ms.checked_mul(1_000_000)?.checked_add(self.now());
        Kept {
            value,
            expires: ttl_ms.and_then(nanos),
        }
    }

    /// Waits where it has to before the lock is taken, so that whoever only reads does not wait along.
    fn ready(&self) -> Result<(), NotKept> {
        let beyond = self.beyond.as_ref();
        beyond.map_or(Ok(()), |beyond| beyond.keep.ready().map_err(NotKept::Unavailable))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        // Every change is complete before anything can panic, so a poisoned lock holds a sound map.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_live(kept: &Kept, now: u64) -> bool {
    kept.expires.is_none_or(|at| at > now)
}

fn size(map: &BTreeMap<String, Kept>) -> usize {
    map.iter().map(|(key, kept)| key.len() + kept.value.len()).sum()
}

/// Changes go beyond under the lock, so they get there in the order in which they are made here. What has expired is
/// forgotten there by itself.
impl Entries {
    fn live(&self, key: &str, now: u64) -> Option<&Vec<u8>> {
        self.map
            .get(key)
            .filter(|kept| is_live(kept, now))
            .map(|kept| &kept.value)
    }

    fn set(&mut self, key: String, kept: Kept, now: u64, room: Room, beyond: Option<&Beyond>) -> Result<(), NotKept> {
        if key.len() > KEY_BYTES || kept.value.len() > VALUE_BYTES {
            return Err(NotKept::TooLarge);
        }
        let old = self.map.get(&key).map(|old| key.len() + old.value.len());
        let bytes = self.bytes - old.unwrap_or(0) + key.len() + kept.value.len();
        let full = if old.is_none() && self.map.len() >= room.keys {
            Some("kv_keys")
        } else if bytes > room.bytes {
            Some("kv_bytes")
        } else {
            None
        };
        if let Some(full) = full {
            return if self.drop_expired(now) {
                self.set(key, kept, now, room, beyond)
            } else {
                Err(NotKept::Quota(full))
            };
        }
        if let Some(beyond) = beyond {
            beyond.keep.write(&beyond.owner, &key, Some(&kept));
        }
        self.bytes = bytes;
        self.map.insert(key, kept);
        Ok(())
    }

    /// Whether that made room.
    fn drop_expired(&mut self, now: u64) -> bool {
        let before = self.map.len();
        self.map.retain(|_, kept| is_live(kept, now));
        self.bytes = size(&self.map);
        self.map.len() < before
    }

    fn remove(&mut self, key: &str, beyond: Option<&Beyond>) {
        if let Some((key, kept)) = self.map.remove_entry(key) {
            self.bytes -= key.len() + kept.value.len();
            if let Some(beyond) = beyond {
                beyond.keep.write(&beyond.owner, &key, None);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::atomic::{AtomicBool, AtomicU64};

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
        assert_eq!(set(&"k".repeat(513), 0, None), Err(NotKept::TooLarge));
        assert_eq!(set("k", VALUE_BYTES + 1, None), Err(NotKept::TooLarge));
        for key in ["a", "b", "c"] {
            set(key, 1, (key == "a").then_some(0)).unwrap();
        }
        // The expired entry makes room for one more, then it is full; replacing still works.
        set("d", 1, None).unwrap();
        assert_eq!(set("e", 1, None), Err(NotKept::Quota("kv_keys")));
        set("d", 15, None).unwrap();
        assert_eq!(set("d", 16, None), Err(NotKept::Quota("kv_bytes")));
        kv.delete("b").unwrap();
        set("d", 17, None).unwrap();
    }

    #[test]
    fn lists_keys_in_order() {
        let kv = Kv::default();
        for key in ["b", "a/2", "a/1", "a", "a/\u{fc}", "a/3"] {
            let ttl = (key == "a/3").then_some(0);
            kv.set(key.into(), vec![1], ttl, room(10, 100)).unwrap();
        }
        assert_eq!(kv.keys("", None, 9), ["a", "a/1", "a/2", "a/\u{fc}", "b"]);
        assert_eq!(kv.keys("a/", None, 2), ["a/1", "a/2"]);
        assert_eq!(kv.keys("a/", Some("a/2"), 2), ["a/\u{fc}"]);
        assert_eq!(kv.keys("a/", Some("a/15"), 1), ["a/2"], "it need not be there");
        assert_eq!(kv.keys("b", Some("a"), 9), ["b"]);
        assert!(kv.keys("a", Some("b"), 9).is_empty());
        assert!(kv.keys("", None, 0).is_empty());
        for number in 0..1_500 {
            kv.set(format!("n{number}"), vec![], None, room(2_000, 100_000))
                .unwrap();
        }
        assert_eq!(kv.keys("n", None, usize::MAX).len(), MOST_LISTED);
    }

    /// Keeps in memory what would be kept on a disk.
    #[derive(Default)]
    struct Disk {
        rows: Mutex<BTreeMap<(String, String), Kept>>,
        full: AtomicBool,
        now: AtomicU64,
    }

    impl Keep for Disk {
        fn now(&self) -> u64 {
            self.now.load(SeqCst)
        }

        fn load(&self, owner: &str) -> Result<Vec<(String, Kept)>, String> {
            let rows = self.rows.lock().unwrap();
            let own = rows.iter().filter(|((of, _), _)| of == owner);
            Ok(own.map(|((_, key), kept)| (key.clone(), kept.clone())).collect())
        }

        fn ready(&self) -> Result<(), String> {
            match self.full.load(SeqCst) {
                true => Err("full".to_owned()),
                false => Ok(()),
            }
        }

        fn write(&self, owner: &str, key: &str, kept: Option<&Kept>) {
            let (mut rows, key) = (self.rows.lock().unwrap(), (owner.to_owned(), key.to_owned()));
            match kept {
                Some(kept) => drop(rows.insert(key, kept.clone())),
                None => drop(rows.remove(&key)),
            }
        }
    }

    #[test]
    fn goes_on_where_it_ended() {
        let disk = Arc::new(Disk::default());
        let open = |owner: &str| Kv::load(disk.clone(), owner.to_owned()).unwrap();
        let kv = open("x");
        kv.set("a".into(), vec![1], None, room(9, 100)).unwrap();
        kv.set("b".into(), vec![2], Some(5), room(9, 100)).unwrap();
        kv.set("c".into(), vec![3], None, room(9, 100)).unwrap();
        kv.delete("c").unwrap();
        assert_eq!(
            kv.compare_and_set("a".into(), Some(&[1]), Some(vec![4]), None, room(9, 100)),
            Ok(true)
        );
        drop(kv);
        assert!(open("y").keys("", None, 9).is_empty(), "each has its own");
        let kv = open("x");
        assert_eq!((kv.get("a"), kv.get("b")), (Some(vec![4]), Some(vec![2])));
        // What was loaded counts.
        assert_eq!(
            kv.set("d".into(), vec![0; 5], None, room(9, 9)),
            Err(NotKept::Quota("kv_bytes"))
        );
        disk.now.store(5_000_000, SeqCst);
        assert_eq!(kv.keys("", None, 9), ["a"]);

        disk.full.store(true, SeqCst);
        let full = NotKept::Unavailable("full".to_owned());
        assert_eq!(kv.set("a".into(), vec![5], None, room(9, 100)), Err(full.clone()));
        assert_eq!(kv.delete("a"), Err(full));
        assert_eq!(kv.get("a"), Some(vec![4]));
    }
}
