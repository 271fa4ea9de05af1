//! Small state that outlives instances and reloads; private to the plugin. For transforms and channels, where the declaration
//! asks for `kv` and the operator grants it.
//!
//! Natively, in unit tests, values live in memory, one store per thread, and do not expire.

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

fn milliseconds(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(not(target_family = "wasm"))]
mod backend {
    use crate::bindings::host::patchpanel::plugin::kv::Error;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    thread_local! {
        static VALUES: RefCell<BTreeMap<String, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    }

    pub(super) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(VALUES.with_borrow(|values| values.get(key).cloned()))
    }

    pub(super) fn set(key: &str, value: &[u8], _ttl: Option<u64>) -> Result<(), Error> {
        VALUES.with_borrow_mut(|values| values.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }

    pub(super) fn delete(key: &str) -> Result<(), Error> {
        VALUES.with_borrow_mut(|values| values.remove(key));
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
}
