//! New subscriptions that are to get what was there before them.

use std::sync::Arc;

use patchpanel_store::StoreError;

use super::jobs::{enter, launch};
use super::order::Order;
use crate::Start;
use crate::generation::Generation;
use crate::inner::{Inner, STORE_AGAIN};
use crate::table::Route;

/// Begins for a subscription that has come into service while the router runs, unless the store knew it before.
/// `before` are the generations that do not have it and by which events may still be on their way into the store.
pub(crate) async fn begin(inner: Arc<Inner>, route: Arc<Route>, before: Vec<Arc<Generation>>) {
    if inner.recovered().await.contains(&route.name) {
        return;
    }
    while let Err(error) = record(&inner, &route, Some(&before)).await {
        let again = inner.is_worth_another_try("a new subscription cannot begin where it is to", &error);
        if !again || !inner.rest(STORE_AGAIN).await {
            return;
        }
    }
}

/// Has the store know of the replay that begins a subscription, unless it knows already: from then on it is not forgotten.
/// Given the generations of [`begin`], it is launched, too.
pub(crate) async fn record(
    inner: &Arc<Inner>,
    route: &Arc<Route>,
    before: Option<&[Arc<Generation>]>,
) -> Result<(), StoreError> {
    let _numbering = inner.jobs.numbering.lock().await;
    let replays = inner.store.replays().await?;
    let mut own = replays.iter().filter(|replay| replay.subscription == route.name);
    if own.any(|replay| Order::read(replay).is_some_and(|order| order.is_start)) {
        return Ok(());
    }
    let first = match route.start {
        Start::Latest => return Ok(()),
        Start::Earliest => 1,
        Start::Sequence(sequence) => sequence.max(1),
        Start::Time(time) => inner.store.sequence_at(time).await?,
    };
    let order = Order::start(route.start, first);
    let replay = enter(inner, &replays, &route.name, &order).await?;
    if let Some(before) = before {
        launch(inner, replay, order, before.to_vec());
    }
    Ok(())
}
