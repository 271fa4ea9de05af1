/// Why a store did not do what it was asked to. Nothing of the call has taken effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No room for new events within the budget: they are refused at the door.
    #[error("the store is full: it may use {budget} bytes, and what is pending or within the retention needs them")]
    Full {
        /// Bytes that it may use.
        budget: u64,
    },
    /// The disk is full; the same call works again when there is space.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// It cannot be reached now; the same call may work later.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// A row that was read is not as it was written.
    #[error("the stored event {sequence} is damaged: {problem}")]
    Damaged {
        /// Which.
        sequence: u64,
        /// How that was noticed.
        problem: String,
    },
    /// It can no longer tell what it holds (a failed sync, say). Every later call fails too: stop, restart, recover.
    #[error("the store has failed: {0}")]
    Failed(String),
}

impl StoreError {
    /// Whether the same call may work later without anybody's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            StoreError::Full { .. } | StoreError::DiskFull(_) | StoreError::Unavailable(_) => true,
            StoreError::Failed(_) | StoreError::Damaged { .. } => false,
        }
    }
}
