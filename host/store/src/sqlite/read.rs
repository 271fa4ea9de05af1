//! Answers to questions about the past.

use patchpanel_event::Receipt;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::delivery_row::{self, DeliveryRow};
use super::row::{COLUMNS, EventRow, signed, unsigned};
use super::state::{Shared, State};
use super::state_code;
use crate::{
    DeliveriesPage, DeliveriesQuery, DeliveryKey, DeliveryState, DeliveryStatus, EventsPage, EventsQuery,
    FailedAttempt, Replay, StoreError, StoredEvent, SubscriptionName, Usage,
};

/// Rows of `deliveries` with their numbers and the ids of their events behind the columns of [`DeliveryRow::read`].
fn select_deliveries(rest: &str) -> String {
    format!(
        "SELECT {}, d.number, e.id FROM deliveries d JOIN events e ON e.sequence = d.sequence {rest}",
        delivery_row::COLUMNS
    )
}

/// Rows that are looked at for one page of deliveries: where few fit the question, the page is short.
const LOOK: u32 = 20_000;

/// Bytes of events in one page, or one event more.
const MOST_BYTES: usize = 8 << 20;

/// What comes from the disk or is damaged there.
type Read<T> = rusqlite::Result<T>;

pub(super) fn event(
    connection: &Connection,
    shared: &Shared,
    id: &str,
) -> Read<Result<Option<StoredEvent>, StoreError>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE id = ?1"))?;
    let row = select.query_row((id,), EventRow::read).optional()?;
    Ok(row.transpose().map(|row| row.map(|row| stored(row, &shared.lock()))))
}

pub(super) fn events(connection: &Connection, shared: &Shared, query: &EventsQuery) -> Read<EventsPage> {
    let (low, high) = (query.from.min(query.to), query.from.max(query.to));
    let order = if query.newest_first { "DESC" } else { "ASC" };
    let correlated = match query.correlation_id {
        Some(_) => "AND correlation_id = ?4",
        None => "AND ?4 IS NULL",
    };
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM events WHERE sequence BETWEEN ?1 AND ?2 {correlated} ORDER BY sequence {order} LIMIT ?3"
    ))?;
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let mut rows = select.query((signed(low), signed(high), limit, &query.correlation_id))?;
    let (mut page, mut count, mut bytes) = (EventsPage::default(), 0, 0);
    while bytes < MOST_BYTES
        && let Some(row) = rows.next()?
    {
        count += 1;
        let sequence = unsigned(row.get(0)?);
        page.last = Some(sequence);
        match EventRow::read(row)? {
            Ok(row) => {
                bytes += row.event.json().len();
                page.events.push(stored(row, &shared.lock()));
            }
            Err(error) => {
                tracing::error!(%error, "a row of the store is damaged");
                page.damaged.push(sequence);
            }
        }
    }
    if count < query.limit && bytes < MOST_BYTES {
        page.last = None;
    }
    Ok(page)
}

fn stored(row: EventRow, state: &State) -> StoredEvent {
    StoredEvent {
        sequence: row.sequence,
        accepted: row.accepted,
        event: row.event,
        matched: row.matched.iter().filter_map(|number| state.name_of(*number)).collect(),
    }
}

