//! One dispatcher per route to a channel: takes deliveries from the store as fast as its channel takes them, and no faster.
//!
//! Its mailbox are the batches that are leased and in flight, at most `concurrency` of them. A route whose channel hangs
//! fills its own mailbox and leaves the rest in the store; other routes do not notice. Flights settle what they carry
//! themselves, so a dispatcher only leases and launches.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use patchpanel_store::{Delivery, Fetch, Settlement, Verdict};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::WhenExceeded;
use crate::attempt::{Flight, fly};
use crate::breaker::Admission;
use crate::generation::{Generation, Lane};
use crate::inner::{Inner, LONGEST_SLEEP, Phase, STORE_AGAIN, until};
use crate::table::Route;
use crate::throttle::{RouteThrottle, exceeded};
use crate::verdict::{again, is_expired, settlement};

pub(crate) struct Dispatcher {
    inner: Arc<Inner>,
    name: Arc<str>,
    generations: watch::Receiver<Arc<Generation>>,
    phase: watch::Receiver<Phase>,
    throttle: RouteThrottle,
    /// Leased, and not sent off yet: the throttle or a probe that is under way has them wait.
    held: VecDeque<Delivery>,
    flights: JoinSet<()>,
    /// To be settled if a flight panics.
    leased: HashMap<Id, Leased>,
}

/// What a flight has leased.
struct Leased {
    route: Arc<Route>,
    attempted: Vec<Delivery>,
    /// What it does not attempt.
    decided: Vec<Settlement>,
}

/// When to look again.
enum Next {
    /// At once.
    Now,
    /// Then, or when something new comes.
    Work(Duration),
    /// Then; nothing new can come before it.
    At(Instant),
    /// When a flight lands or a channel changes.
    Event,
}

impl Dispatcher {
    pub(crate) fn new(inner: &Arc<Inner>, name: Arc<str>) -> Self {
        Dispatcher {
            inner: Arc::clone(inner),
            name,
            generations: inner.generation.subscribe(),
            phase: inner.phase.subscribe(),
            throttle: RouteThrottle::default(),
            held: VecDeque::new(),
            flights: JoinSet::new(),
            leased: HashMap::new(),
        }
    }

    /// Runs until the route leads to no channel any more, or until the router stops.
    pub(crate) async fn run(mut self) {
        let work = self.inner.store.work(&self.name);
        while *self.phase.borrow_and_update() < Phase::Landing {
            let current = self.generations.borrow_and_update().to_channel(&self.name);
            let Some((route, lane)) = current else {
                break;
            };
            self.throttle.follow(route.plan.throttle);
            let mut breaker = lane.breaker.subscribe();
            let admission = breaker.borrow_and_update().admission();
            let room = self.flights.len() < route.plan.concurrency.get() && lane.disabled.get().is_none();
            let next = match admission {
                _ if !room => Next::Event,
                Admission::Everything => self.depart(&route, &lane, false).await,
                Admission::Probe => self.depart(&route, &lane, true).await,
                Admission::At(time) => Next::At(time),
                Admission::Changed => Next::Event,
            };
            let (time, listens) = match next {
                Next::Now => continue,
                Next::Work(wait) => (Instant::now() + wait.min(LONGEST_SLEEP), true),
                Next::At(time) => (time, false),
                Next::Event => (Instant::now() + LONGEST_SLEEP, false),
            };
            tokio::select! {
                Some(landed) = self.flights.join_next_with_id() => self.landed(landed).await,
                () = work.notified(), if listens => {}
                () = tokio::time::sleep_until(time) => {}
                _ = breaker.changed() => {}
                _ = self.generations.changed() => {}
                _ = self.phase.changed() => {}
            }
        }
        self.end().await;
    }

