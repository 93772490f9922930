"""A drift run put together: engine → judge → dates from the history → reports."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.cli.running import make_run, run_playbooks
from provision.cli.sinks import close_sinks, open_sinks

if TYPE_CHECKING:
    from provision.drift.accepted import Accepted
    from provision.drift.judge import Judge
    from provision.engine.events import Sink
    from provision.engine.run import Run
    from provision.reports.dated import Known

__all__ = ["run_drift"]

_ASKS_ONLY = ("syntax_check", "list_hosts", "list_tasks", "list_tags")


def run_drift(given: Mapping[str, Any]) -> int:
    """Observes, judges, reports; the exit code. Raises InputError before any connection."""
    if any(given[word] for word in _ASKS_ONLY):
        return run_playbooks("drift", given)
    from provision.cli.fixing import check_fix, fix
    from provision.drift.judge import Judge

    check_fix(given)
    run = make_run("drift", given, sinks=())
    judge = Judge((), read_accepted(given, run))
    run.sinks = [judge]
    with _output(given, judge):
        judge.sinks = dated(given, _sinks(given))
        try:
            run.execute()
        finally:
            close_sinks(run.sinks)
    if given["fix"] and judge.drifted and judge.exit_code != 130:
        return fix(run, judge, given)
    return judge.exit_code


@contextmanager
def _output(given: Mapping[str, Any], judge: Judge) -> Iterator[None]:
    """With --quiet, standard output is held back until it is known that there is something to
    say: whoever runs this from cron gets no mail when all is in sync."""
    if not given["quiet"]:
        yield
        return
    real = sys.stdout
    held = io.TextIOWrapper(io.BytesIO(), encoding=real.encoding or "utf-8", newline="")
    said = True
    try:
        with redirect_stdout(held):
            yield
        said = judge.exit_code != 0
    finally:
        held.seek(0)
        if said:
            real.write(held.read())
            real.flush()


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
