//! Small state that outlives instances and reloads; private to the plugin. For transforms and channels, where the declaration
//! asks for `kv` and the operator grants it.
//!
//! Natively, in unit tests, values live in memory, one store per thread, and expire by the clock that
//! [`crate::testing::advance`] moves.

use std::time::Duration;

#[cfg(target_family = "wasm")]
use crate::bindings::host::patchpanel::plugin::kv as backend;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The key or the value is longer than allowed.
    TooLarge,
    /// The plugin already keeps as much as it may.
    Quota,
    /// The store cannot be reached now.
    Unavailable(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the key or the value is too large"),
            Self::Quota => f.write_str("the plugin's share of the store is used up"),
            Self::Unavailable(why) => write!(f, "the store cannot be reached: {why}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<crate::bindings::host::patchpanel::plugin::kv::Error> for Error {
    fn from(error: crate::bindings::host::patchpanel::plugin::kv::Error) -> Self {
        use crate::bindings::host::patchpanel::plugin::kv::Error as Wit;
        match error {
            Wit::TooLarge => Self::TooLarge,
            Wit::Quota => Self::Quota,
            Wit::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

/// The value under `key`, if there is one that has not expired.
///
/// # Errors
/// Where the store cannot be reached.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    Ok(backend::get(key)?)
}

/// Stores `value` under `key`, for as long as `ttl` says or for good.
///
/// # Errors
/// Where it is too much, or the store cannot be reached.
pub fn set(key: &str, value: &[u8], ttl: Option<Duration>) -> Result<(), Error> {
    Ok(backend::set(key, value, ttl.map(milliseconds))?)
}

/// Removes `key`; no error where it is not there.
///
/// # Errors
/// Where the store cannot be reached.
pub fn delete(key: &str) -> Result<(), Error> {
    Ok(backend::delete(key)?)
}

/// True where the stored value was `expected` (none: absent) and is now `value` (none: removed); false where it was
/// something else, and nothing changed.
///
/// # Errors
/// Where it is too much, or the store cannot be reached.
pub fn compare_and_set(
    key: &str,
    expected: Option<&[u8]>,
    value: Option<&[u8]>,
    ttl: Option<Duration>,
) -> Result<bool, Error> {
    Ok(backend::compare_and_set(key, expected, value, ttl.map(milliseconds))?)
}

/// Keys that begin with `prefix`, in the order of their bytes, from the first behind `after` on: at most `limit`, and never
/// more than 1,000 at once.
///
/// # Errors
/// Where the store cannot be reached.
pub fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
    Ok(backend::keys(prefix, after, limit)?)
}

fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use crate::bindings::host::patchpanel::plugin::kv::Error;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    struct Entry {
        value: Vec<u8>,
        /// In nanoseconds, as [`crate::now`].
        expires: Option<u64>,
    }

    impl Entry {
        fn is_live(&self) -> bool {
            self.expires.is_none_or(|at| at > crate::now())
        }
    }

    /// More than the contract lets anybody see at once.
    const MOST_KEYS: u32 = 1_000;

    thread_local! {
        static ENTRIES: RefCell<BTreeMap<String, Entry>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(ENTRIES.with_borrow(|entries| {
            let entry = entries.get(key).filter(|entry| entry.is_live())?;
            Some(entry.value.clone())
        }))
    }

    pub(super) fn set(key: &str, value: &[u8], ttl: Option<u64>) -> Result<(), Error> {
        if key.len() > 512 || value.len() > 64 << 10 {
            return Err(Error::TooLarge);
        }
        let expires = ttl.map(|ttl| crate::now().saturating_add(ttl.saturating_mul(1_000_000)));
        let value = value.to_vec();
        ENTRIES.with_borrow_mut(|entries| entries.insert(key.to_owned(), Entry { value, expires }));
        Ok(())
    }

    pub(super) fn keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>, Error> {
        let limit = usize::try_from(limit.min(MOST_KEYS)).unwrap_or(usize::MAX);
        Ok(ENTRIES.with_borrow(|entries| {
            let matching = entries.iter().filter(|(key, entry)| {
                key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after) && entry.is_live()
            });
            matching.map(|(key, _)| key.clone()).take(limit).collect()
        }))
    }

    pub(super) fn delete(key: &str) -> Result<(), Error> {
        ENTRIES.with_borrow_mut(|entries| entries.remove(key));
        Ok(())
    }

    pub(super) fn compare_and_set(
        key: &str,
        expected: Option<&[u8]>,
        value: Option<&[u8]>,
        ttl: Option<u64>,
    ) -> Result<bool, Error> {
        if get(key)?.as_deref() != expected {
            return Ok(false);
        }
        match value {
            Some(value) => set(key, value, ttl)?,
            None => delete(key)?,
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_native_store_behaves_like_the_contract() -> Result<(), Error> {
        assert_eq!(get("a")?, None);
        assert!(compare_and_set("a", None, Some(b"1"), None)?);
        assert!(!compare_and_set("a", None, Some(b"2"), None)?);
        assert_eq!(get("a")?, Some(b"1".to_vec()));
        assert!(compare_and_set("a", Some(b"1"), None, None)?);
        set("a", b"3", Some(Duration::from_secs(1)))?;
        delete("a")?;
        delete("a")?;
        assert_eq!(get("a")?, None);
        Ok(())
    }

    #[test]
    fn keys_come_in_order_and_page_by_page() -> Result<(), Error> {
        for key in ["b/2", "a", "b/10", "b/1", "c"] {
            set(key, b"", None)?;
        }
        assert_eq!(keys("b/", None, 10)?, ["b/1", "b/10", "b/2"]);
        assert_eq!(keys("b/", None, 2)?, ["b/1", "b/10"]);
        assert_eq!(keys("b/", Some("b/10"), 2)?, ["b/2"]);
        assert_eq!(keys("", Some("b/2"), u32::MAX)?, ["c"]);
        Ok(())
    }

    #[test]
    fn what_has_expired_is_not_there() -> Result<(), Error> {
        let second = Duration::from_secs(1);
        set("a", b"1", Some(second))?;
        crate::testing::advance(second - Duration::from_nanos(1));
        assert_eq!(get("a")?, Some(b"1".to_vec()));
        crate::testing::advance(Duration::from_nanos(1));
        assert_eq!((get("a")?, keys("", None, 10)?), (None, Vec::new()));
        assert!(compare_and_set("a", None, Some(b"2"), None)?);
        Ok(())
    }
}
