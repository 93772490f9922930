"""Two runs beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from provision.engine.events import TaskResult
from provision.reports.record import Cell, Record, RunMeta
from provision.reports.things import differing

__all__ = ["Comparison", "Difference", "compare"]

_BAD = "~x!"
_WORDS = {"~": "differs", "x": "failed", "!": "unreachable", "?": "unknown", "a": "accepted"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What a host's thing is said of in one run and not in the other."""

    host: str
    play: str
    task: str
    word: str
    keys: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "play": self.play,
            "task": self.task,
            "is": self.word,
            "keys": list(self.keys),
        }


@dataclass(slots=True)
class Comparison:
    """`unsure` could be told of in the first run and cannot be in the second."""

    one: RunMeta
    other: RunMeta
    new: list[Difference] = field(default_factory=list)
    over: list[Difference] = field(default_factory=list)
    still: list[Difference] = field(default_factory=list)
    unsure: list[Difference] = field(default_factory=list)
    hosts_new: list[str] = field(default_factory=list)
    hosts_gone: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        parts = {name: getattr(self, name) for name in ("new", "over", "still", "unsure")}
        return {
            "runs": [self.one.number, self.other.number],
            **{name: [item.to_json() for item in items] for name, items in parts.items()},
            "hosts_new": self.hosts_new,
            "hosts_gone": self.hosts_gone,
        }


_Key = tuple[str, str, str, int]


def _bad(record: Record) -> dict[_Key, Difference]:
    found = {}
    for cell in record.cells:
        if cell.mark not in _BAD:
            continue
        thing = record.things[cell.thing]
        task = cell.task or thing.task
        told = Difference(cell.host, thing.play, task, _WORDS[cell.mark], _keys(cell))
        found[cell.host, thing.play, task, thing.nth] = told
    return found


def _keys(cell: Cell) -> tuple[str, ...]:
    if cell.mark != "~":
        return ()
    result = TaskResult(status="changed", diff=cell.diff, items=cell.items, msg=cell.msg)
    return tuple(differing(result))


def compare(one: Record, other: Record) -> Comparison:
    """What has changed from `one` to `other`. A host whose later run did not get as far as the
    thing is no proof that it is right again."""
    found = Comparison(one.meta, other.meta)
    before, after = _bad(one), _bad(other)
    for key, told in after.items():
        same = key in before and before[key].word == told.word and before[key].keys == told.keys
        (found.still if same else found.new).append(told)
    looked = _looked(other)
    for key, told in before.items():
        if key in after:
            continue
        if told.word == "unreachable":
            over = key[0] in other.hosts and "!" not in other.hosts[key[0]].marks
        else:
            over = key in looked
        (found.over if over else found.unsure).append(told)
    found.hosts_new = _missing(other.hosts, one.hosts)
    found.hosts_gone = _missing(one.hosts, other.hosts)
    return found


def _looked(record: Record) -> set[_Key]:
    return {
        (host, thing.play, thing.task, thing.nth)
        for index, thing in enumerate(record.things)
        for host, row in record.hosts.items()
        if row.mark(index) in ".:-a"
    }


def _missing(names: Iterable[str], others: Iterable[str]) -> list[str]:
    known = set(others)
    return [name for name in names if name not in known]
