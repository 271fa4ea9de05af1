use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// The ids that make an event a duplicate: all that are pending, and the last of those that are settled.
pub(crate) struct SeenIds {
    ids: HashSet<Arc<str>>,
    /// Oldest first; full: the oldest is forgotten.
    settled: VecDeque<Arc<str>>,
    window: usize,
}

impl SeenIds {
    pub(crate) fn new(window: usize) -> Self {
        SeenIds {
            ids: HashSet::new(),
            settled: VecDeque::new(),
            window,
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(crate) fn insert(&mut self, id: &str) {
        self.ids.insert(id.into());
    }

    /// From now on the id is only kept as long as the window reaches.
    pub(crate) fn settle(&mut self, id: &str) {
        if let Some(id) = self.ids.get(id) {
            self.settled.push_back(Arc::clone(id));
        }
        while self.settled.len() > self.window {
            if let Some(oldest) = self.settled.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_ids_are_forgotten_in_order_and_pending_ones_never() {
        let mut seen = SeenIds::new(2);
        for id in ["pending", "a", "b", "c"] {
            seen.insert(id);
        }
        for id in ["a", "b", "c", "unknown"] {
            seen.settle(id);
        }
        let known = ["pending", "a", "b", "c"].map(|id| seen.contains(id));
        assert_eq!(known, [true, false, true, true]);
    }
}
