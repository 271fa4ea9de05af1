//! What a plugin may use, and the wasmtime limiter that holds it to that.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// What one instance of a plugin may use. The defaults are safe for a plugin nobody trusts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory: usize,
    /// Time for one call, whatever the size of its batch.
    #[serde(serialize_with = "as_millis")]
    pub deadline: Duration,
    /// Bytes that a call may hand to the host.
    pub output: usize,
    /// Entries of all tables.
    pub table_elements: usize,
    /// Log lines a second; more are counted, not written.
    pub log_lines: u32,
    /// Bytes of one log line; longer ones are cut.
    pub log_line_bytes: usize,
    /// Bytes of one outgoing HTTP request's body, and of one response's body.
    pub http_body: usize,
    /// Calls after which an instance is replaced by a fresh one.
    pub recycle_after: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory: 64 << 20,
            deadline: Duration::from_millis(250),
            output: 16 << 20,
            table_elements: 100_000,
            log_lines: 100,
            log_line_bytes: 4096,
            http_body: 4 << 20,
            recycle_after: 1_000_000,
        }
    }
}

fn as_millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Holds one store to its limits and remembers which one was hit, because the trap that follows does not tell.
pub(crate) struct Limiter {
    memory: usize,
    table_elements: usize,
    pub(crate) hit: Option<&'static str>,
    pub(crate) memory_high_water: usize,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Limiter {
            memory: limits.memory,
            table_elements: limits.table_elements,
            hit: None,
            memory_high_water: 0,
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.memory;
        if allowed {
            self.memory_high_water = self.memory_high_water.max(desired);
        } else {
            self.hit = Some("memory");
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.table_elements;
        if !allowed {
            self.hit = Some("table elements");
        }
        Ok(allowed)
    }
}
