"""Adds to each drift since when it is there, from the history, on its way to the reports."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from provision.engine.events import Event, RunStarted, Sink, TaskResult
from provision.reports.record import Numbering

__all__ = ["Dated", "Known", "iso"]

#: (host, play, task, nth) → key → since when, in seconds since the epoch.
Known = Mapping[tuple[str, str, str, int], Mapping[str, float]]
_WAIT_S = 5.0  # for the history, at the first drift; then it is done without


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


class Dated:
    """A sink that passes on to `sinks`. `read` gives what differed already; it runs on a thread
    of its own while hosts are being connected to."""

    internal = True

    def __init__(self, sinks: Sequence[Sink], read: Callable[[], Known]) -> None:
        self.sinks = list(sinks)
        self._read = read
        self._known: Known = {}
        self._failed = False
        self._numbering = Numbering()
        self._now = iso(time.time())
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._thread = threading.Thread(target=self._load, name="history-read", daemon=True)
            self._thread.start()
        elif isinstance(event, TaskResult):
            nth = self._numbering.nth(event)
            if event.verdict in ("drifted", "accepted"):
                event = self._dated(event, nth)
        for sink in self.sinks:
            if not event.internal or getattr(sink, "internal", False):
                sink(event)

    def _load(self) -> None:
        try:
            self._known = self._read()
        except Exception:  # no history is no reason for no report; its writer says what is wrong
            self._failed = True

    def _dated(self, result: TaskResult, nth: int) -> TaskResult:
        if self._thread is not None:
            self._thread.join(_WAIT_S)
        if self._failed:
            return result
        known = self._known.get((result.host, result.play, result.task, nth), {})
        times = {key: iso(at) for key, at in known.items()}

        def dated(diff: list[dict[str, Any]], label: str = "") -> list[dict[str, Any]]:
            keys = (f"{label} {entry.get('key', '')}".strip() for entry in diff)
            return [
                {**entry, "since": times[key]} if key in times else entry
                for entry, key in zip(diff, keys, strict=True)
            ]

        items = [dataclasses.replace(i, diff=dated(i.diff, i.label)) for i in result.items]
        since = min(times.values(), default=self._now)
        return dataclasses.replace(result, since=since, diff=dated(result.diff), items=items)

    def close(self) -> None:
        errors: list[Exception] = []
        for sink in self.sinks:
            close = getattr(sink, "close", None)
            if close is not None:
                try:
                    close()
                except Exception as exc:
                    errors.append(exc)
        if errors:
            raise errors[0]