/// Times of acceptance never fall, so this looks at few rows only.
pub(super) fn sequence_at(connection: &Connection, shared: &Shared, time: u64) -> Read<u64> {
    let mut first = connection
        .prepare_cached("SELECT sequence, accepted FROM events WHERE sequence >= ?1 ORDER BY sequence LIMIT 1")?;
    let (mut low, mut high) = (1, shared.lock().totals.sequence + 1);
    while low < high {
        let middle = low.midpoint(high);
        let row = first.query_row((signed(middle),), |row| {
            Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
        });
        match row.optional()? {
            Some((sequence, accepted)) if accepted < time => low = sequence + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

pub(super) fn deliveries_of(
    connection: &Connection,
    shared: &Shared,
    event_id: &str,
) -> Read<Option<Vec<DeliveryStatus>>> {
    let mut select = connection.prepare_cached("SELECT sequence, accepted, matched FROM events WHERE id = ?1")?;
    let event = select.query_row((event_id,), |row| {
        Ok((unsigned(row.get(0)?), unsigned(row.get(1)?), row.get::<_, Vec<u8>>(2)?))
    });
    let Some((sequence, since, matched)) = event.optional()? else {
        return Ok(None);
    };
    // The memory first: what gets a row after this look is found in it, and so known better.
    let mut statuses = Vec::new();
    {
        let mut state = shared.lock();
        for number in super::numbers::read_u32(&matched) {
            let Some(queue) = state.by_number(number) else {
                continue;
            };
            let delivery_state = match queue.open.get(&sequence) {
                Some(open) if open.leased => DeliveryState::InFlight,
                None if queue.is_settled(sequence) => DeliveryState::Delivered,
                _ => DeliveryState::Waiting,
            };
            statuses.push(DeliveryStatus {
                event_id: event_id.to_owned(),
                subscription: queue.name.clone(),
                key: DeliveryKey::original(sequence),
                state: delivery_state,
                attempts: 0,
                since,
                changed: None,
                due: None,
                reason: None,
                receipt: None,
                failures: Vec::new(),
            });
        }
    }
    let mut select = connection.prepare_cached(&select_deliveries("WHERE d.sequence = ?1 ORDER BY d.number"))?;
    let mut rows = select.query((signed(sequence),))?;
    while let Some(row) = rows.next()? {
        let Some(status) = read_status(row, &mut shared.lock())? else {
            continue;
        };
        let same = |known: &&mut DeliveryStatus| known.subscription == status.subscription && known.key == status.key;
        match statuses.iter_mut().find(same) {
            Some(known) => *known = status,
            None => statuses.push(status),
        }
    }
    Ok(Some(statuses))
}

pub(super) fn deliveries(connection: &Connection, shared: &Shared, query: &DeliveriesQuery) -> Read<DeliveriesPage> {
    let code = state_code::code(query.state);
    let mut select = connection.prepare_cached(&select_deliveries(&format!(
        "WHERE d.state = {code} AND d.number > ?1 ORDER BY d.number LIMIT ?2"
    )))?;
    let mut rows = select.query((signed(query.after.unwrap_or(0)), LOOK))?;
    let (mut page, mut count) = (DeliveriesPage::default(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        page.next = Some(unsigned(row.get(14)?));
        let Some(status) = read_status(row, &mut shared.lock())? else {
            continue;
        };
        let wanted = query
            .subscription
            .as_ref()
            .is_none_or(|name| *name == status.subscription);
        if wanted && status.state == query.state {
            page.deliveries.push(status);
        }
        if page.deliveries.len() >= query.limit {
            return Ok(page);
        }
    }
    if count < LOOK {
        page.next = None;
    }
    Ok(page)
}

/// A row of [`select_deliveries`]; `None` if its subscription is unknown.
fn read_status(row: &Row<'_>, state: &mut State) -> Read<Option<DeliveryStatus>> {
    let event_id = row.get(15)?;
    let (row, _) = DeliveryRow::read(row)?;
    let Some(queue) = state.by_number(row.subscription) else {
        return Ok(None);
    };
    let delivery_state = state_code::read(row.state, row.attempts, queue.leased_rows.contains_key(&row.key));
    let failures = row
        .failed_attempts()
        .map(|(time, reason)| FailedAttempt { time, reason })
        .collect();
    let has_receipt = row.reference.is_some() || row.detail.is_some();
    Ok(Some(DeliveryStatus {
        event_id,
        subscription: queue.name.clone(),
        key: row.key,
        state: delivery_state,
        attempts: row.attempts,
        since: row.since,
        changed: Some(row.changed),
        due: (delivery_state == DeliveryState::Retrying).then_some(row.due),
        reason: row.reason,
        receipt: has_receipt.then_some(Receipt {
            reference: row.reference,
            detail: row.detail,
        }),
        failures,
    }))
}

pub(super) fn replays(connection: &Connection) -> Read<Vec<Replay>> {
    let mut select = connection.prepare_cached(
        "SELECT number, subscription, request, position, enqueued, ended FROM replays ORDER BY number",
    )?;
    let rows = select.query_map((), |row| {
        Ok(Replay {
            number: row.get(0)?,
            subscription: row.get::<_, String>(1)?.into(),
            request: row.get(2)?,
            position: unsigned(row.get(3)?),
            enqueued: unsigned(row.get(4)?),
            ended: row.get(5)?,
        })
    })?;
    rows.collect()
}

pub(super) fn definitions(connection: &Connection) -> Read<Vec<(SubscriptionName, String)>> {
    let mut select = connection.prepare_cached("SELECT name, definition FROM definitions ORDER BY name")?;
    let rows = select.query_map((), |row| Ok((row.get::<_, String>(0)?.into(), row.get(1)?)))?;
    rows.collect()
}

pub(super) fn usage(connection: &Connection, shared: &Shared, budget: Option<u64>) -> Read<Usage> {
    let events = connection.query_row("SELECT events - forgotten FROM totals", (), |row| row.get(0))?;
    Ok(Usage {
        events: unsigned(events),
        bytes: super::retain::used_bytes(connection)?,
        budget,
        damaged: shared.lock().damaged,
    })
}
