//! What transforms give out by the clock: asked for once a second, stored like what is published, and told when it is.
//!
//! Whatever fails on the way is asked for again a second later. What was stored already is a duplicate then, and that is
//! told as well.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::{Event, EventError, EventParts, Limits};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::PluginFailure;
use crate::door::{Acceptance, PublishError};
use crate::inner::{Inner, Phase};
use crate::publish::{hand_over, publish};
use crate::table::TimedStep;

/// How often each transform is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Problems of the same plugin are told once in this time.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Why something that is due is not stored, or not known to be.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Plugin(#[from] PluginFailure),
    #[error("event `{id}` that is due is none: {error}")]
    Event { id: String, error: EventError },
    #[error("what is due could not be stored: {0}")]
    Publish(#[from] PublishError),
}

/// Asks the transforms of the table in service as long as events are taken in.
pub(crate) async fn keep(inner: Arc<Inner>) {
    inner.recovered().await;
    let mut tables = inner.generation.subscribe();
    let mut phase = inner.phase.subscribe();
    let mut told = Told::default();
    while inner.phase() == Phase::Running {
        let none = tables.borrow_and_update().table.timed().is_empty();
        if none {
            tokio::select! {
                _ = tables.changed() => {}
                _ = phase.wait_for(|phase| *phase > Phase::Running) => {}
            }
        } else if inner.rest(EVERY).await && takes_events(&inner) {
            ask_all(&inner, &mut told).await;
        }
    }
}

fn takes_events(inner: &Inner) -> bool {
    inner.phase() == Phase::Running && inner.failed.get().is_none() && inner.store.health().is_ok()
}

/// All at once, because one that is slow need not hold up the others.
async fn ask_all(inner: &Arc<Inner>, told: &mut Told) {
    let generation = inner.generation();
    let mut asked = JoinSet::new();
    for step in generation.table.timed() {
        let (inner, step, limits) = (Arc::clone(inner), Arc::clone(step), generation.table.limits());
        asked.spawn(async move {
            let asked = ask(&inner, &step, &limits).await;
            (step, asked)
        });
    }
    while let Some(ended) = asked.join_next().await {
        match ended {
            Ok((_, Ok(()))) => {}
            Ok((step, Err(problem))) => told.tell(&step, &problem),
            Err(error) => tracing::error!(%error, "asking for what is due ended in a panic"),
        }
    }
}

async fn ask(inner: &Arc<Inner>, step: &Arc<TimedStep>, limits: &Limits) -> Result<(), Problem> {
    let permits = match step.subscription {
        None => &inner.door,
        Some(_) => &inner.transforms,
    };
    let now = inner.clock.now();
    let due = call(inner, permits, step, move |timed| timed.due(now)).await?;
    let mut first = None;
    let events: Vec<Event> = built(due, limits).filter_map(|event| note(event, &mut first)).collect();
    if !events.is_empty() {
        let stored = match &step.subscription {
            None => by_the_door(inner, events, &mut first).await?,
            // One that is gone by now has no use for them.
            Some(subscription) => hand_over(inner, events, subscription).await?.unwrap_or_default(),
        };
        let ids: Vec<String> = stored.into_iter().map(|acceptance| acceptance.id).collect();
        if !ids.is_empty() {
            call(inner, permits, step, move |timed| timed.stored(&ids)).await?;
        }
    }
    first.map_or(Ok(()), Err)
}

/// All together, or, where one of them is refused, all others.
async fn by_the_door(
    inner: &Arc<Inner>,
    events: Vec<Event>,
    first: &mut Option<Problem>,
) -> Result<Vec<Acceptance>, PublishError> {
    match publish(inner, events.clone(), None).await {
        Err(PublishError::Ingress { .. }) if events.len() > 1 => {}
        answer => return answer,
    }
    let mut stored = Vec::with_capacity(events.len());
    for event in events {
        let published = publish(inner, vec![event], None).await;
        stored.extend(note(published.map_err(Problem::from), first).into_iter().flatten());
    }
    Ok(stored)
}

async fn call<T: Send + 'static>(
    inner: &Arc<Inner>,
    permits: &Arc<Semaphore>,
    step: &Arc<TimedStep>,
    call: impl FnOnce(&dyn crate::Timed) -> Result<T, PluginFailure> + Send + 'static,
) -> Result<Option<T>, PluginFailure> {
    let step = Arc::clone(step);
    inner
        .blocking(permits, move |_| step.handle.timed().map(call).transpose())
        .await
}

fn built(due: Option<Vec<EventParts>>, limits: &Limits) -> impl Iterator<Item = Result<Event, Problem>> {
    due.into_iter().flatten().map(|parts| {
        parts.build(limits).map_err(|error| Problem::Event {
            id: parts.id.chars().take(64).collect(),
            error,
        })
    })
}

/// Keeps the first problem, so that it stops nothing and is told.
fn note<T>(result: Result<T, Problem>, first: &mut Option<Problem>) -> Option<T> {
    match result {
        Ok(good) => Some(good),
        Err(problem) => {
            first.get_or_insert(problem);
            None
        }
    }
}

/// When problems were told last, by plugin and subscription.
#[derive(Default)]
struct Told(HashMap<(String, Option<Arc<str>>), Instant>);

impl Told {
    fn tell(&mut self, step: &TimedStep, problem: &Problem) {
        let now = Instant::now();
        self.0.retain(|_, at| now.duration_since(*at) < TOLD_AGAIN);
        let key = (step.plugin.clone(), step.subscription.clone());
        self.0.entry(key).or_insert_with(|| {
            let (plugin, subscription) = (&step.plugin, step.subscription.as_deref());
            tracing::warn!(plugin, subscription, "what it gives out by the clock waits: {problem}");
            now
        });
    }
}
