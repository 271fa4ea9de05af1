//! What a plugin may use, and the wasmtime limiter that holds one store to that.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::usage::Usage;

/// What one use of a plugin may use. The defaults are safe for a plugin nobody trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance, all memories together.
    pub memory: usize,
    /// Entries of all tables of one instance.
    pub table_elements: usize,
    /// Core instances, of which a component consists.
    pub instances: usize,
    /// Linear memories, likewise.
    pub memories: usize,
    /// Tables, likewise.
    pub tables: usize,
    /// Bytes of stack.
    pub stack: usize,
    /// Time for one call, whatever the size of its batch.
    pub deadline: Duration,
    /// Time for each item of a call's batch: a call has so many times this, but never more than `deadline`.
    pub item_deadline: Duration,
    /// Bytes that a call may hand to the host.
    pub output: usize,
    /// Log lines a second; more are counted, not written.
    pub log_lines: u32,
    /// Bytes of log lines a second, likewise.
    pub log_bytes: usize,
    /// Bytes of one log line; longer ones are cut.
    pub log_line_bytes: usize,
    /// Outgoing requests a minute.
    pub http_requests: u32,
    /// Outgoing requests at once, until their responses are read or dropped.
    pub http_concurrency: u32,
    /// Bytes of one outgoing request's body.
    pub http_request_body: usize,
    /// Bytes of one response's body.
    pub http_response_body: usize,
    /// Keys in `kv`, for each use of the plugin.
    pub kv_keys: usize,
    /// Bytes of keys and values in `kv`, likewise.
    pub kv_bytes: usize,
    /// Mails a minute.
    pub mails: u32,
    /// Notifications a minute.
    pub notifications: u32,
    /// Calls after which an instance is replaced by a fresh one.
    pub recycle_after: u64,
    /// Bytes of linear memory from which on an instance is replaced after its call.
    pub recycle_memory: usize,
    /// Age from which on an instance is replaced.
    pub recycle_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 64 << 20,
            table_elements: 100_000,
            instances: 100,
            memories: 10,
            tables: 100,
            stack: 512 << 10,
            deadline: Duration::from_millis(250),
            item_deadline: Duration::from_millis(250),
            output: 16 << 20,
            log_lines: 100,
            log_bytes: 64 << 10,
            log_line_bytes: 4096,
            http_requests: 600_000,
            http_concurrency: 256,
            http_request_body: 4 << 20,
            http_response_body: 4 << 20,
            kv_keys: 100_000,
            kv_bytes: 16 << 20,
            mails: 600,
            notifications: 600,
            recycle_after: 1_000_000,
            recycle_memory: 48 << 20,
            recycle_age: Duration::from_secs(60 * 60),
        }
    }
}

impl Limits {
    /// Time for a call about so many items; one about none counts as one about one.
    pub(crate) fn time_for(&self, items: usize) -> Duration {
        let items = u32::try_from(items.max(1)).unwrap_or(u32::MAX);
        self.deadline.min(self.item_deadline.saturating_mul(items))
    }
}

/// Holds one store to its limits and remembers which one was hit, because the trap that follows does not tell.
pub(crate) struct Limiter {
    memory: Share,
    table_elements: Share,
    /// Of core instances, memories and tables.
    most: (usize, usize, usize),
    pub(crate) hit: Option<&'static str>,
    usage: Arc<Usage>,
}

/// What all memories or all tables of a store have together.
struct Share {
    limit: usize,
    taken: usize,
    /// What the last growth added, should it come to nothing.
    last: usize,
}

impl Share {
    fn new(limit: usize) -> Self {
        Share {
            limit,
            taken: 0,
            last: 0,
        }
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let more = desired.saturating_sub(current);
        let allowed = self.taken.saturating_add(more) <= self.limit;
        if allowed {
            self.taken += more;
            self.last = more;
        }
        allowed
    }

    fn undo(&mut self) {
        self.taken -= std::mem::take(&mut self.last);
    }
}

impl Limiter {
    pub(crate) fn new(limits: &Limits, usage: Arc<Usage>) -> Self {
        Limiter {
            memory: Share::new(limits.memory),
            table_elements: Share::new(limits.table_elements),
            most: (limits.instances, limits.memories, limits.tables),
            hit: None,
            usage,
        }
    }

    /// Bytes of linear memory; it never shrinks.
    pub(crate) fn memory_taken(&self) -> usize {
        self.memory.taken
    }

    fn refuse(&mut self, limit: &'static str) {
        self.hit = Some(limit);
        self.usage.hit(limit);
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.memory.grow(current, desired);
        if !allowed {
            self.refuse("memory");
        }
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory.undo();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = self.table_elements.grow(current, desired);
        if !allowed {
            self.refuse("table_elements");
        }
        Ok(allowed)
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.table_elements.undo();
        Ok(())
    }

    fn instances(&self) -> usize {
        self.most.0
    }

    fn memories(&self) -> usize {
        self.most.1
    }

    fn tables(&self) -> usize {
        self.most.2
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_what_there_is() {
        let limits = Limits {
            memory: 100,
            table_elements: 10,
            ..Limits::default()
        };
        let usage = Arc::new(Usage::default());
        let mut limiter = Limiter::new(&limits, usage.clone());
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(!limiter.memory_growing(0, 60, None).unwrap());
        assert_eq!(limiter.hit, Some("memory"));
        assert!(limiter.memory_growing(60, 100, None).unwrap());
        // What was allowed and then could not be had is free again, once.
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        limiter.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!(limiter.memory_taken(), 60);
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        let hits = usage.report().limits_hit;
        assert_eq!((hits["memory"], hits["table_elements"]), (1, 1));
    }

    #[test]
    fn a_call_has_time_for_each_item_but_not_without_end() {
        let limits = Limits {
            deadline: Duration::from_secs(1),
            item_deadline: Duration::from_millis(100),
            ..Limits::default()
        };
        for (items, millis) in [(0, 100), (1, 100), (7, 700), (10, 1000), (1_000_000, 1000)] {
            assert_eq!(limits.time_for(items), Duration::from_millis(millis), "{items}");
        }
    }
}
