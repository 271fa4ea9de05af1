//! Long polls: a consumer's turn, and its wait for something to come.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::state::{Presence, PullState};
use super::take::{Taken, Wish, take};
use super::{LONGEST_LEASE, PullError, PullRequest, Pulled};
use crate::generation::Generation;
use crate::inner::{Inner, LONGEST_SLEEP, Phase, until};
use crate::table::Route;
use crate::{Consumers, PullPlan};

/// Shortest lease: what a consumer could at all answer within.
const SHORTEST_LEASE: Duration = Duration::from_millis(1);

/// See [`Router::pull`](crate::Router::pull).
pub(crate) async fn pull(inner: &Arc<Inner>, name: &str, request: PullRequest) -> Result<Vec<Pulled>, PullError> {
    find(inner, name)?;
    let state = inner.pulls.of(name, &*inner.store);
    let _waiting = state.waiting.try_acquire().map_err(|_| PullError::TooMany)?;
    let mut poll = Poll {
        inner,
        name,
        state: &state,
        consumer: request.consumer.as_deref().map(Arc::from),
        deadline: Instant::now() + request.wait.min(LONGEST_LEASE),
        generations: inner.generation.subscribe(),
        phase: inner.phase.subscribe(),
    };
    match poll.enter().await? {
        Entry::No => Ok(Vec::new()),
        // Whoever has one is the consumer until it is dropped.
        Entry::Yes(_presence) => poll.run(&request).await,
    }
}

/// The pull subscription of that name.
pub(crate) fn find(inner: &Inner, name: &str) -> Result<(Arc<Route>, PullPlan), PullError> {
    let generation = inner.generation();
    match generation.to_consumers(name) {
        Some(found) => Ok(found),
        None if generation.table.has_route(name) => Err(PullError::NotPull(name.to_owned())),
        None => Err(PullError::NoSubscription(name.to_owned())),
    }
}

/// How long a lease is that somebody asked for.
pub(crate) fn lease_time(plan: &PullPlan, asked: Option<Duration>) -> Duration {
    asked.unwrap_or(plan.lease).clamp(SHORTEST_LEASE, LONGEST_LEASE)
}

struct Poll<'p> {
    inner: &'p Arc<Inner>,
    name: &'p str,
    state: &'p Arc<PullState>,
    consumer: Option<Arc<str>>,
    deadline: Instant,
    generations: watch::Receiver<Arc<Generation>>,
    phase: watch::Receiver<Phase>,
}

enum Entry {
    /// It may fetch, as the one consumer if there is one only.
    Yes(Option<Presence>),
    /// Its time is up.
    No,
}

impl Poll<'_> {
    /// Where the subscription stands now; an error where there is nothing to wait for any more.
    fn look(&mut self) -> Result<(Arc<Route>, PullPlan), PullError> {
        self.generations.borrow_and_update();
        if *self.phase.borrow_and_update() > Phase::Running {
            return Err(PullError::Draining);
        }
        find(self.inner, self.name)
    }

    /// Waits for the event, or for whatever else is a reason to look again; whether there is time left.
    async fn wait(&mut self, event: impl Future<Output = ()>) -> bool {
        if self.deadline <= Instant::now() {
            return false;
        }
        tokio::select! {
            () = event => true,
            _ = self.generations.changed() => true,
            _ = self.phase.changed() => true,
            () = sleep_until(self.deadline) => false,
        }
    }

    async fn enter(&mut self) -> Result<Entry, PullError> {
        let (_, plan) = self.look()?;
        let state = self.state;
        let consumer = match (plan.consumers, self.consumer.clone()) {
            (Consumers::Shared, _) => return Ok(Entry::Yes(None)),
            (_, Some(consumer)) => consumer,
            (_, None) => return Err(PullError::ConsumerNeeded(self.name.to_owned())),
        };
        if state.is_consumer(&consumer)
            && let Ok(presence) = state.enter(&consumer, plan.lease)
        {
            return Ok(Entry::Yes(Some(presence)));
        }
        let _first = tokio::select! {
            biased;
            first = state.succession.lock() => first,
            () = sleep_until(self.deadline) => return Ok(Entry::No),
            _ = self.phase.wait_for(|phase| *phase > Phase::Running) => return Err(PullError::Draining),
        };
        loop {
            let mut changed = pin!(state.changed.notified());
            changed.as_mut().enable();
            let (_, plan) = self.look()?;
            let taken = match state.enter(&consumer, plan.lease) {
                Ok(presence) => return Ok(Entry::Yes(Some(presence))),
                Err(taken) if plan.consumers == Consumers::Exclusive => {
                    return Err(PullError::Taken {
                        consumer: taken.by.to_string(),
                    });
                }
                Err(taken) => taken,
            };
            let gone = async {
                tokio::select! {
                    () = changed => {}
                    () = sleep_until(taken.until.unwrap_or_else(|| Instant::now() + LONGEST_SLEEP)) => {}
                }
            };
            if !self.wait(gone).await {
                return Ok(Entry::No);
            }
        }
    }

    async fn run(&mut self, request: &PullRequest) -> Result<Vec<Pulled>, PullError> {
        let state = self.state;
        loop {
            let mut changed = pin!(state.changed.notified());
            changed.as_mut().enable();
            let (route, plan) = self.look()?;
            let wish = Wish {
                max: request.max.max(1),
                most_leased: plan.most_leased.get(),
                lease: lease_time(&plan, request.lease),
                consumer: self.consumer.clone(),
            };
            let in_time = match take(self.inner, state, route, wish).await {
                Ok(Taken::Pulled(pulled)) => return Ok(pulled),
                Ok(Taken::Closed) => return Ok(Vec::new()),
                Ok(Taken::Settled) => continue,
                Ok(Taken::Full) => self.wait(changed).await,
                Ok(Taken::Nothing(due)) => {
                    let pause = due.map_or(LONGEST_SLEEP, |due| until(due, self.inner.clock.now()));
                    let arrival = async {
                        tokio::select! {
                            () = state.arrivals.notified() => {}
                            () = sleep(pause.min(LONGEST_SLEEP)) => {}
                        }
                    };
                    self.wait(arrival).await
                }
                Err(error) => {
                    self.inner.is_worth_another_try("deliveries cannot be fetched", &error);
                    return Err(error.into());
                }
            };
            if !in_time {
                return Ok(Vec::new());
            }
        }
    }
}
