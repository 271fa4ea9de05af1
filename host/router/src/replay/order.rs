//! What a replay is to do, as the store keeps it.

use std::num::NonZeroU32;

use patchpanel_event::format_time;
use patchpanel_store::Replay;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ReplayRequest, ReplayStatus};
use crate::Start;

/// Kept as JSON in [`Replay::request`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The first sequence number to look at.
    pub(crate) first: u64,
    /// The last one; `None` as long as events may be on their way that do not know the new subscription.
    pub(crate) last: Option<u64>,
    /// Instead of what the subscription matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<NonZeroU32>,
    /// The subscription is new: what it has matched by itself is left out.
    #[serde(default)]
    pub(crate) is_start: bool,
    /// For people.
    pub(crate) asked: Value,
}

impl Order {
    pub(crate) fn requested(request: &ReplayRequest, first: u64, last: u64) -> Order {
        let times = [("from", request.from), ("to", request.to)];
        let times = times.map(|(name, time)| (name, time.map(|time| format_time(time).into())));
        let rest = [
            ("filter", request.filter.clone()),
            ("rate", request.rate.map(|rate| rate.get().into())),
        ];
        let given = times.into_iter().chain(rest);
        Order {
            first,
            last: Some(last),
            filter: request.filter.clone(),
            rate: request.rate,
            is_start: false,
            asked: object(given.filter_map(|(name, value)| Some((name, value?)))),
        }
    }

    pub(crate) fn start(start: Start, first: u64) -> Order {
        let start = match start {
            Start::Latest => "latest".into(),
            Start::Earliest => "earliest".into(),
            Start::Sequence(sequence) => object([("sequence", sequence.into())]),
            Start::Time(time) => object([("time", format_time(time).into())]),
        };
        Order {
            first,
            last: None,
            filter: None,
            rate: None,
            is_start: true,
            asked: object([("start", start)]),
        }
    }

    /// `None` where somebody else wrote it.
    pub(crate) fn read(replay: &Replay) -> Option<Order> {
        serde_json::from_str(&replay.request).ok()
    }

    pub(crate) fn write(&self) -> String {
        // Numbers, flags and JSON: nothing that could not be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn object<'n>(members: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(members.collect::<Map<_, _>>())
}

/// As the API shows it.
pub(crate) fn status(replay: Replay) -> ReplayStatus {
    let order = Order::read(&replay);
    ReplayStatus {
        number: replay.number,
        subscription: replay.subscription.to_string(),
        from_sequence: order.as_ref().map_or(0, |order| order.first),
        to_sequence: order.as_ref().and_then(|order| order.last),
        position: replay.position,
        enqueued: replay.enqueued,
        ended: replay.ended,
        request: order.map_or(Value::Null, |order| order.asked),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written_and_shows_what_was_asked_for() {
        let request = ReplayRequest {
            subscription: "s".into(),
            from: Some(1_700_000_000_000_000_000),
            to: None,
            filter: Some(json!({"type": ["t"]})),
            rate: NonZeroU32::new(5),
        };
        let orders = [
            (
                Order::requested(&request, 3, 9),
                json!({"from": "2023-11-14T22:13:20Z", "filter": {"type": ["t"]}, "rate": 5}),
            ),
            (Order::start(Start::Earliest, 1), json!({"start": "earliest"})),
            (Order::start(Start::Sequence(7), 7), json!({"start": {"sequence": 7}})),
        ];
        for (order, asked) in orders {
            let replay = Replay {
                number: 1,
                subscription: "s".into(),
                request: order.write(),
                position: 0,
                enqueued: 0,
                ended: None,
            };
            assert_eq!(Order::read(&replay).unwrap(), order);
            assert_eq!(status(replay).request, asked);
        }
    }
}
