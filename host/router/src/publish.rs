//! Events on their way into the store, by a table that stays the same until they are there.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use patchpanel_event::Event;
use patchpanel_store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::door::{Acceptance, Door, PublishError};
use crate::generation::Generation;
use crate::inner::{Inner, Phase, to_the_end};
use crate::{Table, leftovers};

/// Takes events in by the door: all or none.
pub(crate) async fn publish(
    inner: &Arc<Inner>,
    events: Vec<Event>,
    key: Option<&str>,
) -> Result<Vec<Acceptance>, PublishError> {
    let permit = admit(inner).await?;
    let pinned = Pinned::new(inner);
    let door = take_in(inner, &pinned.generation.table, events, key.map(Arc::from)).await?;
    store(inner, permit, pinned, door).await
}

/// Takes events in for one subscription, which need not match them: all or none. `None`: there is no such subscription.
pub(crate) async fn hand_over(
    inner: &Arc<Inner>,
    events: Vec<Event>,
    subscription: &Arc<str>,
) -> Result<Option<Vec<Acceptance>>, PublishError> {
    let permit = admit(inner).await?;
    let pinned = Pinned::new(inner);
    if pinned.generation.table.subscription(subscription).is_none() {
        return Ok(None);
    }
    let door = Door::addressed(events, subscription);
    store(inner, permit, pinned, door).await.map(Some)
}

async fn admit(inner: &Arc<Inner>) -> Result<OwnedSemaphorePermit, PublishError> {
    inner.recovered().await;
    // In this order: a drain waits for all permits, so whoever has one and sees no drain is waited for.
    let permit = Arc::clone(&inner.publishing).try_acquire_owned();
    if let Some(error) = inner.failed.get() {
        return Err(error.clone().into());
    }
    if inner.phase() > Phase::Running {
        return Err(PublishError::Draining);
    }
    permit.map_err(|_| PublishError::Busy)
}

async fn take_in(
    inner: &Arc<Inner>,
    table: &Arc<Table>,
    events: Vec<Event>,
    key: Option<Arc<str>>,
) -> Result<Door, PublishError> {
    if !table.has_ingress() {
        return Ok(Door::open(table, events, key));
    }
    let table = Arc::clone(table);
    inner
        .blocking(&inner.door, move |scratch| Door::pass(&table, events, key, scratch))
        .await
}

async fn store(
    inner: &Arc<Inner>,
    permit: OwnedSemaphorePermit,
    pinned: Pinned,
    door: Door,
) -> Result<Vec<Acceptance>, PublishError> {
    let inner = Arc::clone(inner);
    to_the_end(async move {
        let appended = append(&inner, &pinned, door).await;
        drop(permit);
        appended
    })
    .await
}

/// The table that a publish call matches its events against, which whoever puts another one into service can wait for.
struct Pinned {
    generation: Arc<Generation>,
    _publishing: watch::Receiver<()>,
}

impl Pinned {
    fn new(inner: &Inner) -> Pinned {
        loop {
            let generation = inner.generation();
            let publishing = generation.publishing();
            // If it still is in service, whoever replaces it from now on sees this call.
            if Arc::ptr_eq(&generation, &inner.generation()) {
                return Pinned {
                    generation,
                    _publishing: publishing,
                };
            }
        }
    }
}

async fn append(inner: &Inner, pinned: &Pinned, mut door: Door) -> Result<Vec<Acceptance>, PublishError> {
    if inner.phase() == Phase::Stopped {
        // The drain's deadline has passed.
        return Err(PublishError::Draining);
    }
    let events = std::mem::take(&mut door.events);
    let is_current = || Arc::ptr_eq(&pinned.generation, &inner.generation());
    let mut matched: Vec<Arc<str>> = events.iter().flat_map(|new| new.matched.iter().cloned()).collect();
    // Also where none is left: what a transform kept of those that it dropped is on the disk when this returns.
    let appended = inner.store.append(events).await;
    let appended = appended.inspect_err(|error| {
        if matches!(error, StoreError::Failed(_)) {
            inner.is_worth_another_try("events could not be stored", error);
        }
    })?;
    inner.unknown_channels.fetch_add(door.unknown_channels, Relaxed);
    inner.dropped.fetch_add(door.dropped(), Relaxed);
    if !is_current() {
        // The table was swapped meanwhile: some of what they matched may be gone, with nobody left to deliver it.
        matched.sort_unstable();
        matched.dedup();
        for name in &matched {
            leftovers::settle(inner, name).await;
        }
    }
    Ok(door.acceptances(appended))
}
