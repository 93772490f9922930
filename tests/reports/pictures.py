"""Records of runs that never were: any number of hosts and things."""

from __future__ import annotations

import random
from typing import Any

from provision.reports.html import RunPoint
from provision.reports.record import Cell, HostRow, Record, RunMeta, Thing

__all__ = ["picture", "points"]

_DAY_S = 86400.0
_AT = 1_795_350_000.0


def _meta(number: int = 17, **more: Any) -> RunMeta:
    books = [{"path": "/srv/site.yml", "sha256": "0" * 64}]
    given = {"mode": "drift", "exit_code": 3, "user": "ops", "machine": "control01", **more}
    return RunMeta(number=number, started_at=_AT, duration_s=42.0, playbooks=books, **given)


def points(count: int = 20) -> list[RunPoint]:
    """Runs for a timeline, the oldest first."""
    told: list[RunPoint] = []
    for number in range(1, count + 1):
        meta = _meta(number, exit_code=(0, 3, 1, 4)[number % 4])
        meta.started_at -= (count - number) * _DAY_S
        told.append((meta, {"drifted": number % 7, "failed": 0, "unreachable": 0, "unknown": 1}))
    return told


def picture(
    hosts: int = 30, things: int = 20, *, share: float = 0.05, ways: int = 3, name: str = "gpu"
) -> Record:
    """`share` of the cells differ, each thing in one of so many `ways`."""
    chance = random.Random(hosts * things)
    record = Record(_meta())
    record.things = [
        Thing("site", f"thing number {index}", "copy", f"site.yml:{index + 5}:7")
        for index in range(things)
    ]
    record.order = list(range(things))
    for index in range(hosts):
        host = f"{name}{index + 1:04d}"
        row = record.hosts[host] = HostRow(["."] * things, {"ok": things}, done=True)
        for thing in range(things):
            if chance.random() < share:
                mark = chance.choice("~~~~~~~~?ax")
                row.put(thing, mark)
                record.cells.append(_cell(host, thing, mark, chance.randrange(ways)))
    return record


def _cell(host: str, thing: int, mark: str, way: int) -> Cell:
    cell = Cell(host, thing, mark, "changed", where=f"site.yml:{thing + 5}:7")
    if mark == "~":
        cell.diff = [
            {"key": "content", "before": f"a = {way}\nb = 1\n", "after": "a = 10\nb = 1\n"},
            {"key": "mode", "before": "0600", "after": "0644"},
        ]
        cell.since = "2026-11-19T02:00:00+00:00"
        text = "file, mode 0600, owned by root:root; last changed then"
        cell.evidence = [{"kind": "file", "about": "/etc/a.conf", "text": text, "at": _AT}]
    else:
        cell.msg = "something that is to be said of it"
    return cell
