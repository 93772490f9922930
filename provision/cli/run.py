"""provision run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from provision.cli.playoptions import NO_PLAYBOOK, reach_options

if TYPE_CHECKING:
    from provision.engine.events import Sink

__all__ = ["command"]


def one_task(pattern: str, action: str, text: str, words: tuple[str, ...]) -> str:
    """A playbook of one task, as text."""
    from provision.errors import InputError

    if words and (text or action):
        raise InputError("give either a command after -- or an action with -m and -a")
    task: dict[str, Any]
    if words:
        task = {"name": " ".join(words), "command": {"argv": list(words)}}
    else:
        task = {"name": f"{action or 'command'} {text}".strip(), action or "command": text or None}
    play = {"name": "run", "hosts": pattern, "gather_facts": True, "tasks": [task]}
    return json.dumps([play])


@click.command(name="run", context_settings={"ignore_unknown_options": False})
@click.argument("pattern")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.option("-m", "--action", "--module-name", default="", help="An action instead.")
@click.option("-a", "--args", "text", default="", help="The action's arguments, k=v or text.")
@reach_options
def command(pattern: str, words: tuple[str, ...], action: str, text: str, **given: Any) -> int:
    """Run one command, or one action, on the hosts of PATTERN.

    provision run 'gpu[01:04]' -- nvidia-smi -L
    """
    from provision.cli.running import execute, make_run
    from provision.cli.sinks import wants_colour
    from provision.reports.outputs import Outputs

    playbook = one_task(pattern, action, text, words)
    sinks: list[Sink] | None = None
    if not given["as_json"]:
        sinks = [Outputs(sys.stdout, colour=wants_colour(sys.stdout))]
    run = make_run("apply", {**NO_PLAYBOOK, **given}, text=playbook, sinks=sinks)
    return execute(run)
