"""Counts deliveries for each type of event."""

from componentize_py_types import Err, Ok, Result
from wit_world import exports
from wit_world.exports.channel import Delivery, Problem, Problem_Reject, Problem_Retry, Receipt
from wit_world.imports import kv, log
from wit_world.imports.events import Event, Level


class Lifecycle(exports.Lifecycle):
    def configure(self, config: str) -> None:
        pass


class Channel(exports.Channel):
    def deliver(self, batch: list[Delivery]) -> list[Result[Receipt, Problem]]:
        return [deliver(delivery.event) for delivery in batch]

    def check_health(self) -> None:
        pass


def deliver(event: Event) -> Result[Receipt, Problem]:
    if event.level == Level.DEBUG:
        return Err(Problem_Reject("debug is not counted"))
    try:
        count = increment(f"count/{event.type}")
    except Err:
        return Err(Problem_Retry("the counts cannot be reached"))
    log.write(Level.INFO, f"{event.type}: {count}", [])
    return Ok(Receipt(f"{event.type}#{count}", "counted"))


def increment(key: str) -> int:
    """Adds one to the number under `key`, and returns it. Other instances count at the same time: what they changed
    meanwhile is read again."""
    while True:
        before = kv.get(key)
        count = int(before or b"0") + 1
        if kv.compare_and_set(key, before, str(count).encode(), None):
            return count
