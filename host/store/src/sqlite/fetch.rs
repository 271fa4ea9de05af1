//! Leasing: from memory where the next deliveries still are there, from the disk otherwise.
//!
//! The disk is read without the lock. One fetch per subscription at a time keeps others from leasing the same; what was
//! leased before the look is left out, because it may be settled while the disk is read.

use std::collections::HashSet;

use patchpanel_event::FieldPath;
use rusqlite::{Connection, OptionalExtension as _};

use super::delivery_row::{self, DeliveryRow};
use super::op::Held;
use super::queue::{Lease, Place, Queue};
use super::row::{COLUMNS, EventRow, ordering_key, signed, unsigned};
use super::state::Shared;
use super::{numbers, state_code};
use crate::{Delivery, DeliveryKey, StoreError};

/// Rows of events that are looked at in one go, to find those of one subscription.
const LOOK: u32 = 16_384;

/// Bytes of events that one fetch leases, or one event more.
const MOST_BYTES: usize = 8 << 20;

/// What the disk is asked for on behalf of a fetch.
pub(super) struct Plan {
    pub(super) index: usize,
    pub(super) max: usize,
    /// Rows of `deliveries` that are due by then; `None`: none are.
    pub(super) rows_until: Option<u64>,
    /// Also those that are held.
    early: bool,
    number: u32,
    leased_rows: HashSet<DeliveryKey>,
    row_version: u64,
    returned: Vec<u64>,
    /// Behind which sequence number to look for new ones.
    scan_from: Option<u64>,
    /// Everything up to here is accepted.
    committed: u64,
}

/// What the disk had.
#[derive(Default)]
pub(super) struct Found {
    rows: Vec<FoundRow>,
    /// When the first of the ready rows is due that are left.
    rows_left: Option<u64>,
    returned: Vec<(u64, Result<EventRow, StoreError>)>,
    new: Vec<(u64, Result<EventRow, StoreError>)>,
    scanned_to: Option<u64>,
    /// Of all events in it.
    bytes: usize,
}

impl Found {
    fn is_full(&self, max: usize) -> bool {
        self.rows.len() + self.returned.len() + self.new.len() >= max || self.bytes >= MOST_BYTES
    }

    /// Counts an event, and a damaged one as what it is.
    fn note(&mut self, event: &Result<EventRow, StoreError>, shared: &Shared) {
        match event {
            Ok(row) => self.bytes += row.event.json().len(),
            Err(error) => {
                tracing::error!(%error, "a row of the store is damaged");
                shared.lock().damaged += 1;
            }
        }
    }
}

struct FoundRow {
    key: DeliveryKey,
    attempts: u32,
    lease: Lease,
    event: Result<EventRow, StoreError>,
}

/// What a fetch leased.
#[derive(Default)]
pub(super) struct Leased {
    pub(super) deliveries: Vec<Delivery>,
    /// Leased, too, but not to be handed out: they wait for their turn.
    pub(super) held: Vec<Held>,
    /// Leased, too, but their events cannot be read.
    pub(super) damaged: Vec<(DeliveryKey, StoreError)>,
    /// Pending by the sums, and nowhere to be found.
    pub(super) missing: u64,
}

impl Leased {
    pub(super) fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.held.is_empty() && self.damaged.is_empty()
    }

    /// What could not be set aside is due again, as if it had never been leased.
    pub(super) fn put_down(&self, queue: &mut Queue) {
        for held in &self.held {
            // Those that were written nevertheless are leased no more.
            if queue.put_down(held.key) {
                queue.leave_turn(held.ordering_key);
            }
        }
        for (key, _) in &self.damaged {
            queue.put_down(*key);
        }
    }

    /// A delivery without a row.
    fn take_over(
        &mut self,
        queue: &mut Queue,
        index: usize,
        sequence: u64,
        event: Result<EventRow, StoreError>,
        ordering: Option<&FieldPath>,
    ) {
        let key = DeliveryKey::original(sequence);
        let known = queue.open.get(&sequence).and_then(|open| open.lease.ordering_key);
        let since = event.as_ref().map_or(0, |event| event.accepted);
        queue.open(sequence, since);
        if let Some(open) = queue.open.get_mut(&sequence) {
            // A turn that it has is passed on when it ends, however that is.
            open.lease.ordering_key = known;
        }
        match event {
            Ok(event) => {
                let delivery = Delivery {
                    key,
                    attempts: 0,
                    since,
                    event: event.event,
                };
                self.grant(queue, index, delivery, known, ordering);
            }
            Err(error) => self.damaged.push((key, error)),
        }
    }

    fn grant(
        &mut self,
        queue: &mut Queue,
        index: usize,
        delivery: Delivery,
        known: Option<i64>,
        ordering: Option<&FieldPath>,
    ) {
        let key = delivery.key;
        let ordering_key = match ordering {
            Some(path) => known.or_else(|| ordering_key(path, &delivery.event)),
            None => None,
        };
        match ordering_key.map(|ordering_key| (ordering_key, queue.take_turn(key, ordering_key))) {
            Some((ordering_key, Place::Held)) => self.held.push(Held {
                queue: index,
                key,
                ordering_key,
            }),
            _ => self.deliveries.push(delivery),
        }
    }
}

