//! Consumers end their leases, or have them end later.

use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::Receipt;
use patchpanel_store::{Delivery, Verdict};

use super::leases::Lease;
use super::poll::{find, lease_time};
use super::{LeaseEnd, PullError};
use crate::inner::{Inner, to_the_end};
use crate::leftovers;
use crate::pipeline::bounded;
use crate::table::Route;
use crate::verdict::{again, settlement};

/// What a nack without a reason is remembered by.
const NO_REASON: &str = "the consumer gave it back";

/// See [`Router::ack`](crate::Router::ack).
pub(crate) async fn ack(inner: &Arc<Inner>, name: &str, leases: &[String]) -> Result<Vec<LeaseEnd>, PullError> {
    let (route, _) = find(inner, name)?;
    end(inner, &route, leases, |_| Verdict::Delivered(Receipt::default())).await
}

/// See [`Router::nack`](crate::Router::nack).
pub(crate) async fn nack(
    inner: &Arc<Inner>,
    name: &str,
    leases: &[String],
    delay: Option<Duration>,
    reason: Option<String>,
) -> Result<Vec<LeaseEnd>, PullError> {
    let (route, _) = find(inner, name)?;
    let reason = reason.as_deref().map_or(NO_REASON.to_owned(), bounded);
    let now = inner.clock.now();
    let verdict = |delivery: &Delivery| again(&route.plan, delivery, now, delay, reason.clone());
    end(inner, &route, leases, verdict).await
}

/// See [`Router::extend`](crate::Router::extend).
pub(crate) fn extend(
    inner: &Inner,
    name: &str,
    leases: &[String],
    by: Option<Duration>,
) -> Result<Vec<LeaseEnd>, PullError> {
    let (_, plan) = find(inner, name)?;
    let by = lease_time(&plan, by);
    let state = inner.pulls.of(name, &*inner.store);
    Ok(leases.iter().map(|lease| told(state.extend(lease, by))).collect())
}

async fn end(
    inner: &Arc<Inner>,
    route: &Arc<Route>,
    leases: &[String],
    verdict: impl Fn(&Delivery) -> Verdict,
) -> Result<Vec<LeaseEnd>, PullError> {
    let ended = inner.pulls.of(&route.name, &*inner.store).take(leases);
    let settle = |lease: &Lease| settlement(route, &lease.delivery, verdict(&lease.delivery));
    let settlements = ended.iter().flatten().map(settle).collect();
    // The leases are gone already, so whoever leaves now must not keep the store from hearing of it.
    let (inner, name) = (Arc::clone(inner), Arc::clone(&route.name));
    to_the_end(async move {
        inner.settle(settlements).await?;
        // Should the subscription have gone meanwhile, its keeper knew nothing of these.
        leftovers::settle(&inner, &name).await;
        Ok::<_, PullError>(())
    })
    .await?;
    Ok(ended.iter().map(|lease| told(lease.is_some())).collect())
}

fn told(was_there: bool) -> LeaseEnd {
    if was_there { LeaseEnd::Done } else { LeaseEnd::Unknown }
}
