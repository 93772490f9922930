"""A Record's rows, as they come."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from provision.engine.events import RunStarted
from provision.reports.history.drifts import update_drifts
from provision.reports.history.origin import git_state, hashed, owner, scope_of
from provision.reports.history.store import transaction
from provision.reports.record import Cell, Recorder

__all__ = ["Saver", "detail_of"]

_LONG = 16 * 1024  # characters kept of one value
_MANY = 2000  # entries kept of one diff


class Saver:
    """Writes what has changed since the last `flush`."""

    def __init__(self, store: Connection, recorder: Recorder, arguments: Mapping[str, Any]) -> None:
        self.store = store
        self.recorder = recorder
        self.arguments = dict(arguments)
        self.number = 0
        self.scope = ""
        self._things = 0  # how many have been written
        self._cells: dict[tuple[str, int], Cell] = {}
        self._hosts: set[str] = set()
        self._digests: set[bytes] = set()

    def changed(self, cell: Cell) -> None:
        self._cells[cell.host, cell.thing] = cell

    def done(self, host: str) -> None:
        self._hosts.add(host)

    def begin(self, event: RunStarted, now: float) -> int:
        """The run's row; its number."""
        meta = self.recorder.record.meta
        meta.started_at, meta.arguments = now, self.arguments
        meta.playbooks = hashed(event.playbooks)
        self.scope = scope_of(meta.playbooks, self.arguments)
        row = {
            "mode": meta.mode,
            "scope": self.scope,
            "started_at": now,
            "owner": owner(),
            "user": meta.user,
            "machine": meta.machine,
            "origin": meta.origin,
            "directory": meta.directory,
            "version": meta.version,
            "playbooks": _dumps(meta.playbooks),
            "git": "{}",
            "arguments": _dumps(self.arguments),
        }
        names = ", ".join(row)
        marks = ", ".join("?" * len(row))
        with transaction(self.store):
            insert = f"INSERT INTO runs ({names}) VALUES ({marks})"  # noqa: S608 - our own names
            self.number = self.store.execute(insert, tuple(row.values())).lastrowid or 0
        meta.number = self.number
        folder = Path(event.playbooks[0]).parent if event.playbooks else Path()
        meta.git = git_state(folder if folder.is_dir() else Path())
        with transaction(self.store):
            self.store.execute(
                "UPDATE runs SET git = ? WHERE id = ?", (_dumps(meta.git), self.number)
            )
        return self.number

    def flush(self) -> None:
        """One transaction with what is new."""
        fresh = self._things < len(self.recorder.record.things)
        if self.number and (fresh or self._cells or self._hosts):
            with transaction(self.store):
                self._write()

    def finish(self) -> None:
        """The last transaction: results, totals, and what has begun or ceased to differ."""
        record = self.recorder.record
        meta = record.meta
        self._hosts = set(record.hosts)
        # Now the disk is waited for: what is told to be in the history survives a power cut.
        self.store.execute("PRAGMA synchronous = FULL")
        with transaction(self.store):
            self._write()
            self.store.execute(
                "UPDATE runs SET ended_at = ?, duration_s = ?, exit_code = ?, totals = ?,"
                " ordering = ?, notices = ? WHERE id = ?",
                (
                    meta.ended_at,
                    meta.duration_s,
                    meta.exit_code,
                    _dumps({"hosts": len(record.hosts), **record.totals()}),
                    _dumps(record.order),
                    _dumps(record.notices),
                    self.number,
                ),
            )
            if meta.mode != "plan" and not (meta.mode == "apply" and self.arguments.get("check")):
                update_drifts(self.store, record, self.scope)

    # -- rows -------------------------------------------------------------------------

    def _write(self) -> None:
        record = self.recorder.record
        things = [
            (self.number, index, t.play, t.task, t.action, t.place, t.nth, int(t.handler))
            for index, t in enumerate(record.things[self._things :], self._things)
        ]
        self.store.executemany("INSERT INTO things VALUES (?, ?, ?, ?, ?, ?, ?, ?)", things)
        hosts = []
        for name in self._hosts:
            row = record.hosts[name]
            said = (_dumps(row.counts), round(row.duration_s, 3), row.round_trips, int(row.done))
            hosts.append((self.number, name, "".join(row.marks), *said))
        self.store.executemany("INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?, ?, ?, ?)", hosts)
        for cell in self._cells.values():
            self._cell(cell)
        self._things = len(record.things)
        self._cells.clear()
        self._hosts.clear()

    def _cell(self, cell: Cell) -> None:
        body = detail_of(cell)
        digest = hashlib.sha256(body.encode()).digest()[:16]
        if digest not in self._digests:
            self.store.execute(
                "INSERT OR IGNORE INTO details VALUES (?, ?, ?)", (self.number, digest, body)
            )
            self._digests.add(digest)
        evidence = _dumps(_short(cell.evidence))
        row = (self.number, cell.host, cell.thing, cell.mark, cell.since, evidence, digest)
        self.store.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def detail_of(cell: Cell) -> str:
    """What a cell says, less what is its host's own; JSON."""
    told = {
        field.name: getattr(cell, field.name)
        for field in dataclasses.fields(cell)
        if field.name not in ("host", "thing", "mark", "since", "evidence")
    }
    told["items"] = [
        {"label": item.label, "status": item.status, "msg": item.msg, "diff": item.diff}
        for item in cell.items
    ]
    return _dumps({key: _short(value) for key, value in told.items() if value})


def _short(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) <= _LONG:
            return value
        return value[:_LONG] + f"\n… {len(value) - _LONG} characters more"
    if isinstance(value, Mapping):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_short(part) for part in value[:_MANY]]
    return value


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)