/// New deliveries that are still in memory; nothing else must come before them.
pub(super) fn lease_live(queue: &mut Queue, index: usize, max: usize, ordering: Option<&FieldPath>) -> Leased {
    let (mut leased, mut bytes) = (Leased::default(), 0);
    while leased.deliveries.len() < max
        && bytes < MOST_BYTES
        && let Some((sequence, since, event)) = queue.first_live()
    {
        bytes += event.json().len();
        let delivery = Delivery {
            key: DeliveryKey::original(sequence),
            attempts: 0,
            since,
            event: event.clone(),
        };
        queue.open(sequence, since);
        leased.grant(queue, index, delivery, None, ordering);
    }
    leased
}

impl Plan {
    /// What must be read to lease up to `max` deliveries; `None`: nothing.
    pub(super) fn make(queue: &Queue, index: usize, max: usize, now: u64, early: bool, committed: u64) -> Option<Plan> {
        let until = if early { u64::MAX } else { now };
        let rows = if early {
            queue.rows > queue.leased_rows.len() as u64
        } else {
            queue.row_due.is_some_and(|due| due <= now)
        };
        let returned = queue.returned();
        let scan = queue.first_live().is_none() && queue.lagging;
        (rows || scan || !returned.is_empty()).then(|| Plan {
            index,
            max,
            rows_until: rows.then_some(until),
            early,
            number: queue.number,
            leased_rows: queue.leased_rows.keys().chain(&queue.taken_rows).copied().collect(),
            row_version: queue.row_version,
            returned,
            scan_from: scan.then_some(queue.next),
            committed,
        })
    }

    pub(super) fn read(&self, connection: &Connection, shared: &Shared) -> rusqlite::Result<Found> {
        let mut found = Found::default();
        // First, because they had their turn already.
        for sequence in &self.returned {
            if found.is_full(self.max) {
                break;
            }
            let event = read_event(connection, *sequence)?;
            found.note(&event, shared);
            found.returned.push((*sequence, event));
        }
        if let Some(until) = self.rows_until {
            self.read_rows(connection, until, shared, &mut found)?;
        }
        if let Some(from) = self.scan_from
            && !found.is_full(self.max)
        {
            self.scan(connection, from, shared, &mut found)?;
        }
        Ok(found)
    }

    fn read_rows(
        &self,
        connection: &Connection,
        until: u64,
        shared: &Shared,
        found: &mut Found,
    ) -> rusqlite::Result<()> {
        for state in [state_code::READY, state_code::HELD] {
            if state == state_code::HELD && !self.early {
                break;
            }
            let mut select = connection.prepare_cached(&format!(
                "SELECT {} FROM deliveries d WHERE subscription = ?1 AND state = {state} ORDER BY due, sequence, replay",
                delivery_row::COLUMNS
            ))?;
            let mut rows = select.query((self.number,))?;
            while let Some(row) = rows.next()? {
                let (row, sound) = DeliveryRow::read(row)?;
                if self.leased_rows.contains(&row.key) {
                    continue;
                }
                if row.due > until || found.is_full(self.max) {
                    found.rows_left = Some(found.rows_left.map_or(row.due, |left| left.min(row.due)));
                    break;
                }
                let event = match sound {
                    true => read_event(connection, row.key.sequence)?,
                    false => Err(StoreError::Damaged {
                        sequence: row.key.sequence,
                        problem: "the row of its delivery is not as it was written".to_owned(),
                    }),
                };
                found.note(&event, shared);
                found.rows.push(FoundRow {
                    key: row.key,
                    attempts: row.attempts,
                    lease: Lease {
                        since: row.since,
                        due: Some(row.due),
                        ordering_key: row.ordering_key,
                    },
                    event,
                });
            }
        }
        Ok(())
    }

