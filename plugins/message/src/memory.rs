//! What the instances of a channel have to know of each other: kept in `kv` where the operator grants it, else in this
//! instance alone. Either way it is a help and no promise.

use patchpanel_plugin::kv;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// Own values are forgotten together when there are so many: nobody asks for old ones.
const MOST: usize = 1024;

thread_local! {
    /// Whether `kv` is known not to be granted.
    static ALONE: Cell<bool> = const { Cell::new(false) };
    static OWN: RefCell<BTreeMap<String, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
}

pub(crate) fn get(key: &str) -> Option<Vec<u8>> {
    let shared = shared(|| kv::get(key)).flatten();
    shared.or_else(|| OWN.with_borrow(|own| own.get(key).cloned()))
}

/// False where the value was no longer `expected`.
pub(crate) fn swap(key: &str, expected: Option<&[u8]>, value: Option<&[u8]>, keep: Duration) -> bool {
    shared(|| kv::compare_and_set(key, expected, value, Some(keep))).unwrap_or_else(|| {
        OWN.with_borrow_mut(|own| {
            if own.len() >= MOST {
                own.clear();
            }
            match value {
                Some(value) => own.insert(key.to_owned(), value.to_owned()),
                None => own.remove(key),
            }
        });
        true
    })
}

/// `None` where `kv` cannot be used, now or at all.
fn shared<T>(call: impl FnOnce() -> Result<T, kv::Error>) -> Option<T> {
    if ALONE.get() {
        return None;
    }
    let answer = call();
    if matches!(answer, Err(kv::Error::Unavailable(_))) {
        ALONE.set(true);
    }
    answer.ok()
}
