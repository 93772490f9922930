"""provision env history."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from provision.cli.envs.asking import age_words, ask, place_options, tell_troubles
from provision.cli.envs.common import table
from provision.cli.playoptions import reach_options

__all__ = ["change_words", "command"]

_SHOWN = 4


def change_words(changes: Sequence[Mapping[str, Any]], shown: int = _SHOWN) -> str:
    """`numpy 1.26.4 → 2.0.0, +idna 3.7, -six 1.16.0 and 3 more`."""
    words = []
    for change in changes[:shown]:
        name = str(change["key"]).partition(":")[2]
        before, after = change.get("before"), change.get("after")
        if before is None:
            words.append(f"+{name} {after}")
        elif after is None:
            words.append(f"-{name} {before}")
        else:
            words.append(f"{name} {before} → {after}")
    more = f" and {len(changes) - shown} more" if len(changes) > shown else ""
    return ", ".join(words) + more


def _rows(generations: Sequence[Mapping[str, Any]], now: float) -> list[list[str]]:
    rows = [["", "GENERATION", "AGE", "PACKAGES", "CHANGES"]]
    for one in generations:
        mark = "*" if one["current"] else ""
        state = "" if one["finished"] else "not finished"
        if one["used"] and not one["current"]:
            state = "in use"
        changes = change_words(one["changes"]) or state or "-"
        if state and one["changes"]:
            changes += f" ({state})"
        rows.append([mark, str(one["generation"]), age_words(now - float(one["built"])),
                     str(one["packages"] or "-"), changes])  # fmt: skip
    return rows


@click.command(name="history")
@click.argument("name")
@click.argument("pattern", default="all")
@place_options
@reach_options
def command(name: str, pattern: str, **given: Any) -> int:
    """Show the generations of the environment NAME on the hosts of PATTERN, the newest first,
    and what changed with each."""
    where = {"conda": given.pop("conda"), "envs_dir": given.pop("envs_dir")}
    answers = ask(pattern, {"what": "history", "name": name, **where}, given)
    now = time.time()
    for host, data in answers.data().items():
        generations = data.get("generations") or []
        if given["as_json"]:
            for one in generations:
                click.echo(json.dumps({"type": "generation", "host": host, **one}, default=str))
            continue
        click.echo(f"{host} {data.get('path', name)}")
        for line in table(_rows(generations, now)):
            click.echo(f"  {line}")
    tell_troubles(answers)
    return answers.exit_code
