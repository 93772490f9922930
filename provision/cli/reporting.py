"""Which files are written of a whole run, from the options that name them."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.errors import InputError, ProvisionError

if TYPE_CHECKING:
    from provision.reports.history import History
    from provision.reports.html import RunPoint
    from provision.reports.record import Record

__all__ = ["makers_of"]

Maker = Callable[["Record"], None]
_RUNS = 30  # in a page's timeline


def makers_of(given: Mapping[str, Any], history: History | None) -> list[Maker]:
    """Functions that write what the options name. Raises InputError when one could not."""
    from provision.reports.files import check_target

    makers: list[Maker] = []
    for option, maker in (("html", _html), ("markdown", _markdown), ("mail", _mail),
                          ("prometheus", _prometheus)):  # fmt: skip
        path: Path | None = given.get(option)
        if path is not None:
            check_target(path, f"the {option} report")
            makers.append(maker(path, history))
    return [*makers, *_alarms(given)]


def _alarms(given: Mapping[str, Any]) -> list[Maker]:
    """Who is told when something has drifted. That somebody could not be told is a warning: it
    must not hide what the run has found. Raises InputError."""
    makers: list[Maker] = []
    if command := given.get("on_drift"):
        try:
            argv = shlex.split(command)
        except ValueError as exc:
            raise InputError("--on-drift cannot be read", why=str(exc)) from exc
        if not argv or shutil.which(argv[0]) is None:
            raise InputError(f"--on-drift: there is no program {argv[0] if argv else ''!r}")
        makers.append(_alarm(lambda told: alarm().run_command(argv, told)))
    if url := given.get("webhook"):
        if not str(url).startswith(("http://", "https://")):
            raise InputError("--webhook takes an http or https address")
        makers.append(_alarm(lambda told: alarm().post(url, told)))
    return makers


def alarm() -> Any:
    from provision.reports import alarm as room

    return room


def _alarm(tell: Callable[[dict[str, Any]], None]) -> Maker:
    def make(record: Record) -> None:
        if not record.drifted_hosts():
            return
        try:
            tell(alarm().message(record))
        except ProvisionError as exc:
            click.echo(f"warning: {exc}", err=True)

    return make


def _points(record: Record, history: History | None) -> list[RunPoint]:
    """The runs up to this one that looked at the same, the oldest first."""
    meta = record.meta
    if history is None or not meta.number:
        return []
    try:
        scope = history.scope(meta.number)
        runs = history.runs(_RUNS - 1, mode=meta.mode, before=meta.number, scope=scope)
    except ProvisionError:  # the report is worth more than its timeline
        return []
    totals = {"hosts": len(record.hosts), **record.totals()}
    return [*((run.meta, run.totals) for run in reversed(runs)), (meta, totals)]


def _html(path: Path, history: History | None) -> Maker:
    def make(record: Record) -> None:
        from provision.reports.files import write_text
        from provision.reports.html import render

        write_text(path, render(record, _points(record, history)), "the HTML report")

    return make


def _markdown(path: Path, history: History | None) -> Maker:
    def make(record: Record) -> None:
        from provision.reports.files import write_text
        from provision.reports.summary import markdown

        write_text(path, markdown(record), "the Markdown report")

    return make


def _mail(path: Path, history: History | None) -> Maker:
    def make(record: Record) -> None:
        from provision.reports.files import write_text
        from provision.reports.summary import mail

        write_text(path, mail(record), "the mail")

    return make


def _prometheus(path: Path, history: History | None) -> Maker:
    def make(record: Record) -> None:
        from provision.reports.files import write_text
        from provision.reports.prometheus import exposition, last_good

        good = last_good(record, history, path)
        write_text(path, exposition(record, good), "the metrics file")

    return make
