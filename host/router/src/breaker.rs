//! Leaves a channel alone that fails, so that deliveries do not use up their attempts on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::BreakerPolicy;

/// The breaker of one channel, shared by all routes to it.
pub(crate) struct Breaker {
    policy: BreakerPolicy,
    /// For the log.
    channel: String,
    state: watch::Sender<State>,
}

/// Where a breaker stands. Watched for changes, except of a mere count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Calls are made.
    Closed {
        /// Calls that failed in a row.
        failures: u32,
    },
    /// No calls are made; from `until` on, one may probe.
    Open {
        until: Instant,
        /// Waits that have been begun.
        waits: u32,
    },
    /// The probe is under way.
    Probing { waits: u32 },
}

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Everything,
    /// One delivery, by whoever claims the probe.
    Probe,
    /// Nothing before then.
    At(Instant),
    /// Nothing before the state changes.
    Changed,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The other side answered, if only by rejecting everything.
    Answered,
    /// Nothing was delivered, and something is to be tried again.
    Failed,
}

impl State {
    pub(crate) fn admission(self) -> Admission {
        match self {
            State::Closed { .. } => Admission::Everything,
            State::Open { until, .. } if until <= Instant::now() => Admission::Probe,
            State::Open { until, .. } => Admission::At(until),
            State::Probing { .. } => Admission::Changed,
        }
    }

    /// As statistics call it.
    pub(crate) fn name(self) -> &'static str {
        match self.admission() {
            Admission::Everything => "closed",
            Admission::At(_) => "open",
            Admission::Probe | Admission::Changed => "half_open",
        }
    }
}

impl Breaker {
    pub(crate) fn new(policy: BreakerPolicy, channel: &str) -> Arc<Breaker> {
        Arc::new(Breaker {
            policy,
            channel: channel.to_owned(),
            state: watch::Sender::new(State::Closed { failures: 0 }),
        })
    }

    pub(crate) fn policy(&self) -> BreakerPolicy {
        self.policy
    }

    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// The right to send the one delivery that probes, if it is time for one and nobody else has it.
    pub(crate) fn claim(self: &Arc<Breaker>) -> Option<Probe> {
        let claimed = self.state.send_if_modified(|state| match *state {
            State::Open { until, waits } if until <= Instant::now() => {
                *state = State::Probing { waits };
                true
            }
            _ => false,
        });
        claimed.then(|| Probe {
            breaker: Arc::clone(self),
            used: false,
        })
    }

    /// Whether a call may be made. It waited for its turn, and the breaker may have opened meanwhile.
    pub(crate) fn admits(&self, probe: Option<&Probe>) -> bool {
        probe.is_some() || matches!(self.state(), State::Closed { .. })
    }

    /// A call begins.
    pub(crate) fn call(self: &Arc<Breaker>, probe: Option<Probe>) -> Call {
        let is_probe = probe.is_some();
        if let Some(mut probe) = probe {
            probe.used = true;
        }
        Call {
            breaker: Arc::clone(self),
            is_probe,
            ended: false,
        }
    }

    fn answered(&self) {
        let was_shut = self.state.send_if_modified(|state| {
            let closes = !matches!(state, State::Closed { .. });
            *state = State::Closed { failures: 0 };
            closes
        });
        if was_shut {
            tracing::info!(channel = self.channel, "the channel takes deliveries again");
        }
    }

    fn failed(&self, is_probe: bool) {
        let open = |state: &mut State, waits: u32| {
            let wait = self.wait(waits);
            *state = State::Open {
                until: Instant::now() + wait,
                waits: waits.saturating_add(1),
            };
            tracing::warn!(
                channel = self.channel,
                wait = ?wait,
                "the channel fails and is left alone"
            );
            true
        };
        self.state.send_if_modified(|state| match *state {
            State::Closed { failures } if failures.saturating_add(1) >= self.policy.failures.get() => open(state, 0),
            State::Closed { failures } => {
                *state = State::Closed { failures: failures + 1 };
                false
            }
            State::Probing { waits } if is_probe => open(state, waits),
            // A call that began before the breaker opened.
            State::Open { .. } | State::Probing { .. } => false,
        });
    }

    fn wait(&self, waits: u32) -> Duration {
        let doublings = 1_u32.checked_shl(waits).unwrap_or(u32::MAX);
        self.policy.base.saturating_mul(doublings).min(self.policy.cap)
    }
}

/// The right to probe; given back if no call is made.
pub(crate) struct Probe {
    breaker: Arc<Breaker>,
    used: bool,
}

impl Drop for Probe {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        self.breaker.state.send_if_modified(|state| match *state {
            State::Probing { waits } => {
                *state = State::Open {
                    until: Instant::now(),
                    waits,
                };
                true
            }
            State::Closed { .. } | State::Open { .. } => false,
        });
    }
}

/// A call under way. One that goes away without an end was cut off or has panicked, and has failed.
pub(crate) struct Call {
    breaker: Arc<Breaker>,
    is_probe: bool,
    ended: bool,
}

impl Call {
    pub(crate) fn ended(mut self, outcome: Outcome) {
        self.ended = true;
        match outcome {
            Outcome::Answered => self.breaker.answered(),
            Outcome::Failed => self.breaker.failed(self.is_probe),
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.breaker.failed(self.is_probe);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn breaker() -> Arc<Breaker> {
        let policy = BreakerPolicy {
            failures: 3.try_into().unwrap(),
            base: Duration::from_secs(1),
            cap: Duration::from_secs(5),
        };
        Breaker::new(policy, "c")
    }

    fn fail(breaker: &Arc<Breaker>, times: u32) {
        for _ in 0..times {
            breaker.call(None).ended(Outcome::Failed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_only() {
        let breaker = breaker();
        fail(&breaker, 2);
        breaker.call(None).ended(Outcome::Answered);
        fail(&breaker, 2);
        assert_eq!(breaker.state().name(), "closed");
        drop(breaker.call(None));
        assert_eq!(breaker.state().name(), "open");
        assert!(!breaker.admits(None));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_to_the_cap_and_one_answer_ends_them() {
        let breaker = breaker();
        fail(&breaker, 3);
        for expected in [1, 2, 4, 5, 5] {
            let Admission::At(until) = breaker.state().admission() else {
                unreachable!("{:?}", breaker.state());
            };
            assert_eq!(until - Instant::now(), Duration::from_secs(expected));
            assert!(breaker.claim().is_none());
            tokio::time::sleep_until(until).await;
            let probe = breaker.claim().unwrap();
            assert!(breaker.claim().is_none(), "one at a time");
            assert!(breaker.admits(Some(&probe)) && !breaker.admits(None));
            breaker.call(Some(probe)).ended(Outcome::Failed);
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let probe = breaker.claim();
        breaker.call(probe).ended(Outcome::Answered);
        assert_eq!(breaker.state(), State::Closed { failures: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_makes_no_call_is_given_back() {
        let breaker = breaker();
        fail(&breaker, 3);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(breaker.claim().unwrap());
        assert_eq!(breaker.state().admission(), Admission::Probe);
        let probe = breaker.claim().unwrap();
        // One that began before the breaker opened neither ends the probe nor begins another wait.
        fail(&breaker, 1);
        assert_eq!(breaker.state().admission(), Admission::Changed);
        drop(probe);
    }
}
