"""A drift run put together: engine → judge → reports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision.cli.running import make_run, run_playbooks
from provision.cli.sinks import close_sinks, open_sinks

if TYPE_CHECKING:
    from provision.drift.accepted import Accepted
    from provision.engine.run import Run

__all__ = ["run_drift"]

_ASKS_ONLY = ("syntax_check", "list_hosts", "list_tasks", "list_tags")


def run_drift(given: Mapping[str, Any]) -> int:
    """Observes, judges, reports; the exit code. Raises InputError before any connection."""
    if any(given[word] for word in _ASKS_ONLY):
        return run_playbooks("drift", given)
    from provision.drift.judge import Judge

    run = make_run("drift", given, sinks=())
    judge = Judge((), read_accepted(given, run))
    judge.sinks = open_sinks(given)
    run.sinks = [judge]
    try:
        run.execute()
    finally:
        close_sinks(run.sinks)
    return judge.exit_code


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
