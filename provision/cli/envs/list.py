"""provision env list."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import click

from provision.cli.envs.asking import age_words, ask, place_options, tell_troubles
from provision.cli.envs.common import table
from provision.cli.playoptions import reach_options

__all__ = ["command"]


def _rows(found: Mapping[str, Iterable[Mapping[str, Any]]], now: float) -> list[list[str]]:
    """Environments by name; hosts that have the same one in one row."""
    from provision.reports.fold import fold_hosts

    same: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for host, envs in found.items():
        for env in envs:
            kind = str(env["kind"])
            generation = str(env.get("generation") or ("-" if kind == "conda" else kind))
            short = generation.removeprefix(f"{env['name']}-")
            size = str(env.get("packages", "")) or "-"
            key = (str(env["name"]), short, str(env.get("python") or "-"), size)
            same.setdefault(key, []).append((host, float(env.get("built") or now)))
    rows = [["ENVIRONMENT", "GENERATION", "PYTHON", "PACKAGES", "AGE", "HOSTS"]]
    for columns, hosts in sorted(same.items()):
        ages = sorted(now - built for _, built in hosts)
        words = list(dict.fromkeys((age_words(ages[0]), age_words(ages[-1]))))
        rows.append([*columns, " to ".join(words), fold_hosts(host for host, _ in hosts)])
    return rows


@click.command(name="list")
@click.argument("pattern", default="all")
@place_options
@reach_options
def command(pattern: str, **given: Any) -> int:
    """Show the environments of the hosts of PATTERN, with generation and age."""
    where = {"conda": given.pop("conda"), "envs_dir": given.pop("envs_dir")}
    answers = ask(pattern, {"what": "list", **where}, given)
    found = {host: data.get("envs") or [] for host, data in answers.data().items()}
    if given["as_json"]:
        for host, envs in found.items():
            for env in envs:
                click.echo(json.dumps({"type": "env", "host": host, **env}, default=str))
    else:
        for line in table(_rows(found, time.time())):
            click.echo(line)
    tell_troubles(answers)
    return answers.exit_code
