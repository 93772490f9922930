"""One JSON object a line: `--json`."""

from __future__ import annotations

import json
from typing import TextIO

from provision.engine.events import Event, Progress, TaskStarted

__all__ = ["JsonLines"]


class JsonLines:
    """Writes each event as it comes; nothing else may be written to `stream`."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress | TaskStarted):
            return
        json.dump(event.to_json(), self.stream, separators=(",", ":"), default=str)
        self.stream.write("\n")
        self.stream.flush()
