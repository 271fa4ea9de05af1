//! What removed subscriptions leave behind: pending deliveries that nobody makes any more.

use std::sync::Arc;

use patchpanel_store::{Fetch, Settlement, Verdict};

use crate::inner::{Inner, Phase, STORE_AGAIN};

/// Deliveries that are settled in one step.
const STEP: usize = 500;

/// Settles as dead all that is pending for a route and not leased, as long as the route is in no table.
pub(crate) async fn settle(inner: &Inner, name: &Arc<str>) {
    let mut count = 0;
    while inner.phase() < Phase::Landing && !inner.generation().table.has_route(name) {
        let fetch = Fetch {
            early: true,
            ..Fetch::due(name, STEP)
        };
        let deliveries = match inner.store.fetch(fetch).await {
            Ok(fetched) => fetched.deliveries,
            Err(error) => {
                let again = inner.is_worth_another_try("what a removed subscription left cannot be fetched", &error);
                if again && inner.rest(STORE_AGAIN).await {
                    continue;
                }
                break;
            }
        };
        if deliveries.is_empty() {
            break;
        }
        // It may have come back meanwhile, and then they are its own again.
        let verdict = if inner.generation().table.has_route(name) {
            Verdict::Release
        } else {
            count += deliveries.len();
            Verdict::Dead {
                reason: "the subscription was removed".to_owned(),
                attempted: false,
            }
        };
        let settlement = |key| Settlement {
            subscription: Arc::clone(name),
            key,
            verdict: verdict.clone(),
        };
        let settlements = deliveries.iter().map(|delivery| settlement(delivery.key));
        if inner.settle(settlements.collect()).await.is_err() {
            break;
        }
    }
    if count > 0 {
        tracing::warn!(subscription = %name, count, "the subscription was removed; what was pending is dead");
    }
}
