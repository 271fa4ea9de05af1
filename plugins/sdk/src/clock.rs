//! The time of day.

/// Nanoseconds since the Unix epoch, UTC.
///
/// Natively, in unit tests, time stands still but for [`crate::testing::advance`].
#[must_use]
pub fn now() -> u64 {
    #[cfg(target_family = "wasm")]
    {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
    #[cfg(not(target_family = "wasm"))]
    native::now()
}

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native {
    use std::cell::Cell;
    use std::time::Duration;

    thread_local! {
        /// 2026-01-01T00:00:00Z, so that times look like times.
        static NOW: Cell<u64> = const { Cell::new(1_767_225_600_000_000_000) };
    }

    pub(crate) fn now() -> u64 {
        NOW.get()
    }

    pub(crate) fn advance(time: Duration) {
        NOW.set(
            NOW.get()
                .saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
        );
    }
}
