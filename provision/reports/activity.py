"""What every host is doing now, and how long things took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from provision.actions.base import ASKING
from provision.engine.events import (
    Event,
    HostDone,
    PlayStarted,
    Progress,
    RunStarted,
    TaskResult,
    TaskStarted,
)

__all__ = ["Activity", "HostActivity"]


@dataclass(slots=True)
class HostActivity:
    """One host. Times are those of the caller's clock; `task` is empty while nothing runs."""

    name: str
    state: str = "waiting"  # waiting | running | done | failed | unreachable
    begun: float = 0.0
    ended: float = 0.0
    task: str = ""
    since: float = 0.0
    progress: Progress | None = None
    spent: dict[str, float] = field(default_factory=dict)  # seconds by task
    round_trips: int = 0

    def took(self) -> float:
        return self.ended - self.begun

    def longest(self) -> tuple[str, float]:
        """The task that took most of the time."""
        return max(self.spent.items(), key=lambda item: item[1], default=("", 0.0))


class Activity:
    """All hosts of a run."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostActivity] = {}
        self.begun = 0.0
        self._running: dict[str, HostActivity] = {}

    def _host(self, name: str) -> HostActivity:
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = HostActivity(name)
        return host

    def take(self, event: Event, now: float) -> None:
        if isinstance(event, TaskResult):
            self._result(event, now)
        elif isinstance(event, TaskStarted):
            self._start(self._running_host(event.host, now), event.task, now)
        elif isinstance(event, Progress):
            host = self._running_host(event.host, now)
            if event.task != host.task:
                self._start(host, event.task, now)
            host.progress = event
        elif isinstance(event, HostDone):
            self._done(event, now)
        elif isinstance(event, RunStarted):
            self.begun = now
            for name in event.hosts:
                self._host(name)
        elif isinstance(event, PlayStarted):
            for name in event.hosts:
                self._host(name)

    def _running_host(self, name: str, now: float) -> HostActivity:
        host = self._host(name)
        if host.state == "waiting":
            host.state, host.begun = "running", now
            self._running[name] = host
        return host

    def _start(self, host: HostActivity, task: str, now: float) -> None:
        host.task, host.since, host.progress = task, now, None

    def _result(self, event: TaskResult, now: float) -> None:
        host = self._running_host(event.host, now)
        host.task, host.progress = "", None
        host.since = now
        host.spent[event.task] = host.spent.get(event.task, 0.0) + event.duration_s

    def _done(self, event: HostDone, now: float) -> None:
        host = self._running_host(event.host, now)
        host.ended, host.task, host.progress = now, "", None
        host.round_trips = event.round_trips
        host.state = next((s for s in ("unreachable", "failed") if event.counts.get(s)), "done")
        self._running.pop(event.host, None)

    # -- what is told -----------------------------------------------------------------

    def count(self, *states: str) -> int:
        return sum(host.state in states for host in self.hosts.values())

    def asking(self) -> bool:
        """Whether a person is being asked something on the terminal."""
        return any(
            host.progress is not None and host.progress.phase == ASKING
            for host in self._running.values()
        )

    def running(self) -> Sequence[HostActivity]:
        """Hosts that do something, the one that has been at it longest first."""
        busy = (host for host in self._running.values() if host.task)
        return sorted(busy, key=lambda host: (host.since, host.name))

    def slowest(self) -> HostActivity | None:
        """The host that took so much longer than the others that it is worth a word."""
        ended = sorted(self._ended(), key=HostActivity.took)
        if len(ended) < 2:
            return None
        last, median = ended[-1], ended[(len(ended) - 1) // 2]
        clear = last.took() - median.took()
        return last if clear >= 3.0 and last.took() >= 1.5 * median.took() else None

    def _ended(self) -> Iterable[HostActivity]:
        return (host for host in self.hosts.values() if host.state == "done")