    fn scan(&self, connection: &Connection, from: u64, shared: &Shared, found: &mut Found) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM events WHERE sequence > ?1 AND sequence <= ?2 ORDER BY sequence LIMIT ?3"
        ))?;
        // What is behind that is on the disk, perhaps, but not accepted yet: it is about to be put into the queue.
        let mut rows = select.query((signed(from), signed(self.committed), LOOK))?;
        let mut looked_at = 0;
        while let Some(row) = rows.next()? {
            looked_at += 1;
            let sequence = unsigned(row.get(0)?);
            found.scanned_to = Some(sequence);
            let is_ours = match row.get_ref(2)?.as_blob() {
                Ok(matched) => numbers::read_u32(matched).any(|number| number == self.number),
                // Damaged: whose it is cannot be told, so nobody may pass over it in silence.
                Err(_) => true,
            };
            if !is_ours {
                continue;
            }
            let event = EventRow::read(row)?;
            found.note(&event, shared);
            found.new.push((sequence, event));
            if found.is_full(self.max) {
                return Ok(());
            }
        }
        if looked_at < LOOK {
            found.scanned_to = Some(self.committed.max(found.scanned_to.unwrap_or(from)));
        }
        Ok(())
    }

    /// Leases what was found.
    pub(super) fn lease(self, queue: &mut Queue, found: Found, ordering: Option<&FieldPath>) -> Leased {
        let mut leased = Leased::default();
        if self.rows_until.is_some() {
            // A row that became ready meanwhile may not have been seen.
            queue.row_due = match (found.rows_left, queue.row_due) {
                (left, _) if queue.row_version == self.row_version => left,
                (Some(left), Some(due)) => Some(left.min(due)),
                (left, due) => left.or(due),
            };
        }
        // What is taken early is not attempted, so it needs no turn.
        let ordering = ordering.filter(|_| !self.early);
        for (sequence, event) in found.returned {
            leased.take_over(queue, self.index, sequence, event, ordering);
        }
        for row in found.rows {
            queue.leased_rows.insert(row.key, row.lease);
            match row.event {
                Ok(event) => {
                    let delivery = Delivery {
                        key: row.key,
                        attempts: row.attempts,
                        since: row.lease.since,
                        event: event.event,
                    };
                    leased.grant(queue, self.index, delivery, row.lease.ordering_key, ordering);
                }
                Err(error) => leased.damaged.push((row.key, error)),
            }
        }
        for (sequence, event) in found.new {
            leased.take_over(queue, self.index, sequence, event, ordering);
        }
        if let Some(scanned_to) = found.scanned_to {
            queue.next = queue.next.max(scanned_to);
            if queue.head <= queue.next && queue.unseen() > 0 {
                leased.missing = queue.unseen();
                queue.missing += leased.missing;
            }
        }
        // What came after the look is behind the cursor, and still has to be looked for.
        queue.lagging &= queue.head > queue.next && queue.unseen() > 0;
        leased
    }
}

/// The event of a delivery.
fn read_event(connection: &Connection, sequence: u64) -> rusqlite::Result<Result<EventRow, StoreError>> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM events WHERE sequence = ?1"))?;
    let event = select.query_row((signed(sequence),), EventRow::read).optional()?;
    Ok(event.unwrap_or_else(|| {
        Err(StoreError::Damaged {
            sequence,
            problem: "its row is missing".to_owned(),
        })
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use patchpanel_event::{Event, Limits};

    use super::super::live::{Budget, Live};
    use super::super::{row, schema};
    use super::*;

    fn event(sequence: u64) -> Event {
        let json = format!(r#"{{"id":"{sequence}","type":"t"}}"#);
        Event::parse(json.into(), &Limits::default()).unwrap()
    }

    /// As the writer does.
    fn insert(connection: &Connection, sequence: u64) {
        let (event, matched) = (event(sequence), numbers::write_u32([1].into_iter()));
        let sum = row::sum(sequence, 7, &matched, event.id().as_bytes(), None, event.json());
        let statement =
            "INSERT INTO events (sequence, id, accepted, matched, checksum, json) VALUES (?, ?, 7, ?, ?, ?)";
        let columns = (signed(sequence), &*event.id(), matched, sum, &**event.json());
        connection.execute(statement, columns).unwrap();
    }

    #[test]
    fn what_is_synced_and_not_yet_accepted_is_leased_once() {
        let (connection, shared, budget) = (schema::in_memory().unwrap(), Shared::default(), Budget::default());
        let mut queue = Queue::new("a".into(), 1);
        let accept = |queue: &mut Queue, sequence: u64, room: bool| {
            queue.account.accepted += 1;
            queue.account.pending += 1;
            queue.push(sequence, &Live::new(event(sequence), 7, &budget), room);
        };
        let look = |queue: &mut Queue, committed: u64| {
            let plan = Plan::make(queue, 0, 9, 7, false, committed).unwrap();
            let found = plan.read(&connection, &shared).unwrap();
            plan.lease(queue, found, None)
        };
        insert(&connection, 1);
        accept(&mut queue, 1, false);
        insert(&connection, 2);
        let first = look(&mut queue, 1);
        accept(&mut queue, 2, true);
        let second = lease_live(&mut queue, 0, 9, None);
        let leased = first.deliveries.iter().chain(&second.deliveries);
        let sequences: Vec<u64> = leased.map(|delivery| delivery.key.sequence).collect();
        assert_eq!(sequences, [1, 2]);
        assert!(!queue.has_new());
    }
}
