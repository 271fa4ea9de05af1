//! Replays that somebody begins, lists or ends, and those that go on after a restart.

use std::sync::Arc;

use patchpanel_filter::{Mistake, Pattern};
use patchpanel_store::{Replay, StoreError};
use serde_json::Value;

use super::order::{Order, status};
use super::run::Run;
use super::{MOST_REPLAYS, ReplayError, ReplayRequest, ReplayStatus};
use crate::generation::Generation;
use crate::inner::{Inner, Phase, to_the_end};
use crate::questions::bounds;

/// See [`Router::start_replay`](crate::Router::start_replay).
pub(crate) async fn request(inner: &Arc<Inner>, request: ReplayRequest) -> Result<ReplayStatus, ReplayError> {
    if let Some(filter) = &request.filter {
        pattern(filter).map_err(ReplayError::Filter)?;
    }
    let inner = Arc::clone(inner);
    to_the_end(async move {
        inner.recovered().await;
        if inner.phase() > Phase::Running {
            return Err(ReplayError::Draining);
        }
        let generation = inner.generation();
        let Some(route) = generation.table.subscription(&request.subscription) else {
            return Err(ReplayError::NoSubscription(request.subscription));
        };
        let _numbering = inner.jobs.numbering.lock().await;
        let replays = inner.store.replays().await?;
        if replays.iter().filter(|replay| is_requested(replay)).count() >= MOST_REPLAYS {
            return Err(ReplayError::TooMany);
        }
        let (first, last) = bounds(&*inner.store, request.from, request.to).await?;
        let order = Order::requested(&request, first, last);
        let replay = enter(&inner, &replays, &route.name, &order).await?;
        launch(&inner, replay.clone(), order, Vec::new());
        Ok(status(replay))
    })
    .await
}

/// Whether it runs because somebody asked for it.
fn is_requested(replay: &Replay) -> bool {
    replay.ended.is_none() && Order::read(replay).is_some_and(|order| !order.is_start)
}

/// The event pattern that a replay's filter is.
pub(crate) fn pattern(filter: &Value) -> Result<Pattern, Vec<Mistake>> {
    filter.to_string().parse()
}

/// Has the store know of a replay, under the next number. For whoever holds the lock of the numbers.
pub(crate) async fn enter(
    inner: &Inner,
    replays: &[Replay],
    subscription: &Arc<str>,
    order: &Order,
) -> Result<Replay, StoreError> {
    let last = replays.iter().map(|replay| replay.number).max().unwrap_or(0);
    let replay = Replay {
        number: last.saturating_add(1),
        subscription: Arc::clone(subscription),
        request: order.write(),
        position: order.first.saturating_sub(1),
        enqueued: 0,
        ended: None,
    };
    inner.store.replay(replay.clone(), Vec::new()).await?;
    Ok(replay)
}

/// Runs a replay that the store knows. `before` are the generations by which events may still be stored that do not know
/// the subscription.
pub(crate) fn launch(inner: &Arc<Inner>, replay: Replay, order: Order, before: Vec<Arc<Generation>>) {
    let number = replay.number;
    let cancelled = inner.jobs.add(number);
    let run = Run::new(inner, replay, order, cancelled);
    let inner = Arc::clone(inner);
    tokio::spawn(async move {
        run.run(before).await;
        inner.jobs.remove(number);
    });
}

/// Goes on with what ran when the router ended.
pub(crate) async fn resume(inner: &Arc<Inner>) -> Result<(), StoreError> {
    for replay in inner.store.replays().await? {
        if replay.ended.is_some() {
            continue;
        }
        match Order::read(&replay) {
            Some(order) => launch(inner, replay, order, Vec::new()),
            None => tracing::error!(
                number = replay.number,
                "a replay is not in a form that this router writes"
            ),
        }
    }
    Ok(())
}

/// See [`Router::replays`](crate::Router::replays).
pub(crate) async fn list(inner: &Inner) -> Result<Vec<ReplayStatus>, StoreError> {
    Ok(inner.store.replays().await?.into_iter().map(status).collect())
}

/// See [`Router::cancel_replay`](crate::Router::cancel_replay).
pub(crate) async fn cancel(inner: &Inner, number: u32) -> Result<Option<ReplayStatus>, StoreError> {
    inner.jobs.cancel(number).await;
    let replays = inner.store.replays().await?;
    Ok(replays.into_iter().find(|replay| replay.number == number).map(status))
}
