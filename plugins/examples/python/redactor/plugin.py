"""Replaces ticket numbers such as TCK-1234 by [ticket]."""

import json
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.lifecycle import ConfigError
from wit_world.exports.redactor import Edit, Edits, Texts

REPLACEMENT = b"[ticket]"
numbers: re.Pattern[bytes]


class Lifecycle(exports.Lifecycle):
    def configure(self, config: str) -> None:
        global numbers
        prefix = json.loads(config).get("prefix", "TCK-")
        if not isinstance(prefix, str):
            raise Err([ConfigError("prefix", "must be a string")])
        if not prefix:
            raise Err([ConfigError("prefix", "must not be empty")])
        numbers = re.compile(re.escape(prefix.encode()) + rb"[0-9]+")


class Redactor(exports.Redactor):
    def redact(self, batch: Texts) -> Edits:
        # The texts of a batch lie in `bytes` one behind the other; positions are bytes, counted in each text.
        edits, start = [], 0
        for index, text in enumerate(batch.texts):
            for found in numbers.finditer(batch.bytes, start, text.end):
                bytes_end = (len(edits) + 1) * len(REPLACEMENT)
                edits.append(Edit(index, found.start() - start, found.end() - start, 0, bytes_end))
            start = text.end
        return Edits(["ticket"], edits, REPLACEMENT * len(edits))
