//! Token buckets, on tokio's clock, so that tests run them under virtual time.

use std::num::NonZeroU32;
use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use crate::Throttle;

/// So many a time, and so many at once.
pub(crate) struct Bucket(RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<TokioInstant>>);

impl Bucket {
    pub(crate) fn new(rate: NonZeroU32, per: Duration, burst: NonZeroU32) -> Bucket {
        // More than one each nanosecond is as good as one.
        let each = (per / rate.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or_else(|| Quota::per_second(rate));
        Bucket(RateLimiter::direct_with_clock(quota.allow_burst(burst), TokioClock))
    }

    /// Takes one.
    ///
    /// # Errors
    /// It is empty: when there is one again.
    pub(crate) fn take(&self) -> Result<(), Instant> {
        self.0.check().map_err(|not_until| not_until.earliest_possible().0)
    }
}

/// The throttle of a route. It stays as full as it is while the route's plan does not change it.
#[derive(Default)]
pub(crate) struct RouteThrottle(Option<(Throttle, Bucket)>);

impl RouteThrottle {
    /// Does as the plan of the table that is in service says.
    pub(crate) fn follow(&mut self, plan: Option<Throttle>) {
        if self.0.as_ref().map(|(throttle, _)| *throttle) != plan {
            self.0 = plan.map(|throttle| (throttle, Bucket::new(throttle.rate, throttle.per, throttle.burst)));
        }
    }

    /// Admits one delivery.
    ///
    /// # Errors
    /// It is one too many: the throttle, and when the next one may come.
    pub(crate) fn admit(&self) -> Result<(), (Throttle, Instant)> {
        match &self.0 {
            Some((throttle, bucket)) => bucket.take().map_err(|next| (*throttle, next)),
            None => Ok(()),
        }
    }
}

/// What a dead letter says of it.
pub(crate) fn exceeded(throttle: &Throttle) -> String {
    format!("the throttle of {} per {:?} was exceeded", throttle.rate, throttle.per)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TokioInstant(Instant);

impl Add<Nanos> for TokioInstant {
    type Output = TokioInstant;

    fn add(self, wait: Nanos) -> TokioInstant {
        TokioInstant(self.0 + Duration::from(wait))
    }
}

impl Reference for TokioInstant {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        TokioInstant(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = TokioInstant;

    fn now(&self) -> TokioInstant {
        TokioInstant(Instant::now())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn count(number: u32) -> NonZeroU32 {
        number.try_into().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_and_then_its_rate() {
        let bucket = Bucket::new(count(4), Duration::from_secs(2), count(3));
        let started = Instant::now();
        let mut times = Vec::new();
        while times.len() < 7 {
            match bucket.take() {
                Ok(()) => times.push(started.elapsed().as_millis()),
                Err(next) => tokio::time::sleep_until(next).await,
            }
        }
        assert_eq!(times, [0, 0, 0, 500, 1_000, 1_500, 2_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_beyond_all_clocks_is_no_mistake() {
        let bucket = Bucket::new(NonZeroU32::MAX, Duration::from_nanos(1), count(1));
        assert!(bucket.take().is_ok());
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(bucket.take().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_forgets_nothing_until_it_is_changed() {
        let once = |seconds| Throttle {
            rate: count(1),
            per: Duration::from_secs(seconds),
            burst: count(1),
            when_exceeded: crate::WhenExceeded::Delay,
        };
        let mut throttle = RouteThrottle::default();
        assert!(throttle.admit().is_ok());
        throttle.follow(Some(once(60)));
        assert!(throttle.admit().is_ok());
        throttle.follow(Some(once(60)));
        assert!(throttle.admit().is_err());
        throttle.follow(Some(once(30)));
        assert!(throttle.admit().is_ok());
        throttle.follow(None);
        assert!(throttle.admit().is_ok());
    }
}
