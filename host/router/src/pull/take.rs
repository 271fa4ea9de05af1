//! Leases deliveries for a consumer: from the store, through the subscription's transforms, into its hands.

use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{Event, delivery_id};
use patchpanel_store::{Delivery, Fetch, Settlement, StoreError, Verdict};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Pulled;
use super::state::PullState;
use crate::attempt::transform;
use crate::inner::Inner;
use crate::leftovers;
use crate::pipeline::Processed;
use crate::table::Route;
use crate::verdict::{again, is_expired, left, nanos, settlement};

/// For whom.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) max: usize,
    pub(crate) most_leased: usize,
    pub(crate) lease: Duration,
    pub(crate) consumer: Option<Arc<str>>,
}

/// What a look into the store came to.
pub(crate) enum Taken {
    /// Something is in the consumer's hands.
    Pulled(Vec<Pulled>),
    /// There was something, but nothing of it was left for the consumer.
    Settled,
    /// There was nothing; when the next one is due, in nanoseconds since the Unix epoch.
    Nothing(Option<u64>),
    /// As many deliveries are leased as may be.
    Full,
    /// The subscription has ended, and what there was is given back.
    Closed,
}

/// Takes what there is. If whoever waits for it leaves, it is all given back.
pub(crate) async fn take(
    inner: &Arc<Inner>,
    state: &Arc<PullState>,
    route: Arc<Route>,
    wish: Wish,
) -> Result<Taken, StoreError> {
    let (answer, taken) = oneshot::channel();
    let take = Take {
        inner: Arc::clone(inner),
        state: Arc::clone(state),
        route,
        wish,
    };
    tokio::spawn(async move {
        let taken = take.run().await;
        if let Err(Ok(Taken::Pulled(pulled))) = answer.send(taken) {
            take.give_back(&pulled).await;
        }
    });
    match taken.await {
        Ok(taken) => taken,
        // The runtime ends, and this task with it.
        Err(_) => std::future::pending().await,
    }
}

struct Take {
    inner: Arc<Inner>,
    state: Arc<PullState>,
    route: Arc<Route>,
    wish: Wish,
}

impl Take {
    async fn run(&self) -> Result<Taken, StoreError> {
        let room = self.state.reserve(self.wish.max, self.wish.most_leased);
        if room == 0 {
            return Ok(Taken::Full);
        }
        let fetch = Fetch {
            ordering: self.route.plan.ordering.as_ref(),
            ..Fetch::due(&self.route.name, room)
        };
        let fetched = match self.inner.store.fetch(fetch).await {
            Ok(fetched) => fetched,
            Err(error) => {
                self.state.unreserve(room);
                return Err(error);
            }
        };
        if fetched.deliveries.is_empty() {
            self.state.unreserve(room);
            return Ok(Taken::Nothing(fetched.next_due));
        }
        // There may be more, for others.
        self.state.arrivals.notify_one();
        let mut settlements = Vec::new();
        let ready = self.prepare(fetched.deliveries, &mut settlements).await;
        let pulled = self.hand_out(room, ready, &mut settlements);
        self.settle(settlements).await?;
        Ok(match pulled {
            None => Taken::Closed,
            Some(pulled) if pulled.is_empty() => Taken::Settled,
            Some(pulled) => Taken::Pulled(pulled),
        })
    }

    /// Deliveries with what their transforms left of them. How the others end is added to the settlements.
    async fn prepare(
        &self,
        mut deliveries: Vec<Delivery>,
        settlements: &mut Vec<Settlement>,
    ) -> Vec<(Delivery, Vec<Event>)> {
        let plan = &self.route.plan;
        let now = self.inner.clock.now();
        let mut settle = |delivery: &Delivery, verdict| settlements.push(settlement(&self.route, delivery, verdict));
        deliveries.retain(|delivery| {
            let expired = is_expired(plan, delivery, now);
            if expired {
                settle(delivery, Verdict::Expired);
            }
            !expired
        });
        let (inner, route, leased) = (Arc::clone(&self.inner), Arc::clone(&self.route), deliveries.clone());
        // In a task of its own: should it panic, what was leased must still be settled.
        let transforming = tokio::spawn(async move { transform(&inner, &route, &leased).await });
        let processed: Vec<Processed> = match transforming.await {
            Ok(processed) => processed,
            Err(error) => {
                tracing::error!(subscription = %self.route.name, %error, "the transforms of a pull ended in a panic");
                let reason = "the transforms ended in a panic of the router";
                for delivery in &deliveries {
                    settle(delivery, again(plan, delivery, now, None, reason.to_owned()));
                }
                return Vec::new();
            }
        };
        let mut ready = Vec::with_capacity(deliveries.len());
        for (delivery, processed) in deliveries.into_iter().zip(processed) {
            match left(plan, &delivery, processed, now) {
                Ok(events) => ready.push((delivery, events)),
                Err(verdict) => settle(&delivery, verdict),
            }
        }
        ready
    }

    fn hand_out(
        &self,
        room: usize,
        ready: Vec<(Delivery, Vec<Event>)>,
        settlements: &mut Vec<Settlement>,
    ) -> Option<Vec<Pulled>> {
        let until = Instant::now() + self.wish.lease;
        let lease_until = self.inner.clock.now().saturating_add(nanos(self.wish.lease));
        let deliveries: Vec<&Delivery> = ready.iter().map(|(delivery, _)| delivery).collect();
        let consumer = self.wish.consumer.as_ref();
        let Some(leases) = self.state.lease(room, &deliveries, consumer, until) else {
            let release = |delivery: &&Delivery| settlement(&self.route, delivery, Verdict::Release);
            settlements.extend(deliveries.iter().map(release));
            return None;
        };
        let pulled = |((delivery, events), lease): ((Delivery, Vec<Event>), Arc<str>)| {
            let route = Arc::clone(&self.route);
            events.into_iter().map(move |event| Pulled {
                lease: lease.to_string(),
                delivery_id: delivery_id(&event.id(), &route.name, delivery.key.replay),
                attempt: delivery.attempts.saturating_add(1),
                replay: delivery.key.replay,
                lease_until,
                event,
            })
        };
        Some(ready.into_iter().zip(leases).flat_map(pulled).collect())
    }

    async fn give_back(&self, pulled: &[Pulled]) {
        let leases: Vec<&str> = pulled.iter().map(|pulled| pulled.lease.as_str()).collect();
        let leases = self.state.take(&leases).into_iter().flatten();
        let release = |delivery: &Delivery| settlement(&self.route, delivery, Verdict::Release);
        // A failure is logged, and the store's leases end with the process.
        let _ = self
            .settle(leases.map(|lease| release(&lease.delivery)).collect())
            .await;
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.inner.settle(settlements).await?;
        // Should the subscription have gone meanwhile, its keeper knew nothing of these.
        leftovers::settle(&self.inner, &self.route.name).await;
        Ok(())
    }
}
