//! What a pull subscription needs besides its consumers: that leases end.

use std::sync::Arc;
use std::time::Duration;

use patchpanel_store::{Settlement, Verdict};
use tokio::time::Instant;

use super::leases::Lease;
use crate::inner::{Inner, LONGEST_SLEEP, Phase};
use crate::verdict::{again, settlement};

/// Runs until consumers fetch from the route no more, or until the router lands.
pub(crate) async fn keep(inner: &Arc<Inner>, name: &Arc<str>) {
    let (mut generations, mut phase) = (inner.generation.subscribe(), inner.phase.subscribe());
    let state = inner.pulls.of(name, &*inner.store);
    while *phase.borrow_and_update() < Phase::Landing {
        let current = generations.borrow_and_update().to_consumers(name);
        let Some((route, _)) = current else {
            release(inner, name).await;
            return;
        };
        let (ended, next) = state.take_ended();
        if !ended.is_empty() {
            let now = inner.clock.now();
            let settlements = ended.iter().map(|lease| {
                let reason = "the lease ended".to_owned();
                let verdict = again(&route.plan, &lease.delivery, now, Some(Duration::ZERO), reason);
                settlement(&route, &lease.delivery, verdict)
            });
            // A failure is logged, and the store's leases end with the process.
            let _ = inner.settle(settlements.collect()).await;
            continue;
        }
        let next = next.unwrap_or_else(|| Instant::now() + LONGEST_SLEEP);
        tokio::select! {
            () = state.leased.notified() => {}
            () = tokio::time::sleep_until(next) => {}
            _ = generations.changed() => {}
            _ = phase.changed() => {}
        }
    }
}

/// Ends all leases, of every subscription, without an attempt counted.
pub(crate) async fn release_all(inner: &Inner) {
    for name in inner.pulls.names() {
        release(inner, &name).await;
    }
}

async fn release(inner: &Inner, name: &Arc<str>) {
    let released = |lease: Lease| Settlement {
        subscription: Arc::clone(name),
        key: lease.delivery.key,
        verdict: Verdict::Release,
    };
    let leases = inner.pulls.close(name);
    let _ = inner.settle(leases.into_iter().map(released).collect()).await;
}
