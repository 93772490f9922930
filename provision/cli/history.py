"""provision history: runs of the past."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.errors import InputError

if TYPE_CHECKING:
    from provision.reports.history import History

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"h": 3600.0, "d": 86400.0, "w": 7 * 86400.0, "m": 30 * 86400.0, "y": 365 * 86400.0}


def _options(function: F) -> F:
    function = click.option("--json", "as_json", is_flag=True, help="As JSON.")(function)
    return click.option(
        "--file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Another history than $PROVISION_HISTORY.",
    )(function)


def open_history(file: Path | None) -> History:
    from provision.reports.history import History, default_path

    return History(file or default_path())


@click.group(name="history")
def command() -> None:
    """Show runs of the past and what has changed between them.

    A RUN is a number from `list`, or `last`, `last-1`, …
    """


@command.command(name="list")
@_options
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True)
@click.option("--mode", type=click.Choice(["apply", "plan", "drift"]), default=None)
def list_(file: Path | None, as_json: bool, limit: int, mode: str | None) -> None:
    """List the last runs, the newest first."""
    from provision.reports.history import text

    runs = open_history(file).runs(limit, mode=mode or "")
    _say([text.run_json(run) for run in runs], text.run_table(runs), as_json)


@command.command()
@click.argument("run")
@_options
def show(run: str, file: Path | None, as_json: bool) -> None:
    """Show who ran RUN, from where, with what, and what was not as it should be."""
    from provision.reports.history import text

    history = open_history(file)
    record = history.record(history.number(run))
    _say(text.record_json(record), text.record_lines(record), as_json)


@command.command()
@click.argument("one")
@click.argument("other")
@_options
def compare(one: str, other: str, file: Path | None, as_json: bool) -> None:
    """Compare run ONE with a later run OTHER: what is new, what is over, what is still so."""
    from provision.reports.history import text
    from provision.reports.history.comparing import compare as compare_records

    history = open_history(file)
    records = [history.record(history.number(word)) for word in (one, other)]
    found = compare_records(*records)
    _say(found.to_json(), text.comparison_lines(found), as_json)


@command.command()
@click.argument("host")
@_options
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True)
def trend(host: str, file: Path | None, as_json: bool, limit: int) -> None:
    """Show how HOST has done in the last runs, and what differed from when to when."""
    from provision.diagnostics import did_you_mean
    from provision.reports.history import text

    history = open_history(file)
    runs = history.trend(host, limit)
    if not runs:
        raise InputError(f"no run had a host {host!r}", hint=did_you_mean(host, history.hosts()))
    drifts = history.drifts(host)
    _say(text.trend_json(runs, drifts), text.trend_lines(runs, drifts), as_json)


@command.command()
@click.option("--file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Keep the last N runs.")
@click.option("--older", metavar="AGE", help="Remove what is older: 90d, 12w, 2y.")
def prune(file: Path | None, keep: int | None, older: str | None) -> None:
    """Remove old runs. Since when something differs is kept."""
    if keep is None and older is None:
        raise InputError("say what may go", hint="--keep 500 or --older 90d, or both")
    age = None if older is None else seconds_of(older)
    gone = open_history(file).prune(keep=keep, older_s=age)
    click.echo(f"{gone} run{'' if gone == 1 else 's'} removed")


def seconds_of(text: str) -> float:
    """An age such as `90d`. Raises InputError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([hdwmy])", text.strip())
    if found is None:
        raise InputError(f"{text!r} is no age", hint="write 12h, 90d, 12w, 6m or 2y")
    return float(found[1]) * _UNITS[found[2]]


def _say(told: Any, lines: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told, indent=2, default=str))
    else:
        click.echo("\n".join(lines))
