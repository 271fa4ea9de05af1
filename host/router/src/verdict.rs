//! How a delivery goes on, or ends.

use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::Event;
use patchpanel_store::{Delivery, Settlement, Verdict};

use crate::DeliveryPlan;
use crate::pipeline::{Processed, StepFailure};
use crate::table::Route;

pub(crate) fn settlement(route: &Route, delivery: &Delivery, verdict: Verdict) -> Settlement {
    Settlement {
        subscription: Arc::clone(&route.name),
        key: delivery.key,
        verdict,
    }
}

/// Whether it is too old to be attempted.
pub(crate) fn is_expired(plan: &DeliveryPlan, delivery: &Delivery, now: u64) -> bool {
    plan.expires_after
        .is_some_and(|age| now.saturating_sub(delivery.since) >= nanos(age))
}

/// After a failed attempt: another one, or a dead letter if that was the last. `asked` is what the other side wants.
pub(crate) fn again(
    plan: &DeliveryPlan,
    delivery: &Delivery,
    now: u64,
    asked: Option<Duration>,
    reason: String,
) -> Verdict {
    let too_old = |age: Duration| now.saturating_sub(delivery.since) > nanos(age);
    let failed = delivery.attempts.saturating_add(1);
    let wait = plan.retry.wait(failed, asked, fastrand::f64());
    let Some(wait) = wait.filter(|_| !plan.retry.max_age.is_some_and(too_old)) else {
        return Verdict::Dead {
            reason,
            attempted: true,
        };
    };
    let due = now.saturating_add(nanos(wait));
    // Not after it expires, so that it is settled when it does.
    let expiry = plan.expires_after.map(|age| delivery.since.saturating_add(nanos(age)));
    Verdict::Retry {
        due: expiry.map_or(due, |expiry| due.min(expiry)),
        reason,
    }
}

/// What transforms left of a delivery's event, or how the delivery ends without being handed to anybody.
pub(crate) fn left(
    plan: &DeliveryPlan,
    delivery: &Delivery,
    processed: Processed,
    now: u64,
) -> Result<Vec<Event>, Verdict> {
    match processed {
        Processed::Passed(event) => Ok(vec![event]),
        Processed::Split(events) => Ok(events),
        Processed::Dropped { plugin, reason } => Err(Verdict::Filtered(format!("{plugin}: {reason}"))),
        Processed::Failed(failure @ StepFailure::Invalid { .. }) => Err(Verdict::Dead {
            reason: failure.to_string(),
            attempted: true,
        }),
        Processed::Failed(failure) => Err(again(plan, delivery, now, None, failure.to_string())),
    }
}

/// Nanoseconds, as times are counted.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use patchpanel_event::Limits;
    use patchpanel_store::DeliveryKey;

    use super::*;
    use crate::RetryPolicy;

    const SECOND: u64 = 1_000_000_000;

    fn delivery(attempts: u32) -> Delivery {
        Delivery {
            key: DeliveryKey::original(1),
            attempts,
            since: 100 * SECOND,
            event: Event::parse(r#"{"id":"e","type":"t"}"#.into(), &Limits::default()).unwrap(),
        }
    }

    fn plan(expires_after: Option<u64>, max_age: Option<u64>) -> DeliveryPlan {
        DeliveryPlan {
            expires_after: expires_after.map(Duration::from_secs),
            retry: RetryPolicy {
                max_age: max_age.map(Duration::from_secs),
                ..RetryPolicy::default()
            },
            ..DeliveryPlan::default()
        }
    }

    #[test]
    fn a_retry_is_due_no_later_than_its_delivery_expires() {
        let plan = plan(Some(30), None);
        let due = |now: u64, asked: u64| {
            let asked = Some(Duration::from_secs(asked));
            match again(&plan, &delivery(0), now * SECOND, asked, String::new()) {
                Verdict::Retry { due, .. } => due / SECOND,
                other => unreachable!("{other:?}"),
            }
        };
        assert_eq!((due(110, 5), due(110, 60), due(140, 5)), (115, 130, 130));
        for (now, expired) in [(100, false), (129, false), (130, true)] {
            assert_eq!(is_expired(&plan, &delivery(0), now * SECOND), expired, "{now}");
        }
    }

    #[test]
    fn the_last_attempt_and_the_first_one_that_is_too_old_are_the_end() {
        let is_dead = |plan: &DeliveryPlan, attempts, now: u64| {
            let verdict = again(plan, &delivery(attempts), now * SECOND, None, String::new());
            matches!(verdict, Verdict::Dead { attempted: true, .. })
        };
        let aging = plan(None, Some(10));
        assert!(!is_dead(&aging, 0, 110));
        assert!(is_dead(&aging, 0, 111));
        assert!(!is_dead(&plan(None, None), 18, 111));
        assert!(is_dead(&plan(None, None), 19, 111));
    }
}
