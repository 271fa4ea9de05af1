//! Not more than one message to a hook in so long a time.
//!
//! A request that is too early waits inside the call: that costs nobody anything, while an answer would use up one of the
//! delivery's attempts. What would wait beyond the call's time is given back with the time to come again.

use crate::memory;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The pace of one hook.
#[derive(Debug)]
pub(crate) struct Pace {
    every: Duration,
    key: String,
}

/// Another instance took the same moment; after so many times in a row something is wrong, and nobody is held up.
const TRIES: usize = 32;

impl Pace {
    /// `hook` is what is not to be hurried; only a hash of it is kept.
    pub(crate) fn new(every: Duration, hook: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hook.hash(&mut hasher);
        Self {
            every,
            key: format!("pace/{:016x}", hasher.finish()),
        }
    }

    /// Whether there is any.
    pub(crate) const fn is_set(&self) -> bool {
        !self.every.is_zero()
    }

    /// Takes the next free moment. How long until then; or, if that is more than `most`, as an error and nothing is taken.
    pub(crate) fn take(&self, now: SystemTime, most: Duration) -> Result<Duration, Duration> {
        let now = milliseconds(now);
        for _ in 0..TRIES {
            let stored = memory::get(&self.key);
            let next = read(stored.as_deref()).max(now);
            let wait = Duration::from_millis(next - now);
            if wait > most {
                return Err(wait);
            }
            if self.store(stored.as_deref(), next.saturating_add(length(self.every)), now) {
                return Ok(wait);
            }
        }
        Ok(Duration::ZERO)
    }

    /// The hook wants to be left alone for so long.
    pub(crate) fn hold(&self, now: SystemTime, wait: Duration) {
        let now = milliseconds(now);
        let stored = memory::get(&self.key);
        let until = now.saturating_add(length(wait)).max(read(stored.as_deref()));
        // Somebody else has just moved it: they will be told to wait as well.
        self.store(stored.as_deref(), until, now);
    }

    fn store(&self, expected: Option<&[u8]>, next: u64, now: u64) -> bool {
        let keep = Duration::from_millis(next.saturating_sub(now)) + Duration::from_secs(60);
        memory::swap(&self.key, expected, Some(&next.to_le_bytes()), keep)
    }
}

fn read(stored: Option<&[u8]>) -> u64 {
    stored
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes)
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, length)
}

fn length(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_for_the_one_before_and_nobody_too_long() {
        let pace = Pace::new(Duration::from_secs(1), "hook");
        let (now, most) = (UNIX_EPOCH + Duration::from_secs(1000), Duration::from_secs(2));
        let seconds =
            |answer: Result<Duration, Duration>| answer.map(|wait| wait.as_secs()).map_err(|wait| wait.as_secs());
        assert_eq!(
            [(); 4].map(|()| seconds(pace.take(now, most))),
            [Ok(0), Ok(1), Ok(2), Err(3)]
        );
        assert_eq!(seconds(pace.take(now + Duration::from_secs(10), most)), Ok(0));
        pace.hold(now + Duration::from_secs(11), Duration::from_secs(30));
        assert_eq!(seconds(pace.take(now + Duration::from_secs(12), most)), Err(29));
        assert_eq!(
            seconds(Pace::new(Duration::from_secs(1), "another").take(now, most)),
            Ok(0)
        );
    }
}
