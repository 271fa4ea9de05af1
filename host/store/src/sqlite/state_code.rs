//! The states of rows in `deliveries`. Kept, so they must never change.

use crate::DeliveryState;

pub(super) const READY: u8 = 0;
pub(super) const HELD: u8 = 1;
pub(super) const DELIVERED: u8 = 2;
pub(super) const FILTERED: u8 = 3;
pub(super) const THROTTLED: u8 = 4;
pub(super) const EXPIRED: u8 = 5;
pub(super) const DEAD: u8 = 6;
pub(super) const DISCARDED: u8 = 7;

/// The state of a row; what is ready is told apart by its attempts.
pub(super) fn read(code: u8, attempts: u32, leased: bool) -> DeliveryState {
    match code {
        READY | HELD if leased => DeliveryState::InFlight,
        READY if attempts == 0 => DeliveryState::Waiting,
        READY => DeliveryState::Retrying,
        HELD => DeliveryState::Held,
        DELIVERED => DeliveryState::Delivered,
        FILTERED => DeliveryState::Filtered,
        THROTTLED => DeliveryState::Throttled,
        EXPIRED => DeliveryState::Expired,
        DEAD => DeliveryState::Dead,
        _ => DeliveryState::Discarded,
    }
}

/// The code of the rows that may be in this state.
pub(super) fn code(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::Waiting | DeliveryState::InFlight | DeliveryState::Retrying => READY,
        DeliveryState::Held => HELD,
        DeliveryState::Delivered => DELIVERED,
        DeliveryState::Filtered => FILTERED,
        DeliveryState::Throttled => THROTTLED,
        DeliveryState::Expired => EXPIRED,
        DeliveryState::Dead => DEAD,
        DeliveryState::Discarded => DISCARDED,
    }
}
