//! One replay, from where it stands to its end.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_event::Event;
use patchpanel_store::{EventsQuery, Replay, StoreError, StoredEvent};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::jobs::pattern;
use super::order::Order;
use crate::event_filter::EventFilter;
use crate::generation::Generation;
use crate::inner::{Inner, Phase, STORE_AGAIN};
use crate::leftovers;
use crate::pipeline::Scratch;
use crate::questions::NEVER;
use crate::table::Table;
use crate::throttle::Bucket;

/// Events that are read at once, and deliveries that are made in one step.
const PAGE: usize = 128;

/// Deliveries that a subscription has pending while a replay makes more: beyond that it waits, so that a long past does
/// not fill the store.
const MOST_PENDING: u64 = 10_000;

/// How long until the next look whether deliveries have gone, if nothing is heard of them before.
const PENDING_AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Run {
    inner: Arc<Inner>,
    replay: Replay,
    order: Order,
    bucket: Option<Bucket>,
    cancelled: watch::Receiver<bool>,
    phase: watch::Receiver<Phase>,
    scratch: Scratch,
}

/// Why a replay goes no further.
enum Stop {
    /// For good, for this reason.
    Ended(&'static str),
    /// Until a router goes on with it.
    Paused,
}

impl Run {
    pub(crate) fn new(inner: &Arc<Inner>, replay: Replay, order: Order, cancelled: watch::Receiver<bool>) -> Run {
        Run {
            inner: Arc::clone(inner),
            bucket: order.rate.map(bucket),
            replay,
            order,
            cancelled,
            phase: inner.phase.subscribe(),
            scratch: Scratch::default(),
        }
    }

    pub(crate) async fn run(mut self, before: Vec<Arc<Generation>>) {
        let Err(Stop::Ended(reason)) = self.go(before).await else {
            return;
        };
        self.replay.ended = Some(reason.to_owned());
        // The subscription may have gone just before its last deliveries were made.
        leftovers::settle(&self.inner, &self.replay.subscription).await;
        // Nobody can cancel it any more; but whoever did waits for the end of this, and it must be told by then.
        let _cancelled = std::mem::replace(&mut self.cancelled, watch::channel(false).1);
        if self.save(Vec::new()).await.is_ok() {
            tracing::info!(
                number = self.replay.number,
                subscription = %self.replay.subscription,
                enqueued = self.replay.enqueued,
                "the replay is over: {reason}"
            );
        }
    }

    /// Never returns `Ok`: there is always a reason to stop.
    async fn go(&mut self, before: Vec<Arc<Generation>>) -> Result<(), Stop> {
        let last = match self.order.last {
            Some(last) => last,
            None => self.find_last(before).await?,
        };
        let mut filter = match self.order.filter.as_ref().map(pattern) {
            Some(Ok(pattern)) => Some(EventFilter::new(&pattern)),
            Some(Err(_)) => return Err(Stop::Ended("the filter is no event pattern")),
            None => None,
        };
        loop {
            if self.replay.position >= last {
                return Err(Stop::Ended("completed"));
            }
            let table = Arc::clone(&self.inner.generation().table);
            if !table.has_route(&self.replay.subscription) {
                return Err(Stop::Ended("the subscription was removed"));
            }
            self.wait_for_room().await?;
            let query = EventsQuery {
                from: self.replay.position.saturating_add(1),
                to: last,
                newest_first: false,
                limit: PAGE,
                correlation_id: None,
            };
            let page = self.insist(|inner| {
                let query = query.clone();
                async move { inner.store.events(query).await }
            });
            let page = page.await?;
            if !page.damaged.is_empty() {
                tracing::warn!(
                    number = self.replay.number,
                    damaged = page.damaged.len(),
                    "a replay leaves events out that are damaged in the store"
                );
            }
            let mut selected = Vec::with_capacity(page.events.len());
            for stored in &page.events {
                if self.selects(&table, filter.as_mut(), stored) {
                    selected.push(stored.sequence);
                }
            }
            self.enqueue(&selected, page.last.unwrap_or(last)).await?;
        }
    }

    /// Where a new subscription's past ends: what is stored from now on knows it.
    async fn find_last(&mut self, before: Vec<Arc<Generation>>) -> Result<u64, Stop> {
        for generation in before {
            self.unless_stopped(async move { generation.published().await }).await?;
        }
        let end = self.insist(|inner| async move { inner.store.sequence_at(NEVER).await });
        let last = end.await?.saturating_sub(1);
        self.order.last = Some(last);
        self.replay.request = self.order.write();
        self.save(Vec::new()).await?;
        Ok(last)
    }

