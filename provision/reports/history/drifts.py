"""Since when something differs: drifts from the first run that saw them to the last.

A drift is one key of one thing of one host. It ends with the first run that looked and did not
see it; runs that could not look, or were not sure, leave it as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from sqlite3 import Connection

from provision.engine.events import TaskResult
from provision.reports.record import BLANK, Cell, HostRow, Record
from provision.reports.things import differing

__all__ = ["Place", "keys_of_drift", "open_drifts", "update_drifts"]

#: (host, play, task, nth)
Place = tuple[str, str, str, int]
_KEYS = 200  # of one thing; what goes beyond shares the thing's own day
_LOOKED = frozenset(".:-")


def open_drifts(store: Connection, scope: str) -> dict[Place, dict[str, float]]:
    """By place: key and since when, in seconds since the epoch."""
    found: dict[Place, dict[str, float]] = {}
    for host, play, task, nth, key, at in store.execute(
        "SELECT host, play, task, nth, key, first_at FROM drifts"
        " WHERE scope = ? AND ended_at IS NULL",
        (scope,),
    ):
        found.setdefault((host, play, task, nth), {})[key] = at
    return found


def update_drifts(store: Connection, record: Record, scope: str) -> None:
    """Begins, goes on with and ends drifts as a finished run has seen them."""
    meta = record.meta
    seen = {_place(record, cell): cell for cell in record.cells if cell.mark in "~a"}
    known = open_drifts(store, scope)
    if meta.mode == "drift":
        for place, cell in seen.items():
            _go_on(store, record, scope, place, cell)
    places = _Places(record)
    for place, keys in known.items():
        if place[0] in record.hosts:
            told = list(_over(places, place, seen.get(place), keys))
            store.executemany(
                "UPDATE drifts SET ended_run = ?, ended_at = ? WHERE ended_at IS NULL AND"
                " scope = ? AND host = ? AND play = ? AND task = ? AND nth = ? AND key = ?",
                [(meta.number, meta.ended_at, scope, *place, key) for key in told],
            )


def _place(record: Record, cell: Cell) -> Place:
    thing = record.things[cell.thing]
    return cell.host, thing.play, cell.task or thing.task, thing.nth


def keys_of_drift(result: TaskResult) -> list[str]:
    """The names under which a thing's drifts are kept."""
    accepted = [str(part.get("key", "")) for one in result.accepted for part in one["diff"]]
    named = differing(dataclasses.replace(result, msg="")) if result.status == "changed" else []
    return list(dict.fromkeys([*named, *accepted] or ["differs"]))[:_KEYS]


def _keys(cell: Cell) -> list[str]:
    return keys_of_drift(
        TaskResult(
            status="changed" if cell.mark == "~" else "skipped",
            diff=cell.diff,
            items=cell.items,
            accepted=cell.accepted,
        )
    )


def _go_on(store: Connection, record: Record, scope: str, place: Place, cell: Cell) -> None:
    meta = record.meta
    spot = record.things[cell.thing].place
    store.executemany(
        "INSERT INTO drifts (scope, host, play, task, nth, key, place, first_run, first_at,"
        " last_run, last_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8, ?9)"
        " ON CONFLICT (scope, host, play, task, nth, key) WHERE ended_at IS NULL DO UPDATE SET"
        " place = ?7, last_run = max(last_run, ?8), last_at = max(last_at, ?9)",
        [(scope, *place, key, spot, meta.number, meta.started_at) for key in _keys(cell)],
    )


class _Places:
    """Finds a thing again by its name; names may be made from a host's variables, and then by
    where it stands."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.found: dict[tuple[str, str, int], int] = {}
        for index, thing in enumerate(record.things):
            self.found.setdefault((thing.play, thing.task, thing.nth), index)

    def mark(self, place: Place) -> str:
        host, play, task, nth = place
        index = self.found.get((play, task, nth))
        return BLANK if index is None else self.record.hosts[host].mark(index)


def _over(places: _Places, place: Place, cell: Cell | None, keys: Iterable[str]) -> Iterable[str]:
    """Which of these keys the run has seen to differ no more."""
    meta = places.record.meta
    if cell is not None:
        still = set(_keys(cell)) if meta.mode == "drift" else set()  # an apply puts it right
        return [key for key in keys if key not in still]
    mark = places.mark(place)
    if mark != BLANK:
        return keys if mark in _LOOKED else []
    row: HostRow = places.record.hosts[place[0]]
    lost = row.counts.get("failed") or row.counts.get("unreachable")
    whole = row.done and not lost and meta.exit_code != 130
    return keys if whole else []
