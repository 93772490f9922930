"""A run as a picture: which things there are, how each host stands to each of them.

Reports that need the whole run are made from a `Record`; it comes from events as they happen
(`Recorder`) or from the history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provision.engine.events import (
    Event,
    Evidence,
    HostDone,
    ItemResult,
    Notice,
    RunStarted,
    Summary,
    TaskResult,
    TaskStarted,
)

__all__ = [
    "BLANK",
    "QUIET_MARKS",
    "Cell",
    "HostRow",
    "Numbering",
    "Record",
    "Recorder",
    "RunMeta",
    "Thing",
    "mark_of_result",
]

#: One letter for each way a host can stand to a thing.
_BY_VERDICT = {
    "in sync": ".",
    "drifted": "~",
    "accepted": "a",
    "follows": "h",
    "unknown": "?",
    "failed": "x",
    "unreachable": "!",
}
_BY_STATUS = {
    "ok": ".",
    "changed": "~",
    "unknown": "?",
    "failed": "x",
    "unreachable": "!",
    "skipped": "-",
}
_NO_STATE = ":"
BLANK = " "  # never got there
#: Marks of cells of which nothing but the mark is kept.
QUIET_MARKS = frozenset(".:-h")
_NOTICES = 200


@dataclass(slots=True)
class RunMeta:
    """Who ran what, when, from where. Times are seconds since the epoch.

    `exit_code` None: the run has not ended, or broke off. `playbooks` are path and SHA-256.
    """

    number: int = 0
    mode: str = "apply"
    started_at: float = 0.0
    ended_at: float = 0.0
    duration_s: float = 0.0
    exit_code: int | None = None
    user: str = ""
    machine: str = ""
    origin: str = ""
    directory: str = ""
    version: str = ""
    playbooks: list[dict[str, str]] = field(default_factory=list)
    git: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    state: str = "done"  # done | running | broke off


@dataclass(frozen=True, slots=True)
class Thing:
    """What one task describes. `nth`: its place came up before, in a loop of includes."""

    play: str
    task: str
    action: str
    place: str
    nth: int = 1
    handler: bool = False

    @property
    def title(self) -> str:
        name = self.task or self.action
        return f"{name} ({self.nth})" if self.nth > 1 else name


@dataclass(slots=True)
class Cell:
    """A host's result for a thing, where there is more to say than a mark."""

    host: str
    thing: int
    mark: str
    status: str
    task: str = ""
    verdict: str = ""
    msg: str = ""
    diff: list[dict[str, Any]] = field(default_factory=list)
    items: list[ItemResult] = field(default_factory=list)
    where: str = ""
    hint: str = ""
    traceback: str = ""
    since: str = ""
    accepted: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""
    delegated_to: str = ""


@dataclass(slots=True)
class HostRow:
    """`marks[i]` is how the host stands to `things[i]`."""

    marks: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    begun_at: float = 0.0
    duration_s: float = 0.0
    round_trips: int = 0
    done: bool = False

    def mark(self, thing: int) -> str:
        return self.marks[thing] if thing < len(self.marks) else BLANK

    def put(self, thing: int, mark: str) -> None:
        self.marks += [BLANK] * (thing + 1 - len(self.marks))
        self.marks[thing] = mark


@dataclass(slots=True)
class Record:
    """`order` are indices into `things`, in the order of the playbook."""

    meta: RunMeta = field(default_factory=RunMeta)
    things: list[Thing] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    hosts: dict[str, HostRow] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    notices: list[dict[str, str]] = field(default_factory=list)

    def totals(self) -> dict[str, int]:
        """Things by mark's meaning, over all hosts."""
        marks = Counter(mark for row in self.hosts.values() for mark in row.marks)
        return {word: marks[mark] for word, mark in _BY_VERDICT.items()}

    def drifted_hosts(self) -> list[str]:
        return [host for host, row in self.hosts.items() if "~" in row.marks]


