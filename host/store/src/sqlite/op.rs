//! What the writer is asked for.

use tokio::sync::oneshot;

use crate::{Appended, DeliveryKey, DeliveryRef, NewEvent, Replay, Settlement, StoreError};

/// Where an answer goes. One who has left does not need it.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

pub(super) enum Op {
    Append(Vec<NewEvent>, Answer<Vec<Appended>>),
    Settle(Vec<Settlement>, Answer<()>),
    /// These have to wait for their turn.
    Hold(Vec<Held>, Answer<()>),
    Dead(Vec<DeliveryRef>, DeadTo, Answer<u64>),
    Replay(Replay, Vec<u64>, Answer<()>),
    Define(String, Option<String>, Answer<()>),
    /// Nothing but what waits in [`kept`](super::kept).
    Wake(Option<Answer<()>>),
}

/// A leased delivery behind another one with its ordering key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Index of the queue.
    pub(super) queue: usize,
    pub(super) key: DeliveryKey,
    pub(super) ordering_key: i64,
}

/// What becomes of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeadTo {
    Pending,
    Discarded,
}

impl Op {
    pub(super) fn refuse(self, error: StoreError) {
        // Whoever does not wait any more does not need the answer.
        match self {
            Op::Append(_, answer) => drop(answer.send(Err(error))),
            Op::Settle(_, answer) | Op::Hold(_, answer) | Op::Replay(_, _, answer) | Op::Define(_, _, answer) => {
                drop(answer.send(Err(error)));
            }
            Op::Dead(_, _, answer) => drop(answer.send(Err(error))),
            Op::Wake(answer) => drop(answer.map(|answer| answer.send(Err(error)))),
        }
    }
}
