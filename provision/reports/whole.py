"""Reports that need the whole run: they are made when it is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from provision.engine.events import Event, RunStarted
from provision.reports.history.origin import hashed
from provision.reports.record import Record, Recorder, RunMeta

__all__ = ["Whole"]


class Whole:
    """A sink that hands its Record to `makers` when it is closed. `meta` may be one that the
    history fills, too; then that has to be closed before."""

    def __init__(self, meta: RunMeta, makers: Sequence[Callable[[Record], None]]) -> None:
        self._recorder = Recorder(meta)
        self._makers = list(makers)
        self._begun = False

    @property
    def record(self) -> Record:
        return self._recorder.record

    def __call__(self, event: Event) -> None:
        now = time.time()
        if isinstance(event, RunStarted):
            self._begun = True
            meta = self.record.meta
            meta.started_at = meta.started_at or now
            meta.playbooks = meta.playbooks or hashed(event.playbooks)
        self._recorder.take(event, now)

    def close(self) -> None:
        """Makes the reports, then raises the first of their errors."""
        if not self._begun:
            return
        errors: list[Exception] = []
        for make in self._makers:
            try:
                make(self.record)
            except Exception as exc:
                errors.append(exc)
        if errors:
            raise errors[0]
