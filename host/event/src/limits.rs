/// What an event may be at most. Every limit is checked at the door; none is checked again behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event's JSON text.
    pub event_bytes: usize,
    /// Nested objects and arrays, the event's own object included.
    pub depth: usize,
    /// Bytes of `id`, `type`, `source`, `subject`, `correlation_id` and of each of the `channels`.
    pub name_bytes: usize,
    /// Entries of `channels`.
    pub channels: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            event_bytes: 1 << 20,
            depth: 64,
            name_bytes: 512,
            channels: 64,
        }
    }
}
