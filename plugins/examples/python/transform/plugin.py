"""Events whose message has a certain word become errors; events without a message are dropped."""

import json

from componentize_py_types import Err, Ok, Result
from wit_world import exports
from wit_world.exports.lifecycle import ConfigError
from wit_world.exports.transformer import (
    Failure,
    Outcome,
    Outcome_Dropped,
    Outcome_Patched,
    Outcome_Unchanged,
    Patch,
)
from wit_world.imports.events import Event, Level

word: str


class Lifecycle(exports.Lifecycle):
    def configure(self, config: str) -> None:
        global word
        word = json.loads(config).get("word", "urgent")
        if not isinstance(word, str):
            raise Err([ConfigError("word", "must be a string")])
        if not word:
            raise Err([ConfigError("word", "must not be empty")])


class Transformer(exports.Transformer):
    def transform(self, batch: list[Event]) -> list[Result[Outcome, Failure]]:
        return [Ok(outcome(event)) for event in batch]


def outcome(event: Event) -> Outcome:
    if not event.message:
        return Outcome_Dropped("there is no message")
    if word not in event.message:
        return Outcome_Unchanged()
    return Outcome_Patched(
        Patch(
            level=Level.ERROR,
            type=None,
            message=None,
            subject=None,
            correlation_id=None,
            channels=None,
            metadata=None,
            payload=None,
        )
    )
