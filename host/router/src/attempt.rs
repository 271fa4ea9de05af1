//! One attempt at a batch of deliveries: transforms, channel, verdicts.

use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{Attempt, Event, Problem, Receipt, delivery_id};
use patchpanel_store::{Delivery, Settlement, Verdict};

use crate::generation::Lane;
use crate::inner::Inner;
use crate::pipeline::{Processed, Scratch, StepFailure, apply, bounded};
use crate::table::Route;

/// Attempts a batch and returns how each delivery of it ended.
pub(crate) async fn attempt(
    inner: &Arc<Inner>,
    route: &Arc<Route>,
    lane: &Lane,
    deliveries: Vec<Delivery>,
) -> Vec<Settlement> {
    let mut settlements = Vec::with_capacity(deliveries.len());
    let mut settle = |delivery: &Delivery, verdict| {
        settlements.push(Settlement {
            subscription: Arc::clone(&route.name),
            sequence: delivery.sequence,
            verdict,
        });
    };
    let processed = transform(inner, route, &deliveries).await;
    // What goes to the channel, and whose it is: a delivery whose event was split has several attempts.
    let (mut attempts, mut owners) = (Vec::new(), Vec::new());
    for (index, (delivery, processed)) in deliveries.iter().zip(processed).enumerate() {
        let events = match processed {
            Processed::Passed(event) => vec![event],
            Processed::Split(events) => events,
            Processed::Dropped { plugin, reason } => {
                settle(delivery, Verdict::Filtered(format!("{plugin}: {reason}")));
                continue;
            }
            Processed::Failed(failure @ StepFailure::Invalid { .. }) => {
                settle(
                    delivery,
                    Verdict::Dead {
                        reason: failure.to_string(),
                        attempts: delivery.attempts + 1,
                    },
                );
                continue;
            }
            Processed::Failed(failure) => {
                settle(delivery, again(inner, route, delivery, None, failure.to_string()));
                continue;
            }
        };
        owners.extend(events.iter().map(|_| index));
        attempts.extend(events.into_iter().map(|event| Attempt {
            delivery_id: delivery_id(&event.id(), &route.name),
            number: delivery.attempts + 1,
            subscription: route.name.to_string(),
            recipients: route.plan.recipients.clone(),
            event,
        }));
    }
    if attempts.is_empty() {
        return settlements;
    }
    let answers = call(route, lane, &attempts).await;
    let mut answers = owners.into_iter().zip(answers).peekable();
    while let Some((owner, first)) = answers.next() {
        let mut answer = first;
        while let Some((_, next)) = answers.next_if(|(next, _)| *next == owner) {
            // All parts or none: one that failed has all of them tried again.
            if weight(&next) > weight(&answer) {
                answer = next;
            }
        }
        if let Some(delivery) = deliveries.get(owner) {
            let verdict = verdict(inner, route, lane, delivery, answer);
            settle(delivery, verdict);
        }
    }
    settlements
}

async fn transform(inner: &Arc<Inner>, route: &Arc<Route>, deliveries: &[Delivery]) -> Vec<Processed> {
    let events: Vec<Event> = deliveries.iter().map(|delivery| delivery.event.clone()).collect();
    if route.plan.transforms.is_empty() {
        return events.into_iter().map(Processed::Passed).collect();
    }
    let (route, limits) = (Arc::clone(route), inner.generation().table.limits());
    inner
        .blocking(&inner.transforms, move |scratch: &mut Scratch| {
            apply(&route.plan.transforms, events, &limits, scratch)
        })
        .await
}

/// One answer per attempt, whatever the channel does.
async fn call(route: &Route, lane: &Lane, attempts: &[Attempt]) -> Vec<Result<Receipt, Problem>> {
    let _permit = lane.gate.acquire(route.plan.priority).await;
    if let Some(reason) = lane.disabled.get() {
        // By the call that this one queued behind.
        return attempts.iter().map(|_| Err(Problem::Disable(reason.clone()))).collect();
    }
    let failed = |reason: String| attempts.iter().map(|_| Err(Problem::Retry(reason.clone()))).collect();
    match tokio::time::timeout(lane.entry.deadline, lane.entry.handle.deliver(attempts)).await {
        Ok(Ok(answers)) if answers.len() == attempts.len() => answers,
        Ok(Ok(answers)) => failed(format!(
            "plugin `{}` gave {} answers for {} deliveries",
            lane.entry.plugin,
            answers.len(),
            attempts.len()
        )),
        Ok(Err(failure)) => failed(failure.to_string()),
        Err(_) => failed(format!(
            "the channel gave no answer within {} ms",
            lane.entry.deadline.as_millis()
        )),
    }
}

/// Which of the answers for the parts of one event counts: the heaviest. As long as a part may yet be taken, one that is
/// rejected does not end the delivery.
fn weight(answer: &Result<Receipt, Problem>) -> u8 {
    match answer {
        Ok(_) => 0,
        Err(Problem::Reject(_)) => 1,
        Err(Problem::Retry(_)) => 2,
        Err(Problem::RetryAfter(..)) => 3,
        Err(Problem::Disable(_)) => 4,
    }
}

fn verdict(
    inner: &Inner,
    route: &Route,
    lane: &Lane,
    delivery: &Delivery,
    answer: Result<Receipt, Problem>,
) -> Verdict {
    match answer {
        Ok(receipt) => Verdict::Delivered(receipt),
        Err(Problem::Retry(reason)) => again(inner, route, delivery, None, bounded(&reason)),
        Err(Problem::RetryAfter(millis, reason)) => again(
            inner,
            route,
            delivery,
            Some(Duration::from_millis(millis)),
            bounded(&reason),
        ),
        Err(Problem::Reject(reason)) => Verdict::Dead {
            reason: bounded(&reason),
            attempts: delivery.attempts + 1,
        },
        Err(Problem::Disable(reason)) => {
            let reason = bounded(&reason);
            if lane.disabled.set(reason.clone()).is_ok() {
                tracing::error!(
                    channel = lane.entry.key,
                    reason,
                    "the channel is disabled until the next configuration"
                );
            }
            Verdict::Release
        }
    }
}

/// Another attempt, or a dead letter if that was the last.
pub(crate) fn again(
    inner: &Inner,
    route: &Route,
    delivery: &Delivery,
    asked: Option<Duration>,
    reason: String,
) -> Verdict {
    let failed = delivery.attempts + 1;
    match route.plan.retry.wait(failed, asked, fastrand::f64()) {
        Some(wait) => {
            let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
            Verdict::Retry {
                due: inner.clock.now().saturating_add(wait),
                reason,
            }
        }
        None => Verdict::Dead {
            reason,
            attempts: failed,
        },
    }
}
