//! Dead letters, put back to pending or out of sight.

use std::collections::HashSet;
use std::sync::Arc;

use patchpanel_event::parse_delivery_id;
use patchpanel_filter::Pattern;
use patchpanel_store::{DeliveriesQuery, DeliveryRef, DeliveryState, DeliveryStatus, StoreError};

use crate::event_filter::EventFilter;
use crate::inner::Inner;
use crate::{leftovers, questions};

/// Dead letters that are changed in one step of the store.
const STEP: usize = 500;

/// Which dead letters.
#[derive(Clone, Debug, PartialEq)]
pub enum DeadSelection {
    /// Those with these delivery ids.
    Ids(Vec<String>),
    /// All that meet every condition.
    Matching {
        /// Whose.
        subscription: Option<String>,
        /// Of an event that it matches.
        filter: Option<Pattern>,
    },
}

/// What is done with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Redrive,
    Discard,
}

/// Does it to all that are selected, in steps: what is done stays done if the store fails on the way. Returns to how many.
///
/// A letter whose subscription is gone is not redriven but left as it is, because nobody would deliver it.
pub(crate) async fn change(inner: &Inner, selection: DeadSelection, deed: Deed) -> Result<u64, StoreError> {
    let step = Step { inner, deed };
    match selection {
        DeadSelection::Ids(ids) => {
            let mut changed = 0;
            for ids in ids.chunks(STEP) {
                let ids: Vec<String> = ids
                    .iter()
                    .filter(|id| parse_delivery_id(id).is_some())
                    .cloned()
                    .collect();
                let found = questions::deliveries(&*inner.store, &ids).await?;
                changed += step.take(found.into_iter().flatten()).await?;
            }
            Ok(changed)
        }
        DeadSelection::Matching { subscription, filter } => step.sweep(subscription, filter).await,
    }
}

struct Step<'i> {
    inner: &'i Inner,
    deed: Deed,
}

impl Step<'_> {
    async fn sweep(&self, subscription: Option<String>, filter: Option<Pattern>) -> Result<u64, StoreError> {
        let subscription: Option<Arc<str>> = subscription.map(Arc::from);
        let mut filter = filter.as_ref().map(EventFilter::new);
        let (mut changed, mut after) = (0, None);
        loop {
            let page = self
                .inner
                .store
                .deliveries(DeliveriesQuery {
                    subscription: subscription.clone(),
                    state: DeliveryState::Dead,
                    after,
                    limit: STEP,
                })
                .await?;
            let mut selected = Vec::with_capacity(page.deliveries.len());
            for letter in page.deliveries {
                if self.is_selected(&letter, filter.as_mut()).await? {
                    selected.push(letter);
                }
            }
            changed += self.take(selected).await?;
            if page.next.is_none() {
                return Ok(changed);
            }
            after = page.next;
        }
    }

    async fn is_selected(&self, letter: &DeliveryStatus, filter: Option<&mut EventFilter>) -> Result<bool, StoreError> {
        let Some(filter) = filter else {
            return Ok(true);
        };
        match self.inner.store.event(&letter.event_id).await {
            Ok(stored) => Ok(stored.is_some_and(|stored| filter.matches(&stored.event))),
            // Nobody can say whether it matches.
            Err(StoreError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn take(&self, letters: impl IntoIterator<Item = DeliveryStatus>) -> Result<u64, StoreError> {
        let table = Arc::clone(&self.inner.generation().table);
        let wanted = |letter: &DeliveryStatus| {
            letter.state == DeliveryState::Dead && (self.deed == Deed::Discard || table.has_route(&letter.subscription))
        };
        let letters: Vec<DeliveryRef> = letters
            .into_iter()
            .filter(wanted)
            .map(|letter| DeliveryRef {
                subscription: letter.subscription,
                key: letter.key,
            })
            .collect();
        let names: HashSet<Arc<str>> = letters.iter().map(|letter| Arc::clone(&letter.subscription)).collect();
        let changed = match self.deed {
            _ if letters.is_empty() => return Ok(0),
            Deed::Discard => return self.inner.store.discard(letters).await,
            Deed::Redrive => self.inner.store.redrive(letters).await?,
        };
        for name in &names {
            // The subscription may have gone meanwhile.
            leftovers::settle(self.inner, name).await;
        }
        Ok(changed)
    }
}