    fn selects(&mut self, table: &Table, filter: Option<&mut EventFilter>, stored: &StoredEvent) -> bool {
        let name = &self.replay.subscription;
        if self.order.is_start && stored.matched.contains(name) {
            return false;
        }
        let by_subscription = |event: &Event, scratch: &mut Scratch| table.matched(event, scratch).contains(name);
        match filter {
            Some(filter) => filter.matches(&stored.event),
            None => by_subscription(&stored.event, &mut self.scratch),
        }
    }

    /// Makes deliveries of these, as fast as the rate allows; then everything up to `end` is done.
    async fn enqueue(&mut self, mut selected: &[u64], end: u64) -> Result<(), Stop> {
        while !selected.is_empty() {
            let granted = self.grant(selected.len()).await?;
            let (now, later) = selected.split_at(granted);
            selected = later;
            self.replay.position = match now.last() {
                Some(last) if !later.is_empty() => *last,
                _ => end,
            };
            self.replay.enqueued += now.len() as u64;
            self.save(now.to_vec()).await?;
        }
        if self.replay.position < end {
            self.replay.position = end;
            self.save(Vec::new()).await?;
        }
        Ok(())
    }

    /// How many of so many may go now; at least one.
    async fn grant(&mut self, wanted: usize) -> Result<usize, Stop> {
        let Some(bucket) = self.bucket.take() else {
            return Ok(wanted);
        };
        let mut granted = 0;
        let stopped = loop {
            if granted == wanted {
                break Ok(());
            }
            match bucket.take() {
                Ok(()) => granted += 1,
                Err(_) if granted > 0 => break Ok(()),
                Err(next) => {
                    if let Err(stop) = self.unless_stopped(sleep_until(next)).await {
                        break Err(stop);
                    }
                }
            }
        };
        self.bucket = Some(bucket);
        stopped.map(|()| granted)
    }

    async fn wait_for_room(&mut self) -> Result<(), Stop> {
        loop {
            let inner = Arc::clone(&self.inner);
            let settled = inner.settled.notified();
            let ledger = self.insist(|inner| async move { inner.store.ledger().await }).await?;
            let account = ledger.accounts.get(&self.replay.subscription);
            if account.is_none_or(|account| account.pending < MOST_PENDING) {
                return Ok(());
            }
            let next = Instant::now() + PENDING_AGAIN;
            let room = async {
                tokio::select! {
                    () = settled => {}
                    () = sleep_until(next) => {}
                }
            };
            self.unless_stopped(room).await?;
        }
    }

    async fn save(&mut self, sequences: Vec<u64>) -> Result<(), Stop> {
        let replay = self.replay.clone();
        self.insist(|inner| {
            let (replay, sequences) = (replay.clone(), sequences.clone());
            async move { inner.store.replay(replay, sequences).await }
        })
        .await
    }

    /// Asks the store until it answers.
    async fn insist<T, F>(&mut self, ask: impl Fn(Arc<Inner>) -> F) -> Result<T, Stop>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            self.unless_stopped(async {}).await?;
            // To its end: whether it took effect must be known.
            match ask(Arc::clone(&self.inner)).await {
                Ok(answer) => return Ok(answer),
                Err(error) if self.inner.is_worth_another_try("a replay cannot go on", &error) => {}
                Err(_) => return Err(Stop::Paused),
            }
            self.unless_stopped(sleep_until(Instant::now() + STORE_AGAIN)).await?;
        }
    }

    async fn unless_stopped(&mut self, wait: impl Future<Output = ()>) -> Result<(), Stop> {
        tokio::select! {
            biased;
            Ok(_) = self.phase.wait_for(|phase| *phase > Phase::Running) => Err(Stop::Paused),
            Ok(_) = self.cancelled.wait_for(|cancelled| *cancelled) => Err(Stop::Ended("cancelled")),
            () = wait => Ok(()),
        }
    }
}

/// A tenth of a second's worth at once: timers count in milliseconds, and nobody notices less.
fn bucket(rate: NonZeroU32) -> Bucket {
    let burst = NonZeroU32::new(rate.get() / 10).unwrap_or(NonZeroU32::MIN);
    Bucket::new(rate, Duration::from_secs(1), burst)
}
