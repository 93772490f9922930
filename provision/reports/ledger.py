"""Gathers the same result of many hosts, and says when it is time to tell it.

Hosts go their own ways, so results of one task come in at different times. A result is due

- when every host of the play has been at that task, or past it;
- after a short while, when every host that has begun has;
- after a longer while in any case, since one slow host must not hide what the others did;
- at once, when it is a failure; the same failure of further hosts is then told as one.

Time is what the caller says it is: nothing here reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from provision.engine.events import TaskResult
from provision.reports.fold import natural_key

__all__ = ["Ledger", "Told"]

SHORT_S = 1.0
LONG_S = 5.0

_Key = tuple[str, str, int]


@dataclass(slots=True)
class Told:
    """A result and the hosts that it is to be told of. `before`: hosts it was told of already."""

    result: TaskResult
    hosts: list[str]
    duration_s: float
    before: tuple[str, ...] = ()


@dataclass(slots=True)
class _Bucket:
    """The same result of some hosts."""

    result: TaskResult
    since: float
    urgent: bool
    hosts: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    duration_s: float = 0.0


@dataclass(slots=True)
class _Row:
    """A task in its place among the tasks of the play."""

    key: _Key
    rank: int
    passed: int
    buckets: dict[object, _Bucket] = field(default_factory=dict)
    waiting: bool = False  # something here has not been told


class Ledger:
    """One play's results. Every host's own order of tasks is kept in `_rows`."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._place: dict[str, float] = dict.fromkeys(hosts, -1)  # rank, inf: ended
        self._begun: set[str] = set()
        self._rows: list[_Row] = []
        self._by_key: dict[_Key, _Row] = {}
        self._seen: dict[tuple[str, str, str], int] = {}

    # -- what comes in ----------------------------------------------------------------

    def begin(self, host: str) -> None:
        """A host has started on the play."""
        self._begun.add(host)
        self._place.setdefault(host, -1)

    def end(self, host: str) -> None:
        """A host will say nothing more in this play."""
        if host in self._place:
            self.begin(host)
            self._pass(host, math.inf)

    def add(self, result: TaskResult, identity: object, now: float, *, urgent: bool) -> None:
        """A result that is to be told; `urgent` ones are due at once."""
        row = self._row(result)
        bucket = row.buckets.get(identity)
        if bucket is None:
            bucket = row.buckets[identity] = _Bucket(result, now, urgent)
        elif not bucket.hosts:
            bucket.since = now
            bucket.urgent = False  # the failure is known
        bucket.hosts.append(result.host)
        bucket.duration_s = max(bucket.duration_s, result.duration_s)
        row.waiting = True

    def quiet(self, result: TaskResult) -> None:
        """A result that is not told; it says how far the host is."""
        self._row(result)

    def _row(self, result: TaskResult) -> _Row:
        host = result.host
        self.begin(host)
        # a task is where it stands: its title may hold a host's own words
        place = result.place or result.where or result.task
        name = (host, result.action, place)
        count = self._seen[name] = self._seen.get(name, 0) + 1
        key = (result.action, place, count)
        row = self._by_key.get(key)
        if row is None:
            row = self._by_key[key] = self._insert(key, host)
        if row.rank > self._place[host]:
            self._pass(host, row.rank)
        return row

    def _insert(self, key: _Key, host: str) -> _Row:
        """A new row behind the place where its first host is, and behind rows of the same file
        that stand further up in it."""
        place = self._place[host]
        rank = len(self._rows) if place == math.inf else int(place) + 1
        while rank < len(self._rows) and _is_before(self._rows[rank].key[1], key[1]):
            rank += 1
        passed = sum(other >= rank for other in self._place.values())
        for row in self._rows[rank:]:
            row.rank += 1
        for name, other in self._place.items():
            if rank <= other < math.inf:
                self._place[name] = other + 1
        made = _Row(key, rank, passed)
        self._rows.insert(rank, made)
        return made

    def _pass(self, host: str, rank: float) -> None:
        before = self._place[host]
        if before == math.inf:
            return
        last = len(self._rows) - 1 if rank == math.inf else int(rank)
        for row in self._rows[int(before) + 1 : last + 1]:
            row.passed += 1
        self._place[host] = rank

    # -- what goes out ----------------------------------------------------------------

    def due(self, now: float, *, everything: bool = False) -> Iterator[Told]:
        """Takes out what is to be told now, in the order of the play."""
        for row in self._rows:
            if not row.waiting:
                continue
            held = [bucket for bucket in row.buckets.values() if bucket.hosts]
            due = [b for b in held if everything or self._is_due(row, b, now)]
            row.waiting = len(due) < len(held)
            told = [self._take(bucket) for bucket in due]
            yield from sorted(told, key=lambda one: min(map(natural_key, one.hosts)))

    def _is_due(self, row: _Row, bucket: _Bucket, now: float) -> bool:
        age = now - bucket.since
        if bucket.urgent or row.passed >= len(self._place) or age >= LONG_S:
            return True
        return age >= SHORT_S and row.passed >= len(self._begun)

    def _take(self, bucket: _Bucket) -> Told:
        told = Told(bucket.result, bucket.hosts, bucket.duration_s, tuple(bucket.told))
        bucket.told += bucket.hosts
        bucket.hosts, bucket.duration_s = [], 0.0
        return told


def _is_before(one: str, other: str) -> bool:
    """Whether `site.yml:3:5` stands before `site.yml:10:5`."""
    places = [text.rsplit(":", 2) for text in (one, other)]
    if any(len(place) != 3 or not place[1].isdigit() for place in places):
        return False
    return places[0][0] == places[1][0] and int(places[0][1]) < int(places[1][1])
