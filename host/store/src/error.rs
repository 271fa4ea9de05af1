/// Why a store did not do what it was asked to. Nothing of the call has taken effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room for the new events: they are refused at the door.
    #[error("the store is full: it keeps at most {limit} {what} of pending events")]
    Full {
        /// How many of them it may keep.
        limit: usize,
        /// What there is too much of: `bytes` or `events`.
        what: &'static str,
    },
    /// It cannot be reached now; the same call may work later.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// It can no longer tell what it holds (a failed sync, say). Every later call fails too: stop, restart, recover.
    #[error("the store has failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// Whether the same call may work later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            StoreError::Full { .. } | StoreError::Unavailable(_) => true,
            StoreError::Failed(_) => false,
        }
    }
}
