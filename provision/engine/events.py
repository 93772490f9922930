"""What happens during a run, as data. Every output is rendered from these and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

__all__ = [
    "STATUSES",
    "Event",
    "Evidence",
    "HostDone",
    "HostLeft",
    "ItemResult",
    "Notice",
    "PlayStarted",
    "Progress",
    "RunStarted",
    "Sink",
    "Summary",
    "TaskResult",
    "TaskStarted",
    "Version",
]

STATUSES = ("ok", "changed", "failed", "skipped", "unreachable", "unknown")


@dataclass(slots=True)
class Event:
    type: ClassVar[str] = ""
    internal: ClassVar[bool] = False  # told only to sinks with `internal`, no part of the format

    def to_json(self) -> dict[str, Any]:
        """A JSON object; empty fields are left out."""
        said: dict[str, Any] = {"type": self.type}
        for item in dataclasses.fields(self):
            if item.name in _INTERNAL:
                continue
            value = getattr(self, item.name)
            if value in ("", None, (), [], {}) and item.name not in _ALWAYS:
                continue
            said[item.name] = _plain(value)
        return said


_ALWAYS = {"play", "diff", "hosts"}
_INTERNAL = {
    "pattern",
    "place",
    "plays",
    "result",
}  # for sinks of this process; no part of the format


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f.name for f in dataclasses.fields(value) if f.name not in _INTERNAL]
        named = ((name, getattr(value, name)) for name in fields)
        return {name: _plain(part) for name, part in named if part not in ("", None, [], {})}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


@dataclass(slots=True)
class Version(Event):
    type: ClassVar[str] = "version"
    provision: str = ""
    format: int = 1


@dataclass(slots=True)
class RunStarted(Event):
    type: ClassVar[str] = "run"
    mode: str = "apply"  # apply | plan | drift
    playbooks: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    plays: list[int] = field(default_factory=list)  # how many each playbook has


@dataclass(slots=True)
class PlayStarted(Event):
    type: ClassVar[str] = "play"
    play: str = ""
    hosts: list[str] = field(default_factory=list)
    pattern: str = ""  # of hosts, as the play says it


@dataclass(slots=True)
class HostLeft(Event):
    """A host has nothing more to do in this play; for sinks that keep tasks in order."""

    type: ClassVar[str] = "left"
    internal: ClassVar[bool] = True
    host: str = ""


@dataclass(slots=True)
class TaskStarted(Event):
    """A host begins to wait for these tasks; for status lines only."""

    type: ClassVar[str] = "start"
    host: str = ""
    task: str = ""


@dataclass(slots=True)
class ItemResult:
    """One item of a loop."""

    label: str
    status: str
    msg: str = ""
    diff: list[dict[str, Any]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class TaskResult(Event):
    """One task on one host. `data` is what `register` keeps, less what is secret. `where` is the
    place to look at, `place` the one of the task itself.

    A drift run adds `verdict` (`provision.drift.classify.Verdict`), `since` (ISO 8601, UTC) and
    `accepted`: the deviations somebody has accepted, each with keys, reason, by, until, diff."""

    type: ClassVar[str] = "task"
    host: str = ""
    play: str = ""
    task: str = ""
    action: str = ""
    status: str = "ok"
    msg: str = ""
    diff: list[dict[str, Any]] = field(default_factory=list)
    duration_s: float = 0.0
    items: list[ItemResult] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    ignored: bool = False
    handler: bool = False
    delegated_to: str = ""
    attempts: int = 0
    where: str = ""
    hint: str = ""
    traceback: str = ""
    place: str = ""
    verdict: str = ""
    since: str = ""
    accepted: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Evidence(Event):
    """What a host can tell of how something drifted. `where` is the task's place; each entry of
    `found` has kind, about, text, and `at` in seconds since the epoch where a time is known."""

    type: ClassVar[str] = "evidence"
    host: str = ""
    play: str = ""
    task: str = ""
    where: str = ""
    found: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Progress(Event):
    type: ClassVar[str] = "progress"
    host: str = ""
    task: str = ""
    phase: str = ""
    done: float = 0
    total: float = 0
    unit: str = ""


@dataclass(slots=True)
class Notice(Event):
    """Something a user should know that is no task's result."""

    type: ClassVar[str] = "notice"
    level: str = "warning"
    msg: str = ""
    host: str = ""


@dataclass(slots=True)
class HostDone(Event):
    """A host has ended its part of the run."""

    type: ClassVar[str] = "host"
    host: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    round_trips: int = 0


@dataclass(slots=True)
class Summary(Event):
    type: ClassVar[str] = "summary"
    hosts: dict[str, dict[str, int]] = field(default_factory=dict)
    exit_code: int = 0
    duration_s: float = 0.0


class Sink(Protocol):
    """Receives events, one at a time, from any thread (calls never overlap)."""

    def __call__(self, event: Event, /) -> None: ...
