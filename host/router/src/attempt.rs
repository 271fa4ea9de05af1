//! One attempt at a batch of deliveries: transforms, channel, verdicts, settlement.

use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{Attempt, Event, Problem, Receipt, delivery_id};
use patchpanel_store::{Delivery, Settlement, Verdict};

use crate::breaker::{Outcome, Probe};
use crate::generation::Lane;
use crate::inner::{Inner, Phase};
use crate::pipeline::{Processed, Scratch, apply, bounded};
use crate::table::Route;
use crate::verdict::{again, left, settlement};

/// What a dispatcher sends off at once.
pub(crate) struct Flight {
    /// To be attempted.
    pub(crate) deliveries: Vec<Delivery>,
    /// How those end that are not.
    pub(crate) settlements: Vec<Settlement>,
    /// Where the channel is only probed.
    pub(crate) probe: Option<Probe>,
}

/// Attempts a batch and settles each delivery of it.
pub(crate) async fn fly(inner: Arc<Inner>, route: Arc<Route>, lane: Arc<Lane>, flight: Flight) {
    let mut settlements = flight.settlements;
    settlements.extend(attempt(&inner, &route, &lane, flight.deliveries, flight.probe).await);
    // It is logged, and the leases end with the process.
    let _ = inner.settle(settlements).await;
}

async fn attempt(
    inner: &Arc<Inner>,
    route: &Arc<Route>,
    lane: &Lane,
    deliveries: Vec<Delivery>,
    probe: Option<Probe>,
) -> Vec<Settlement> {
    let mut settlements = Vec::with_capacity(deliveries.len());
    let processed = transform(inner, route, &deliveries).await;
    let now = inner.clock.now();
    // What goes to the channel, and whose it is: a delivery whose event was split has several attempts.
    let (mut attempts, mut owners) = (Vec::new(), Vec::new());
    for (delivery, processed) in deliveries.iter().zip(processed) {
        let events = match left(&route.plan, delivery, processed, now) {
            Ok(events) => events,
            Err(verdict) => {
                settlements.push(settlement(route, delivery, verdict));
                continue;
            }
        };
        owners.push((delivery, events.len()));
        attempts.extend(events.into_iter().map(|event| Attempt {
            delivery_id: delivery_id(&event.id(), &route.name, delivery.key.replay),
            number: delivery.attempts.saturating_add(1),
            replay: delivery.key.replay,
            subscription: route.name.to_string(),
            recipients: route.plan.recipients.clone(),
            event,
        }));
    }
    if attempts.is_empty() {
        return settlements;
    }
    let answers = call(inner, route, lane, &attempts, probe).await;
    let mut answers = answers.map(Vec::into_iter);
    for (delivery, parts) in owners {
        // All parts or none: one that failed has all of them tried again.
        let heaviest = |answers: &mut std::vec::IntoIter<_>| answers.by_ref().take(parts).max_by_key(weight);
        let verdict = match answers.as_mut().and_then(heaviest) {
            Some(answer) => verdict(inner, route, lane, delivery, answer),
            None => Verdict::Release,
        };
        settlements.push(settlement(route, delivery, verdict));
    }
    settlements
}

/// The events of deliveries after the transforms of their subscription.
pub(crate) async fn transform(inner: &Arc<Inner>, route: &Arc<Route>, deliveries: &[Delivery]) -> Vec<Processed> {
    let events: Vec<Event> = deliveries.iter().map(|delivery| delivery.event.clone()).collect();
    if route.plan.transforms.is_empty() || events.is_empty() {
        return events.into_iter().map(Processed::Passed).collect();
    }
    let (route, limits) = (Arc::clone(route), inner.generation().table.limits());
    inner
        .blocking(&inner.transforms, move |scratch: &mut Scratch| {
            apply(&route.plan.transforms, events, &limits, scratch)
        })
        .await
}

/// One answer per attempt, whatever the channel does; `None` if it was not called.
async fn call(
    inner: &Inner,
    route: &Route,
    lane: &Lane,
    attempts: &[Attempt],
    probe: Option<Probe>,
) -> Option<Vec<Result<Receipt, Problem>>> {
    let _permit = lane.gate.acquire(route.plan.priority).await;
    // By the calls that this one queued behind.
    let is_shut = lane.disabled.get().is_some() || !lane.breaker.admits(probe.as_ref());
    if is_shut || inner.phase() >= Phase::Landing {
        return None;
    }
    let call = lane.breaker.call(probe);
    let failed = |reason: String| attempts.iter().map(|_| Err(Problem::Retry(reason.clone()))).collect();
    let answers = match tokio::time::timeout(lane.entry.deadline, lane.entry.handle.deliver(attempts)).await {
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
    };
    call.ended(outcome(&answers));
    Some(answers)
}

fn outcome(answers: &[Result<Receipt, Problem>]) -> Outcome {
    let is_failure =
        |answer: &Result<Receipt, Problem>| matches!(answer, Err(Problem::Retry(_) | Problem::RetryAfter(..)));
    if answers.iter().any(is_failure) && !answers.iter().any(Result::is_ok) {
        Outcome::Failed
    } else {
        Outcome::Answered
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
    let retry = |asked, reason: &str| again(&route.plan, delivery, inner.clock.now(), asked, bounded(reason));
    match answer {
        Ok(receipt) => Verdict::Delivered(receipt),
        Err(Problem::Retry(reason)) => retry(None, &reason),
        Err(Problem::RetryAfter(millis, reason)) => retry(Some(Duration::from_millis(millis)), &reason),
        Err(Problem::Reject(reason)) => Verdict::Dead {
            reason: bounded(&reason),
            attempted: true,
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
