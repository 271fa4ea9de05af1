//! What can be asked about the past: events, and how their deliveries ended.

use patchpanel_event::parse_delivery_id;
use patchpanel_filter::Pattern;
use patchpanel_store::{DeliveryStatus, EventsQuery, Store, StoreError, StoredEvent};

use crate::event_filter::EventFilter;

/// Most events that one call of history looks at.
const MOST_SCANNED: u64 = 10_000;
/// Events that are read at once.
const PAGE: usize = 256;

/// Which events of the past.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryQuery {
    /// Accepted at this time or later, in nanoseconds since the Unix epoch.
    pub from: Option<u64>,
    /// Accepted before this time.
    pub to: Option<u64>,
    /// Behind the event with this sequence number: [`HistoryPage::next`] of the page before.
    pub after: Option<u64>,
    /// The newest one first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: usize,
    /// Only those that it matches.
    pub filter: Option<Pattern>,
    /// Only those with this correlation id.
    pub correlation_id: Option<String>,
}

/// Events in the order that was asked for.
#[derive(Clone, Debug, Default)]
pub struct HistoryPage {
    /// What was found.
    pub events: Vec<StoredEvent>,
    /// The sequence numbers of events in between that are damaged in the store.
    pub damaged: Vec<u64>,
    /// For [`HistoryQuery::after`]; `None` where there is nothing further. A call looks at a bounded number of events, so a
    /// page may be short, or empty, and yet have a next one.
    pub next: Option<u64>,
    /// Events that were looked at.
    pub scanned: u64,
}

/// Answers, in order, for ids as the deliveries carry them.
pub(crate) async fn deliveries(store: &dyn Store, ids: &[String]) -> Result<Vec<Option<DeliveryStatus>>, StoreError> {
    let mut answers = Vec::with_capacity(ids.len());
    // Ids of the same event tend to stand together.
    let mut last: Option<(&str, Vec<DeliveryStatus>)> = None;
    for id in ids {
        let Some((event_id, subscription, replay)) = parse_delivery_id(id) else {
            answers.push(None);
            continue;
        };
        let statuses = match last.take().filter(|(known, _)| *known == event_id) {
            Some((_, statuses)) => statuses,
            None => store.deliveries_of(event_id).await?.unwrap_or_default(),
        };
        let of_id = |status: &&DeliveryStatus| *status.subscription == *subscription && status.key.replay == replay;
        answers.push(statuses.iter().find(of_id).cloned());
        last = Some((event_id, statuses));
    }
    Ok(answers)
}

/// Looks for events until there are enough, or until enough was looked at.
pub(crate) async fn history(store: &dyn Store, query: HistoryQuery) -> Result<HistoryPage, StoreError> {
    let mut page = HistoryPage::default();
    let Some((mut from, to)) = range(store, &query).await? else {
        return Ok(page);
    };
    let mut filter = query.filter.as_ref().map(EventFilter::new);
    let limit = query.limit.max(1);
    loop {
        let room = limit - page.events.len();
        let unscanned = usize::try_from(MOST_SCANNED - page.scanned).unwrap_or(PAGE);
        let read = store
            .events(EventsQuery {
                from,
                to,
                newest_first: query.newest_first,
                // Without a filter nothing that is read is read in vain.
                limit: if filter.is_some() { PAGE } else { PAGE.min(room) }.min(unscanned),
                correlation_id: query.correlation_id.clone(),
            })
            .await?;
        page.scanned += (read.events.len() + read.damaged.len()) as u64;
        let mut cut = None;
        for stored in read.events {
            if filter.as_mut().is_none_or(|filter| filter.matches(&stored.event)) {
                let sequence = stored.sequence;
                page.events.push(stored);
                if page.events.len() == limit {
                    cut = Some(sequence);
                    break;
                }
            }
        }
        // Those behind the cut come with the next page.
        let here = |sequence: &u64| cut.is_none_or(|cut| before(*sequence, cut, query.newest_first));
        page.damaged.extend(read.damaged.into_iter().filter(here));
        let last = cut.or(read.last);
        let next = last.and_then(|last| behind(last, to, query.newest_first));
        page.next = last.filter(|_| next.is_some());
        match next.filter(|_| cut.is_none() && page.scanned < MOST_SCANNED) {
            Some(next) => from = next,
            None => return Ok(page),
        }
    }
}

/// The first and the last sequence number to look at, in the order of the query; `None` where there is none.
async fn range(store: &dyn Store, query: &HistoryQuery) -> Result<Option<(u64, u64)>, StoreError> {
    let (low, high) = bounds(store, query.from, query.to).await?;
    if low > high {
        return Ok(None);
    }
    let (first, last) = if query.newest_first { (high, low) } else { (low, high) };
    let first = match query.after {
        Some(after) if before(after, first, query.newest_first) && after != first => Some(first),
        Some(after) => behind(after, last, query.newest_first),
        None => Some(first),
    };
    Ok(first.map(|first| (first, last)))
}

/// The sequence numbers of what was accepted within these times: from the first on, before the second.
pub(crate) async fn bounds(store: &dyn Store, from: Option<u64>, to: Option<u64>) -> Result<(u64, u64), StoreError> {
    let low = match from {
        Some(from) => store.sequence_at(from).await?,
        None => 1,
    };
    let end = store.sequence_at(to.map_or(NEVER, |to| to.min(NEVER))).await?;
    Ok((low.max(1), end.saturating_sub(1)))
}

/// After everything that is ever accepted; databases count nanoseconds with a sign.
pub(crate) const NEVER: u64 = i64::MAX as u64;

/// Whether the order comes to `sequence` no later than to `other`.
fn before(sequence: u64, other: u64, newest_first: bool) -> bool {
    if newest_first {
        sequence >= other
    } else {
        sequence <= other
    }
}

/// The sequence number that comes next, if the order does not end before it.
fn behind(sequence: u64, last: u64, newest_first: bool) -> Option<u64> {
    let next = if newest_first {
        sequence.checked_sub(1)
    } else {
        sequence.checked_add(1)
    };
    next.filter(|next| before(*next, last, newest_first))
}
