"""Reading runs back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection, DatabaseError, Row
from typing import Any

from provision.engine.events import ItemResult
from provision.errors import InputError, Mark, ProvisionError
from provision.reports.history.origin import alive
from provision.reports.history.store import open_store, transaction
from provision.reports.record import Cell, HostRow, Record, RunMeta, Thing

__all__ = ["Drift", "History", "RunLine"]

_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in one line. `totals` are things by verdict, and hosts."""

    meta: RunMeta
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drift:
    """One key of one thing of a host that differed, or still does (`ended_at` None)."""

    host: str
    play: str
    task: str
    nth: int
    key: str
    first_run: int
    first_at: float
    last_run: int
    last_at: float
    ended_run: int | None
    ended_at: float | None


class History:
    """The runs in a file. Every method raises ProvisionError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def _ask(self, query: str, *values: object) -> list[Row]:
        with self._store() as store:
            store.row_factory = Row
            return store.execute(query, values).fetchall()

    def _store(self) -> closing[Connection]:
        return closing(open_store(self.path))

    # -- runs -------------------------------------------------------------------------

    def runs(
        self, limit: int = 20, *, mode: str = "", before: int = 0, scope: str = ""
    ) -> list[RunLine]:
        """The last runs, the newest first. `before`: only runs with a lower number."""
        found = self._ask(
            "SELECT * FROM runs WHERE (? = '' OR mode = ?) AND (? = 0 OR id < ?)"
            " AND (? = '' OR scope = ?) ORDER BY id DESC LIMIT ?",
            *(mode, mode, before, before, scope, scope, limit),
        )
        return [RunLine(_meta(row), json.loads(row["totals"])) for row in found]

    def number(self, word: str) -> int:
        """A run's number from `17`, `last` or `last-1`. Raises InputError."""
        text = word.strip().lstrip("#")
        if text.isdigit():
            found = self._ask("SELECT id FROM runs WHERE id = ?", int(text))
        elif text == "last" or (text.startswith("last-") and text[5:].isdigit()):
            back = int(text[5:] or 0) if text != "last" else 0
            found = self._ask("SELECT id FROM runs ORDER BY id DESC LIMIT 1 OFFSET ?", back)
        else:
            raise InputError(f"{word!r} is no run", hint="write its number, `last` or `last-1`")
        if not found:
            raise InputError(
                f"there is no run {word}",
                mark=Mark(str(self.path)),
                hint="`provision history list` shows them",
            )
        return int(found[0]["id"])

    def scope(self, number: int) -> str:
        return str(self._ask("SELECT scope FROM runs WHERE id = ?", number)[0]["scope"])

    def record(self, number: int) -> Record:
        """A whole run. Raises InputError when there is none of that number."""
        with self._store() as store:
            store.row_factory = Row
            store.execute("BEGIN")  # one picture, whoever writes meanwhile
            row = store.execute("SELECT * FROM runs WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise InputError(f"there is no run {number}", mark=Mark(str(self.path)))
            try:
                return _record(store, row)
            except (DatabaseError, ValueError, KeyError) as exc:
                raise ProvisionError(
                    f"run {number} cannot be read", mark=Mark(str(self.path)), why=str(exc)
                ) from exc

    # -- hosts ------------------------------------------------------------------------

    def trend(self, host: str, limit: int = 30) -> list[tuple[RunLine, dict[str, int]]]:
        """The last runs that had the host, the newest first, with its own counts of verdicts."""
        found = self._ask(
            "SELECT runs.*, hosts.marks, hosts.counts FROM hosts JOIN runs ON runs.id = hosts.run"
            " WHERE hosts.host = ? ORDER BY hosts.run DESC LIMIT ?",
            host,
            limit,
        )
        told = []
        for row in found:
            own = {word: row["marks"].count(mark) for word, mark in _WORDS.items()}
            told.append((RunLine(_meta(row), json.loads(row["totals"])), own))
        return told

    def drifts(self, host: str, limit: int = 50) -> list[Drift]:
        """What differed on a host, open ones first, then the newest."""
        found = self._ask(
            "SELECT host, play, task, nth, key, first_run, first_at, last_run, last_at, ended_run,"
            " ended_at FROM drifts WHERE host = ? ORDER BY ended_at IS NOT NULL, first_at DESC"
            " LIMIT ?",
            host,
            limit,
        )
        return [Drift(*row) for row in found]

    def hosts(self) -> list[str]:
        return [row["host"] for row in self._ask("SELECT DISTINCT host FROM hosts ORDER BY host")]

    def last_at(self, scope: str, codes: Iterable[int]) -> float | None:
        """When the last drift run ended that looked at the same and ended with one of `codes`."""
        found = self._ask(
            "SELECT max(ended_at) AS at FROM runs WHERE mode = 'drift' AND scope = ?"
            " AND exit_code IN (SELECT value FROM json_each(?))",
            scope,
            json.dumps(list(codes)),
        )
        at = found[0]["at"]
        return None if at is None else float(at)

    # -- pruning ----------------------------------------------------------------------

    def prune(self, *, keep: int | None = None, older_s: float | None = None) -> int:
        """Removes all but the last `keep` runs, or those that began longer ago than `older_s`
        (both: what either removes); how many went. A run under way stays, and so does since
        when something differs."""
        with self._store() as store:
            gone: set[int] = set()
            rows = store.execute(
                "SELECT id, started_at, exit_code, owner FROM runs ORDER BY id DESC"
            ).fetchall()
            for position, (number, started_at, code, owner) in enumerate(rows):
                if code is None and alive(owner):
                    continue
                too_many = keep is not None and position >= keep
                too_old = older_s is not None and started_at < time.time() - older_s
                if too_many or too_old:
                    gone.add(number)
            oldest = min((row[0] for row in rows if row[0] not in gone), default=None)
            with transaction(store):
                for number in gone:
                    store.execute("DELETE FROM runs WHERE id = ?", (number,))
                store.execute(
                    "DELETE FROM drifts WHERE ended_run < ?", (oldest if oldest else 1 << 62,)
                )
            store.execute("PRAGMA incremental_vacuum").fetchall()
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(gone)


_WORDS = {
    "in sync": ".",
    "drifted": "~",
    "accepted": "a",
    "unknown": "?",
    "failed": "x",
    "unreachable": "!",
}


def _meta(row: Row) -> RunMeta:
    state = "done"
    if row["exit_code"] is None:
        running = alive(row["owner"])
        if running is None:
            running = time.time() - row["started_at"] < _DAY_S
        state = "running" if running else "broke off"
    return RunMeta(
        number=row["id"],
        mode=row["mode"],
        started_at=row["started_at"],
        ended_at=row["ended_at"] or 0.0,
        duration_s=row["duration_s"] or 0.0,
        exit_code=row["exit_code"],
        user=row["user"],
        machine=row["machine"],
        origin=row["origin"],
        directory=row["directory"],
        version=row["version"],
        playbooks=json.loads(row["playbooks"]),
        git=json.loads(row["git"]),
        arguments=json.loads(row["arguments"]),
        state=state,
    )


def _record(store: Connection, row: Row) -> Record:
    number = row["id"]
    record = Record(_meta(row), notices=json.loads(row["notices"]))
    for t in store.execute("SELECT * FROM things WHERE run = ? ORDER BY id", (number,)):
        thing = Thing(t["play"], t["task"], t["action"], t["place"], t["nth"], bool(t["handler"]))
        record.things.append(thing)
    record.order = json.loads(row["ordering"])
    record.order += [i for i in range(len(record.things)) if i not in set(record.order)]
    for h in store.execute("SELECT * FROM hosts WHERE run = ?", (number,)):
        record.hosts[h["host"]] = HostRow(
            list(h["marks"]),
            json.loads(h["counts"]),
            duration_s=h["duration_s"],
            round_trips=h["round_trips"],
            done=bool(h["done"]),
        )
    record.cells = list(_cells(store, record, number))
    return record


def _cells(store: Connection, record: Record, number: int) -> Iterator[Cell]:
    bodies: dict[bytes, dict[str, Any]] = {}
    for d in store.execute("SELECT digest, body FROM details WHERE run = ?", (number,)):
        body = json.loads(d["body"])
        body["items"] = [ItemResult(**item) for item in body.get("items", ())]
        bodies[d["digest"]] = body
    query = "SELECT * FROM cells WHERE run = ? ORDER BY thing, host"
    for c in store.execute(query, (number,)):
        cell = Cell(
            host=c["host"],
            thing=c["thing"],
            mark=c["mark"],
            since=c["since"],
            evidence=json.loads(c["evidence"]),
            **bodies[c["digest"]],
        )
        row = record.hosts.setdefault(cell.host, HostRow())
        if row.mark(cell.thing) == " ":
            row.put(cell.thing, cell.mark)  # of a run that broke off
        yield cell
