//! What consumers hold, and until when.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use patchpanel_store::Delivery;
use tokio::time::Instant;

/// A delivery in the hands of a consumer.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) delivery: Delivery,
    pub(crate) consumer: Option<Arc<str>>,
    until: Instant,
}

/// By id, and in the order of their ends.
#[derive(Default)]
pub(crate) struct Leases {
    by_id: HashMap<Arc<str>, Lease>,
    by_end: BTreeSet<(Instant, Arc<str>)>,
}

impl Leases {
    /// Returns the id: one that nobody can guess, and that no lease of another run of the router had.
    pub(crate) fn add(&mut self, delivery: Delivery, consumer: Option<Arc<str>>, until: Instant) -> Arc<str> {
        let id: Arc<str> = format!("{:032x}", fastrand::u128(..)).into();
        self.by_end.insert((until, Arc::clone(&id)));
        let lease = Lease {
            delivery,
            consumer,
            until,
        };
        self.by_id.insert(Arc::clone(&id), lease);
        id
    }

    /// Ends a lease, if it has not ended by itself until now.
    pub(crate) fn take(&mut self, id: &str, now: Instant) -> Option<Lease> {
        let (id, until) = self.live(id, now)?;
        self.by_end.remove(&(until, Arc::clone(&id)));
        self.by_id.remove(&id)
    }

    /// Moves the end of a lease, if it has not ended by itself until now; returns whose it is.
    pub(crate) fn extend(&mut self, id: &str, now: Instant, until: Instant) -> Option<Option<Arc<str>>> {
        let (id, old) = self.live(id, now)?;
        let lease = self.by_id.get_mut(&id)?;
        lease.until = until;
        self.by_end.remove(&(old, Arc::clone(&id)));
        self.by_end.insert((until, id));
        Some(lease.consumer.clone())
    }

    fn live(&self, id: &str, now: Instant) -> Option<(Arc<str>, Instant)> {
        let (id, lease) = self.by_id.get_key_value(id)?;
        (lease.until > now).then(|| (Arc::clone(id), lease.until))
    }

    /// Takes out what has ended by itself.
    pub(crate) fn take_ended(&mut self, now: Instant) -> Vec<Lease> {
        let mut ended = Vec::new();
        while let Some((until, _)) = self.by_end.first()
            && *until <= now
        {
            let id = self.by_end.pop_first().map(|(_, id)| id);
            ended.extend(id.and_then(|id| self.by_id.remove(&id)));
        }
        ended
    }

    /// Takes out everything.
    pub(crate) fn take_all(&mut self) -> Vec<Lease> {
        self.by_end.clear();
        self.by_id.drain().map(|(_, lease)| lease).collect()
    }

    /// When the first one ends.
    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.by_end.first().map(|(until, _)| *until)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn has_any(&self, consumer: &str) -> bool {
        let mut consumers = self.by_id.values().filter_map(|lease| lease.consumer.as_deref());
        consumers.any(|holder| holder == consumer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use patchpanel_event::{Event, Limits};
    use patchpanel_store::DeliveryKey;

    use super::*;

    fn delivery(sequence: u64) -> Delivery {
        Delivery {
            key: DeliveryKey::original(sequence),
            attempts: 0,
            since: 0,
            event: Event::parse(r#"{"type":"t"}"#.into(), &Limits::default()).unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_ends_once_by_hand_or_by_itself() {
        let mut leases = Leases::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let first = leases.add(delivery(1), Some("ada".into()), at(1));
        let second = leases.add(delivery(2), None, at(2));
        let third = leases.add(delivery(3), None, at(3));
        assert_eq!(leases.next_end(), Some(at(1)));
        assert!(leases.has_any("ada") && !leases.has_any("bob"));
        assert_eq!(leases.extend(&first, now, at(5)), Some(Some("ada".into())));
        assert_eq!(leases.take(&second, now).unwrap().delivery.key.sequence, 2);
        assert!(leases.take(&second, now).is_none());
        assert!(leases.take(&third, at(3)).is_none(), "its end has come");
        assert!(leases.extend(&third, at(3), at(9)).is_none());
        let ended = leases.take_ended(at(4));
        assert_eq!(ended.len(), 1);
        assert_eq!((leases.len(), leases.next_end()), (1, Some(at(5))));
        assert_eq!(leases.take_all().len(), 1);
        assert_eq!((leases.len(), leases.next_end()), (0, None));
    }
}
