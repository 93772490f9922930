"""A drift run put together: engine → judge → dates from the history → reports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.cli.running import make_run, run_playbooks
from provision.cli.sinks import close_sinks, open_sinks

if TYPE_CHECKING:
    from provision.drift.accepted import Accepted
    from provision.engine.events import Sink
    from provision.engine.run import Run
    from provision.reports.dated import Known

__all__ = ["run_drift"]

_ASKS_ONLY = ("syntax_check", "list_hosts", "list_tasks", "list_tags")


def run_drift(given: Mapping[str, Any]) -> int:
    """Observes, judges, reports; the exit code. Raises InputError before any connection."""
    if any(given[word] for word in _ASKS_ONLY):
        return run_playbooks("drift", given)
    from provision.drift.judge import Judge

    run = make_run("drift", given, sinks=())
    judge = Judge((), read_accepted(given, run))
    judge.sinks = dated(given, _sinks(given))
    run.sinks = [judge]
    try:
        run.execute()
    finally:
        close_sinks(run.sinks)
    return judge.exit_code


def _sinks(given: Mapping[str, Any]) -> list[Sink]:
    """The reports; those of the whole run come last, when the history knows it."""
    from provision.cli.reporting import makers_of
    from provision.reports.history import History, default_path
    from provision.reports.history.origin import here
    from provision.reports.whole import Whole

    meta = here()
    history = None if given.get("no_history") else History(default_path())
    makers = makers_of(given, history)
    sinks = open_sinks(given, meta)
    return [*sinks, Whole(meta, makers)] if makers else sinks


def dated(given: Mapping[str, Any], sinks: list[Sink]) -> list[Sink]:
    """The sinks, told since when each drift is there, unless nobody wants the history."""
    if given.get("no_history"):
        return sinks
    from provision.cli.arguments import arguments_of
    from provision.reports.dated import Dated
    from provision.reports.history import default_path

    path, arguments = default_path(), arguments_of(given)
    books = [str(book) for book in given["playbooks"]]

    def known() -> Known:
        from contextlib import closing

        from provision.reports.history.drifts import open_drifts
        from provision.reports.history.origin import hashed, scope_of
        from provision.reports.history.store import open_store

        if not path.exists():
            return {}
        with closing(open_store(path)) as store:
            return open_drifts(store, scope_of(hashed(books), arguments))

    return [Dated(sinks, known)]


def read_accepted(given: Mapping[str, Any], run: Run) -> Accepted | None:
    """The accepted deviations: the file that was named, else the project's. Raises InputError."""
    from provision.drift.accepted import DEFAULT_FILE, load_accepted

    path: Path | None = given["accepted"]
    if path is None:
        usual = [Path(DEFAULT_FILE), given["playbooks"][0].parent / DEFAULT_FILE]
        path = next((one for one in usual if one.is_file()), None)
    if path is None:
        return None

    def select(pattern: str) -> list[str]:
        return [host.name for host in run.inventory.select(pattern)]

    return load_accepted(path, select)
