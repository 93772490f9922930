"""Writes a run while it goes on, from a queue: whoever emits events never waits for a disk.

What is committed about once a second is there whatever becomes of this process. When the file
cannot be written, the run goes on without it and `trouble` says why.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.engine.events import Event, HostDone, RunStarted, Summary
from provision.errors import ProvisionError
from provision.reports.record import Recorder, RunMeta

if TYPE_CHECKING:  # imported by the thread: 6 ms that nobody has to wait for
    from sqlite3 import Connection

    from provision.reports.history.saving import Saver

__all__ = ["HistoryWriter"]

_FLUSH_S = 1.0
_END_S = 60.0  # for the last commit, other writers included


class HistoryWriter:
    """A sink. `number` is the run's, once it has one; `trouble` is empty or a sentence."""

    def __init__(
        self,
        path: Path,
        meta: RunMeta,
        arguments: Mapping[str, Any] | None = None,
        *,
        flush_s: float = _FLUSH_S,
    ) -> None:
        self.path = path
        self.number = 0
        self.trouble = ""
        self._recorder = Recorder(meta)
        self._arguments = dict(arguments or {})
        self._flush_s = flush_s
        self._queue: queue.SimpleQueue[tuple[float, Event] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._saver: Saver | None = None

    # -- the run's side ---------------------------------------------------------------

    def __call__(self, event: Event) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="history", daemon=True)
            self._thread.start()
        self._queue.put((time.time(), event))

    def close(self) -> None:
        """Waits for what is still to be written. Raises nothing: `trouble` tells."""
        if self._thread is None:
            return
        self._queue.put(None)
        self._thread.join(_END_S)
        if self._thread.is_alive():
            self.trouble = f"{self.path}: somebody else has been writing to it for too long"

    # -- the thread's side ------------------------------------------------------------

    def _work(self) -> None:
        from sqlite3 import DatabaseError

        from provision.reports.history.store import open_store

        store: Connection | None = None
        try:
            store = open_store(self.path, write=True)
            self._serve(store)
        except ProvisionError as exc:
            self.trouble = str(exc)
        except (DatabaseError, OSError) as exc:
            self.trouble = f"{self.path}: {exc}"
        finally:
            if store is not None:
                _close(store)
        while self.trouble and self._queue.get() is not None:
            pass

    def _serve(self, store: Connection) -> None:
        from provision.reports.history.saving import Saver

        saver = Saver(store, self._recorder, self._arguments)
        due = time.monotonic() + self._flush_s
        while True:
            try:
                got = self._queue.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                got = (0.0, _TICK)
            if got is None:
                saver.flush()
                return
            now, event = got
            if event is not _TICK:
                self._take(saver, event, now)
            if time.monotonic() >= due:
                saver.flush()
                due = time.monotonic() + self._flush_s

    def _take(self, saver: Saver, event: Event, now: float) -> None:
        cell = self._recorder.take(event, now)
        if cell is not None:
            saver.changed(cell)
        if isinstance(event, HostDone):
            saver.done(event.host)
        elif isinstance(event, RunStarted):
            self.number = saver.begin(event, now)
        elif isinstance(event, Summary):
            saver.finish()


_TICK = Event()


def _close(store: Connection) -> None:
    from sqlite3 import DatabaseError

    try:
        store.close()
    except DatabaseError:
        pass  # the checkpoint had no room; what was committed lies in the log beside it