def mark_of_result(result: TaskResult, mode: str) -> str:
    if result.ignored:
        return "?"
    if result.verdict:
        return _BY_VERDICT.get(result.verdict, "?")
    if mode == "drift" and result.status == "ok":
        return _NO_STATE
    return _BY_STATUS.get(result.status, "?")


class Numbering:
    """How often a host has come by the place of a task."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str, str]] = Counter()

    def nth(self, result: TaskResult) -> int:
        key = (result.host, result.play, result.place or result.task)
        self._seen[key] += 1
        return self._seen[key]


class Recorder:
    """Makes a Record from events."""

    def __init__(self, meta: RunMeta | None = None) -> None:
        self.record = Record(meta or RunMeta())
        self._ids: dict[tuple[str, str, int], int] = {}
        self._last: dict[str, int] = {}  # by host: the thing it was at
        self._numbering = Numbering()
        self._told: dict[tuple[str, str], Cell] = {}

    def take(self, event: Event, now: float = 0.0) -> Cell | None:
        """Takes an event up; the cell it has made or added to, if any."""
        if isinstance(event, TaskResult):
            return self._result(event, now)
        if isinstance(event, Evidence):
            cell = self._told.get((event.host, event.where))
            if cell is not None:
                cell.evidence = [*cell.evidence, *event.found]
            return cell
        meta = self.record.meta
        if isinstance(event, TaskStarted):
            self._row(event.host, now)
        elif isinstance(event, RunStarted):
            meta.mode = event.mode
            self.record.hosts = {host: HostRow() for host in event.hosts}
        elif isinstance(event, HostDone):
            row = self._row(event.host, now)
            row.counts, row.round_trips, row.done = event.counts, event.round_trips, True
            row.duration_s = max(0.0, now - row.begun_at)
        elif isinstance(event, Notice):
            if len(self.record.notices) < _NOTICES:
                told = {"level": event.level, "msg": event.msg, "host": event.host}
                self.record.notices.append(told)
        elif isinstance(event, Summary):
            meta.exit_code, meta.duration_s, meta.ended_at = event.exit_code, event.duration_s, now
            for host, counts in event.hosts.items():
                self._row(host, now).counts = counts
        return None

    def _row(self, host: str, now: float) -> HostRow:
        row = self.record.hosts.setdefault(host, HostRow())
        row.begun_at = row.begun_at or now
        return row

    def _result(self, result: TaskResult, now: float) -> Cell | None:
        thing = self._thing(result)
        mark = mark_of_result(result, self.record.meta.mode)
        self._row(result.host, now).put(thing, mark)
        if mark in QUIET_MARKS:
            return None
        cell = _cell(result, thing, mark)
        self._told[result.host, result.place] = cell
        self.record.cells.append(cell)
        return cell

    def _thing(self, result: TaskResult) -> int:
        nth = self._numbering.nth(result)
        key = (result.play, result.place or result.task, nth)
        known = self._ids.get(key)
        if known is None:
            record = self.record
            known = self._ids[key] = len(record.things)
            record.things.append(
                Thing(result.play, result.task, result.action, result.place, nth, result.handler)
            )
            last = self._last.get(result.host)
            at = 0 if last is None else record.order.index(last) + 1
            record.order.insert(len(record.order) if last is None else at, known)
        self._last[result.host] = known
        return known


def _cell(result: TaskResult, thing: int, mark: str) -> Cell:
    return Cell(
        host=result.host,
        thing=thing,
        mark=mark,
        status=result.status,
        task=result.task,
        verdict=result.verdict,
        msg=result.msg,
        diff=result.diff,
        items=[item for item in result.items if item.status not in ("ok", "skipped")],
        where=result.where,
        hint=result.hint,
        traceback=result.traceback,
        since=result.since,
        accepted=result.accepted,
        output=_output(result.data) if result.status == "failed" else "",
        delegated_to=result.delegated_to,
    )


def _output(data: Mapping[str, Any]) -> str:
    texts = [str(data.get(name) or "").rstrip("\n") for name in ("stderr", "stdout")]
    return "\n".join(text for text in texts if text)[-4000:]
