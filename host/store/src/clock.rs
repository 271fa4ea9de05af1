use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Where the time comes from; tests bring their own.
pub trait Clock: Send + Sync {
    /// Nanoseconds since the Unix epoch.
    fn now(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        patchpanel_event::now()
    }
}

/// Differences that a time service makes when it corrects a clock; they are followed at once.
const CORRECTION: u64 = 1_000_000_000;
/// Where the machine's clock was set, this one catches up by one part in so many of the time that passes.
const CATCH_UP: u64 = 10;

/// A clock that never jumps and never goes back: a retry that waits for five minutes waits for about that long, also
/// when somebody sets the machine's clock meanwhile. It follows such a jump with a tenth of the speed of time.
#[derive(Debug)]
pub struct SteadyClock {
    state: Mutex<Steady>,
    started: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Steady {
    now: u64,
    /// Of the monotonic clock, in nanoseconds.
    elapsed: u64,
}

impl Default for SteadyClock {
    fn default() -> Self {
        SteadyClock {
            state: Mutex::new(Steady {
                now: SystemClock.now(),
                elapsed: 0,
            }),
            started: Instant::now(),
        }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.after(elapsed, SystemClock.now());
        state.now
    }
}

impl Steady {
    /// The state when the monotonic clock shows `elapsed` and the machine's clock `wall`.
    fn after(self, elapsed: u64, wall: u64) -> Steady {
        // Two threads may come here in another order than they looked at the clock.
        let passed = elapsed.saturating_sub(self.elapsed);
        let expected = self.now + passed;
        let (behind, ahead) = (wall.saturating_sub(expected), expected.saturating_sub(wall));
        let now = if behind <= CORRECTION && ahead <= CORRECTION {
            wall.max(self.now)
        } else {
            expected + behind.min(passed / CATCH_UP) - ahead.min(passed / CATCH_UP)
        };
        Steady {
            now,
            elapsed: elapsed.max(self.elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// Where the clock stands after so many seconds, asked each second, with the machine's clock off by so much.
    fn run(seconds: u64, jump: i64) -> u64 {
        let mut clock = Steady {
            now: 1_000_000 * SECOND,
            elapsed: 0,
        };
        for second in 1..=seconds {
            let wall = (1_000_000 * SECOND + second * SECOND).saturating_add_signed(jump);
            let before = clock.now;
            clock = clock.after(second * SECOND, wall);
            assert!(clock.now >= before, "never back");
        }
        clock.now - 1_000_000 * SECOND
    }

    #[test]
    fn follows_small_corrections_at_once_and_jumps_slowly() {
        let second = i64::try_from(SECOND).unwrap_or_default();
        assert_eq!(run(60, 0), 60 * SECOND);
        assert_eq!(run(60, second / 2), 60 * SECOND + SECOND / 2);
        assert_eq!(run(60, 3_600 * second), 66 * SECOND, "an hour ahead");
        assert_eq!(run(60, -3_600 * second), 54 * SECOND, "an hour back");
        assert_eq!(run(60, i64::MAX), 66 * SECOND);
        assert_eq!(run(60, i64::MIN), 54 * SECOND);
        assert_eq!(run(1_000, 20 * second), 1_020 * SECOND, "caught up");
    }

    #[test]
    fn a_look_at_the_past_changes_nothing() {
        let clock = Steady {
            now: 50 * SECOND,
            elapsed: 10 * SECOND,
        };
        let after = clock.after(9 * SECOND, 49 * SECOND);
        assert_eq!((after.now, after.elapsed), (50 * SECOND, 10 * SECOND));
    }
}