    /// Sends off what is held, or a batch that is leased for it.
    async fn depart(&mut self, route: &Arc<Route>, lane: &Arc<Lane>, probing: bool) -> Next {
        if self.held.is_empty() {
            let fetch = Fetch {
                ordering: route.plan.ordering.as_ref(),
                ..Fetch::due(&self.name, if probing { 1 } else { route.plan.batch.get() })
            };
            let fetched = match self.inner.store.fetch(fetch).await {
                Ok(fetched) => fetched,
                Err(error) => {
                    self.inner.is_worth_another_try("deliveries cannot be fetched", &error);
                    return Next::At(Instant::now() + STORE_AGAIN);
                }
            };
            if fetched.deliveries.is_empty() {
                let wait = fetched.next_due.map(|due| until(due, self.inner.clock.now()));
                return Next::Work(wait.unwrap_or(LONGEST_SLEEP));
            }
            self.held.extend(fetched.deliveries);
        }
        let most = if probing { 1 } else { usize::MAX };
        let (mut deliveries, settlements, wait) = self.sort(route, most);
        // Claimed only where there is something to probe with: giving a probe back has all dispatchers look again.
        let mut probe = None;
        if probing && !deliveries.is_empty() {
            probe = lane.breaker.claim();
            if probe.is_none() {
                self.held.extend(deliveries.drain(..));
            }
        }
        if !deliveries.is_empty() || !settlements.is_empty() {
            let flight = Flight {
                deliveries,
                settlements,
                probe,
            };
            self.launch(route, lane, flight);
        } else if probing && wait.is_none() {
            return Next::Event;
        }
        match wait {
            Some(time) => Next::At(time),
            None => Next::Now,
        }
    }

    /// Which of what is held is to be attempted now, at most so many, and how those end that are not. What has to wait
    /// longer stays held, until the time that is returned.
    fn sort(&mut self, route: &Route, most: usize) -> (Vec<Delivery>, Vec<Settlement>, Option<Instant>) {
        let now = self.inner.clock.now();
        let (mut deliveries, mut settlements) = (Vec::new(), Vec::new());
        while deliveries.len() < most {
            let Some(delivery) = self.held.pop_front() else {
                break;
            };
            if is_expired(&route.plan, &delivery, now) {
                settlements.push(settlement(route, &delivery, Verdict::Expired));
                continue;
            }
            let Err((throttle, next)) = self.throttle.admit() else {
                deliveries.push(delivery);
                continue;
            };
            let verdict = match throttle.when_exceeded {
                WhenExceeded::Delay => {
                    self.held.push_front(delivery);
                    return (deliveries, settlements, Some(next));
                }
                WhenExceeded::Drop => Verdict::Throttled,
                WhenExceeded::DeadLetter => Verdict::Dead {
                    reason: exceeded(&throttle),
                    attempted: false,
                },
            };
            settlements.push(settlement(route, &delivery, verdict));
        }
        (deliveries, settlements, None)
    }

    fn launch(&mut self, route: &Arc<Route>, lane: &Arc<Lane>, flight: Flight) {
        let leased = Leased {
            route: Arc::clone(route),
            attempted: flight.deliveries.clone(),
            decided: flight.settlements.clone(),
        };
        let flying = fly(Arc::clone(&self.inner), Arc::clone(route), Arc::clone(lane), flight);
        let id = self.flights.spawn(flying).id();
        self.leased.insert(id, leased);
    }

    async fn landed(&mut self, landed: Result<(Id, ()), JoinError>) {
        let error = match landed {
            Ok((id, ())) => {
                self.leased.remove(&id);
                return;
            }
            Err(error) => error,
        };
        let Some(Leased {
            route,
            attempted,
            decided,
        }) = self.leased.remove(&error.id())
        else {
            return;
        };
        if error.is_panic() {
            tracing::error!(subscription = %self.name, %error, "an attempt ended in a panic");
        }
        let now = self.inner.clock.now();
        let verdict = |delivery: &Delivery| {
            if error.is_panic() {
                let reason = "the attempt ended in a panic of the router".to_owned();
                again(&route.plan, delivery, now, None, reason)
            } else {
                Verdict::Release
            }
        };
        let undecided = attempted
            .iter()
            .map(|delivery| settlement(&route, delivery, verdict(delivery)));
        // A failure is logged, and the leases end with the process.
        let _ = self.inner.settle(decided.into_iter().chain(undecided).collect()).await;
    }

    /// Gives back what is held and waits for what is in flight, until the router stops: then it is cut off.
    async fn end(mut self) {
        let held = self.held.drain(..).map(|delivery| Settlement {
            subscription: Arc::clone(&self.name),
            key: delivery.key,
            verdict: Verdict::Release,
        });
        let _ = self.inner.settle(held.collect()).await;
        while !self.flights.is_empty() {
            if *self.phase.borrow_and_update() == Phase::Stopped {
                self.flights.abort_all();
            }
            tokio::select! {
                Some(landed) = self.flights.join_next_with_id() => self.landed(landed).await,
                _ = self.phase.changed() => {}
            }
        }
    }
}
