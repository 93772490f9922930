"""Asks hosts about their environments: one task on each, and what they answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provision.cli.playoptions import NO_PLAYBOOK

if TYPE_CHECKING:
    from provision.engine.events import Event, TaskResult

__all__ = ["Answers", "age_words", "ask", "place_options", "tell_troubles"]

F = TypeVar("F", bound=Callable[..., Any])
_AGES = ((86400.0 * 2, 86400.0, "d"), (3600.0 * 2, 3600.0, "h"), (60.0 * 2, 60.0, "min"))


def place_options(function: F) -> F:
    """Adds the options that say where on a host environments lie."""
    for option in (
        click.option("--envs-dir", metavar="DIR", help="Where environments lie on the host."),
        click.option(
            "--conda", metavar="PREFIX", help="One conda on the host instead of all there are."
        ),
    ):
        function = option(function)
    return function


@dataclass(slots=True)
class Answers:
    """By host: what each answered. `troubles` are those that could not."""

    results: dict[str, TaskResult] = field(default_factory=dict)
    troubles: list[TaskResult] = field(default_factory=list)
    exit_code: int = 0

    def data(self) -> dict[str, dict[str, Any]]:
        return {host: result.data for host, result in self.results.items()}


def ask(
    pattern: str, args: Mapping[str, Any], given: Mapping[str, Any], action: str = "conda_envs"
) -> Answers:
    """Runs one task on the hosts of a pattern. Raises InputError."""
    from provision.cli.running import make_run
    from provision.engine.events import TaskResult
    from provision.reports.fold import natural_key

    said = {key: value for key, value in args.items() if value is not None}
    play = {"hosts": pattern, "gather_facts": False, "tasks": [{action: said}]}
    answers = Answers()

    def take(event: Event, /) -> None:
        if not isinstance(event, TaskResult):
            return
        if event.status in ("failed", "unreachable"):
            answers.troubles.append(event)
        else:
            answers.results[event.host] = event

    run = make_run("apply", {**NO_PLAYBOOK, **given}, text=json.dumps([play]), sinks=[take])
    answers.exit_code = run.execute().exit_code
    answers.results = dict(sorted(answers.results.items(), key=lambda pair: natural_key(pair[0])))
    answers.troubles.sort(key=lambda event: natural_key(event.host))
    return answers


def tell_troubles(answers: Answers) -> None:
    for event in answers.troubles:
        click.echo(f"{event.host}: {event.status}: {event.msg}", err=True)
        if event.hint:
            click.echo(f"  hint: {event.hint}", err=True)


def age_words(seconds: float) -> str:
    """`3 d`, `5 h`, `12 min`, `40 s`."""
    for least, unit, word in _AGES:
        if seconds >= least:
            return f"{seconds / unit:.0f} {word}"
    return f"{max(0.0, seconds):.0f} s"
