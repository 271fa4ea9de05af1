//! When to try again.

use std::num::NonZeroU32;
use std::time::Duration;

/// Longest wait that a channel may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How often and when a delivery is attempted: exponential backoff with full jitter, which spreads the retries of an
/// outage evenly (<https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all; after the last one the delivery is a dead letter.
    pub attempts: NonZeroU32,
    /// Longest wait after the first failed attempt; doubles with each further one.
    pub base: Duration,
    /// Longest wait ever.
    pub cap: Duration,
    /// A delivery that is older than this when an attempt fails is not tried again.
    pub max_age: Option<Duration>,
}

/// 20 attempts, waits of up to 1 s doubling to 5 min: on average they reach over half an hour, an outage that a channel
/// should survive without losing anything.
impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            attempts: const { NonZeroU32::new(20).unwrap() },
            base: Duration::from_secs(1),
            cap: Duration::from_secs(300),
            max_age: None,
        }
    }
}

impl RetryPolicy {
    /// How long to wait after attempt number `failed` (from 1), or `None` if that was the last. `asked` is what the
    /// channel wants, which wins over the backoff, up to a day. `random` is in `0.0..1.0`.
    pub fn wait(&self, failed: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
        if failed >= self.attempts.get() {
            return None;
        }
        if let Some(asked) = asked {
            return Some(asked.min(LONGEST_RETRY_AFTER));
        }
        let doublings = failed.saturating_sub(1).min(31);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        Some(longest.mul_f64(random.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn policy(attempts: u32) -> RetryPolicy {
        RetryPolicy {
            attempts: attempts.try_into().unwrap(),
            ..RetryPolicy::default()
        }
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = policy(u32::MAX);
        for (failed, longest) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (9, 256),
            (10, 300),
            (40, 300),
            (1 << 30, 300),
        ] {
            for (random, share) in [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)] {
                let wait = policy.wait(failed, None, random).unwrap();
                assert_eq!(wait, Duration::from_secs(longest).mul_f64(share), "{failed} {random}");
            }
        }
    }

    #[test]
    fn the_channels_wish_wins_within_a_day() {
        let asked = |seconds| policy(5).wait(1, Some(Duration::from_secs(seconds)), 0.5);
        assert_eq!(asked(0), Some(Duration::ZERO));
        assert_eq!(asked(3_600), Some(Duration::from_secs(3_600)));
        assert_eq!(asked(u64::MAX), Some(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn ends_after_the_last_attempt() {
        assert!(policy(3).wait(2, None, 0.5).is_some());
        assert_eq!(policy(3).wait(3, None, 0.5), None);
        assert_eq!(policy(3).wait(3, Some(Duration::ZERO), 0.5), None);
        assert_eq!(policy(1).wait(1, None, 0.5), None);
    }

    #[test]
    fn the_default_outlasts_half_an_hour_on_average() {
        let policy = RetryPolicy::default();
        let total: Duration = (1..20).filter_map(|failed| policy.wait(failed, None, 0.5)).sum();
        assert!(total > Duration::from_secs(25 * 60), "{total:?}");
    }
}
