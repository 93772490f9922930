"""provision facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from provision.cli.playoptions import NO_PLAYBOOK, reach_options

if TYPE_CHECKING:
    from provision.engine.events import Event

__all__ = ["command"]

_COLUMNS = (
    ("OS", lambda f: f"{f.get('distribution', '')} {f.get('distribution_version', '')}"),
    ("KERNEL", lambda f: f.get("kernel", "")),
    ("ARCH", lambda f: f.get("architecture", "")),
    ("CPUS", lambda f: f.get("processor_vcpus") or f.get("processor_nproc", "")),
    ("MEMORY", lambda f: f"{int(f.get('memtotal_mb', 0)) / 1024:.0f} GiB"),
    ("PYTHON", lambda f: f.get("python_version", "")),
    ("GPUS", lambda f: _gpus(f.get("gpu"))),
)


def _gpus(found: Any) -> str:
    gpus = found.get("gpus", []) if isinstance(found, dict) else found or []
    names = [str(gpu.get("name", "GPU")) for gpu in gpus if isinstance(gpu, dict)]
    kinds = dict.fromkeys(names)
    return ", ".join(f"{names.count(name)} × {name}" for name in kinds) or "-"


def _table(found: dict[str, dict[str, Any]]) -> list[str]:
    rows = [["HOST", *(title for title, _ in _COLUMNS)]]
    for host, facts in found.items():
        rows.append([host, *(str(get(facts)).strip() or "-" for _, get in _COLUMNS)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


@click.command(name="facts")
@click.argument("pattern", default="all")
@reach_options
def command(pattern: str, **given: Any) -> int:
    """Show what is known of the hosts of PATTERN: a table, or everything with --json."""
    from provision.cli.running import make_run
    from provision.engine.events import TaskResult

    play = [{"hosts": pattern, "gather_facts": False, "tasks": [{"setup": None}]}]
    found: dict[str, dict[str, Any]] = {}
    troubles: list[TaskResult] = []

    def take(event: Event, /) -> None:
        if isinstance(event, TaskResult) and event.status in ("failed", "unreachable"):
            troubles.append(event)

    run = make_run("apply", {**NO_PLAYBOOK, **given}, text=json.dumps(play), sinks=[take])
    summary = run.execute()
    for name in summary.hosts:
        facts = run.shared.states[name].facts
        if facts.gathered:
            found[name] = dict(facts["ansible_facts"])
    if given["as_json"]:
        for name, facts_of in found.items():
            click.echo(json.dumps({"host": name, "facts": facts_of}, default=str))
    else:
        click.echo("\n".join(_table(found)))
    for event in troubles:
        click.echo(f"{event.host}: {event.status}: {event.msg}", err=True)
    return summary.exit_code
