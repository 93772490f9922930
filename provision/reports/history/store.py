"""The file: where it is, opening it, bringing its tables up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provision.errors import InputError, Mark, ProvisionError
from provision.reports.history.migrations import MIGRATIONS

__all__ = ["default_path", "open_store", "transaction"]

_APPLICATION = 0x70726F76  # "prov": tells our file from other SQLite files
_BUSY_S = 20.0


def default_path() -> Path:
    """$PROVISION_HISTORY, else in the user's state directory."""
    told = os.environ.get("PROVISION_HISTORY")
    if told:
        return Path(told).expanduser()
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "provision" / "history.sqlite3"


def open_store(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """A connection with the tables of this release. With `write` the file is made when missing.

    Raises InputError when there is none or when it is not ours, ProvisionError for the rest.
    """
    if write:
        _make_place(path)
    elif not path.is_file():
        raise InputError(
            "there is no history yet",
            mark=Mark(str(path)),
            hint="every apply, plan and drift adds to it; $PROVISION_HISTORY says where it is",
        )
    try:
        store = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        try:
            _prepare(store, path)
        except BaseException:
            store.close()
            raise
    except sqlite3.DatabaseError as exc:
        raise ProvisionError(
            "the history cannot be used", mark=Mark(str(path)), why=str(exc)
        ) from exc
    return store


def _make_place(path: Path) -> None:
    """Diffs lie in it: nobody but its owner may read them."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as exc:
        raise ProvisionError(
            "the history cannot be written here", mark=Mark(str(path)), why=exc.strerror or ""
        ) from exc


def _prepare(store: sqlite3.Connection, path: Path) -> None:
    version: int = store.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise ProvisionError(
            f"the history was written by a newer provision (format {version})",
            mark=Mark(str(path)),
            hint="update provision, or name another file in $PROVISION_HISTORY",
        )
    if version < len(MIGRATIONS):
        _migrate(store, path)
    # What is committed survives the end of any process; the disk is waited for once, at the end
    # of a run (`HistoryWriter`), since a power cut costs the last commits and never the file.
    store.execute("PRAGMA synchronous = NORMAL")
    store.execute("PRAGMA foreign_keys = ON")


def _migrate(store: sqlite3.Connection, path: Path) -> None:
    application: int = store.execute("PRAGMA application_id").fetchone()[0]
    tables: int = store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != _APPLICATION:
        raise InputError("this is another program's database", mark=Mark(str(path)))
    if not tables:
        store.execute("PRAGMA auto_vacuum = INCREMENTAL")
    store.execute("PRAGMA journal_mode = WAL")
    with transaction(store):
        version: int = store.execute("PRAGMA user_version").fetchone()[0]  # another run's turn
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            for statement in _statements(script):
                store.execute(statement)
            store.execute(f"PRAGMA user_version = {number}")
        store.execute(f"PRAGMA application_id = {_APPLICATION}")


def _statements(script: str) -> Iterator[str]:
    """`executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def transaction(store: sqlite3.Connection) -> Iterator[None]:
    """Everything in it or nothing; waits for other writers."""
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
        store.execute("COMMIT")
    except BaseException:
        if store.in_transaction:
            store.execute("ROLLBACK")
        raise
