"""One JSON object a line: `--json`. `schema.py` describes each of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TextIO

from provision.engine.events import (
    STATUSES,
    Event,
    HostDone,
    Progress,
    Summary,
    TaskResult,
    TaskStarted,
)
from provision.reports.writer import Writer

__all__ = ["JsonLines"]

_ALWAYS = ("host", "play", "task", "action")  # of a task, also when they are empty


class JsonLines:
    """Writes each event as it comes; nothing else may be written to `stream`.

    What only tells that something goes on (`start`, `progress`) is written when `verbosity`
    is not 0.
    """

    def __init__(self, stream: TextIO, *, verbosity: int = 0) -> None:
        self.writer = Writer(stream)
        self.verbosity = verbosity

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress | TaskStarted) and not self.verbosity:
            return
        said = event.to_json()
        if isinstance(event, TaskResult):
            said = {"type": event.type, **{key: said.get(key, "") for key in _ALWAYS}, **said}
        elif isinstance(event, Summary):
            said["hosts"] = {host: _counts(counts) for host, counts in event.hosts.items()}
        elif isinstance(event, HostDone):
            said["counts"] = _counts(event.counts)
        self.writer.write(_dumps(said) + "\n")

    def close(self) -> None:
        """Raises BrokenPipeError, ProvisionError when not all could be written."""
        self.writer.check()


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Every status is there, those that did not happen as 0."""
    return {**dict.fromkeys(STATUSES, 0), **counts}


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), default=str, allow_nan=False)
    except ValueError:  # JSON knows neither infinity nor NaN
        return json.dumps(_finite(value), separators=(",", ":"), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
