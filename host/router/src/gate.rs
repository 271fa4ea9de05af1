//! Permits for a channel, handed out by priority.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A semaphore whose waiters are served by priority, highest first, and in order of arrival among equals.
///
/// Strictly: as long as a higher priority keeps the channel busy, lower ones wait. The number of waiters is bounded by
/// the batches that subscriptions may have in flight.
pub(crate) struct Gate {
    state: Mutex<State>,
}

struct State {
    free: usize,
    arrivals: u64,
    waiting: BTreeMap<(Reverse<i32>, u64), oneshot::Sender<Permit>>,
}

/// One call to the channel; dropping it lets the next one in.
pub(crate) struct Permit(Arc<Gate>);

impl Gate {
    pub(crate) fn new(permits: NonZeroUsize) -> Arc<Gate> {
        Arc::new(Gate {
            state: Mutex::new(State {
                free: permits.get(),
                arrivals: 0,
                waiting: BTreeMap::new(),
            }),
        })
    }

    pub(crate) async fn acquire(self: &Arc<Gate>, priority: i32) -> Permit {
        let place = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Permit(Arc::clone(self));
            }
            let (sender, receiver) = oneshot::channel();
            state.arrivals += 1;
            let arrival = state.arrivals;
            state.waiting.insert((Reverse(priority), arrival), sender);
            receiver
        };
        match place.await {
            Ok(permit) => permit,
            // A sender leaves the map only to be sent, so this is never reached.
            Err(_) => std::future::pending().await,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = state.waiting.pop_first();
            if next.is_none() {
                state.free += 1;
            }
            next
        };
        if let Some((_, waiter)) = next {
            // A waiter that has gone gives the permit back unopened, and dropping it serves the one behind.
            let _ = waiter.send(Permit(Arc::clone(&self.0)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn serves_by_priority_then_by_arrival_and_skips_those_that_left() {
        let gate = Gate::new(1.try_into().unwrap());
        let held = gate.acquire(0).await;
        let (served, mut order) = tokio::sync::mpsc::channel(8);
        let mut waiting = Vec::new();
        for (name, priority) in [("low", -1), ("first", 5), ("gone", 9), ("second", 5), ("middle", 0)] {
            let (gate, served) = (Arc::clone(&gate), served.clone());
            waiting.push((
                name,
                tokio::spawn(async move {
                    let permit = gate.acquire(priority).await;
                    served.send(name).await.unwrap();
                    drop(permit);
                }),
            ));
            tokio::task::yield_now().await;
        }
        let gone = waiting.remove(2).1;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop((held, served));
        let mut seen = Vec::new();
        while let Some(name) = order.recv().await {
            seen.push(name);
        }
        assert_eq!(seen, ["first", "second", "middle", "low"]);
        assert_eq!(gate.lock().free, 1);
    }
}
