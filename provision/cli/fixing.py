"""drift --fix: applies what has drifted, after showing what that is."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from provision.cli.running import connectors
from provision.cli.sinks import close_sinks, open_sinks
from provision.errors import InputError

if TYPE_CHECKING:
    from provision.drift.judge import Judge
    from provision.engine.events import TaskResult
    from provision.engine.run import Run

__all__ = ["check_fix", "fix"]


def check_fix(given: Mapping[str, Any]) -> None:
    """Raises InputError when nobody could be asked, before anything is looked at."""
    if given["fix"] and not given["yes"] and not sys.stdin.isatty():
        raise InputError(
            "--fix asks before it changes anything, and there is no terminal",
            hint="add --yes to change without being asked",
        )


def fix(run: Run, judge: Judge, given: Mapping[str, Any]) -> int:
    """Applies the drifted tasks of a drift run that has ended; the exit code of both together."""
    todo = [result for result in judge.drifted if not result.accepted]
    for result in judge.drifted:
        if result.accepted:
            click.echo(
                f"not fixed: {result.task} on {result.host}: a part of it is accepted", err=True
            )
    if not todo:
        return judge.exit_code
    for line in plan_lines(todo):
        click.echo(line, err=True)
    if not given["yes"] and not click.confirm("Apply this?", err=True, default=False):
        return judge.exit_code
    done = _apply(run, todo, given)
    if done:
        return done
    if judge.exit_code in (1, 4):
        return judge.exit_code
    return 3 if len(todo) < len(judge.drifted) else 0


def plan_lines(todo: Sequence[TaskResult]) -> list[str]:
    from provision.reports.fold import fold_hosts
    from provision.reports.text import clean, counted
    from provision.reports.things import differing

    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for result in todo:
        alike.setdefault((result.task, tuple(differing(result))), []).append(result.host)
    hosts = len({result.host for result in todo})
    lines = [f"to fix: {counted(len(todo), 'task')} on {counted(hosts, 'host')}"]
    for (task, names), listed in alike.items():
        lines.append(f"  {fold_hosts(listed, 60)}  {clean(task)}: {clean(', '.join(names))}"[:240])
    return lines


def _apply(run: Run, todo: Sequence[TaskResult], given: Mapping[str, Any]) -> int:
    """The same playbooks, inventory and secrets once more, for these tasks alone."""
    from provision.engine.run import Run

    chosen: dict[str, set[str]] = {}
    for result in todo:
        chosen.setdefault(result.host, set()).add(result.place)
    options = dataclasses.replace(
        run.options,
        mode="apply",
        check=False,
        limit=",".join(chosen),
        fix={host: frozenset(places) for host, places in chosen.items()},
    )
    said = {**given, "limit": options.limit, "check": False, "junit": None}
    again = Run(
        run.playbooks,
        run.inventory,
        options,
        sinks=open_sinks(said),
        connectors=connectors(options),
        templar=run.shared.templar,
        files=run.shared.files,
        redactor=run.redactor,
    )
    try:
        return again.execute().exit_code
    finally:
        close_sinks(again.sinks)
