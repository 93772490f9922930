"""provision env rollback."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from provision.cli.envs.asking import age_words, ask, place_options, tell_troubles
from provision.cli.envs.history import change_words
from provision.cli.playoptions import reach_options

if TYPE_CHECKING:
    from provision.engine.events import TaskResult

__all__ = ["command"]


def _told(result: TaskResult, name: str, check: bool) -> list[str]:
    data = result.data
    generation = data.get("generation", "")
    age = age_words(time.time() - float(data.get("built") or 0))
    if result.status == "ok":
        return [f"{result.host}: {name} is {generation} already"]
    verb = "would lead" if check else "leads"
    lines = [f"{result.host}: {name} {verb} to {generation}, built {age} ago"]
    if words := change_words(data.get("packages") or []):
        lines.append(f"  {words}")
    for unit in data.get("units") or ():
        lines.append(f"  {unit} runs the newer one until its own task changes it")
    return lines


@click.command(name="rollback")
@click.argument("name")
@click.argument("hosts")
@click.option("--to", metavar="GENERATION", help="Instead of the one built before.")
@place_options
@reach_options
def command(name: str, hosts: str, to: str | None, **given: Any) -> int:
    """Lead the environment NAME on HOSTS, a pattern, back to an earlier generation, at once.

    The generation is looked through first; a damaged one is refused. With --check nothing is
    moved.
    """
    where = {"conda": given.pop("conda"), "envs_dir": given.pop("envs_dir")}
    answers = ask(hosts, {"what": "rollback", "name": name, "to": to, **where}, given)
    for host, result in answers.results.items():
        if given["as_json"]:
            click.echo(json.dumps({"type": "rollback", "host": host, "status": result.status,
                                   **result.data}, default=str))  # fmt: skip
            continue
        for line in _told(result, name, given["check"]):
            click.echo(line)
    tell_troubles(answers)
    return answers.exit_code
