"""provision env gc."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from provision.cli.envs.asking import ask, place_options, tell_troubles
from provision.cli.playoptions import reach_options

if TYPE_CHECKING:
    from provision.engine.events import TaskResult

__all__ = ["command", "size_words"]


def size_words(size: float) -> str:
    """`1.4 GB`, decimal as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _told(result: TaskResult, check: bool) -> list[str]:
    removed = result.data.get("removed") or []
    used = result.data.get("used") or []
    verb = "would remove" if check else "removed"
    lines = [f"{result.host}: nothing to remove"]
    if removed:
        freed = size_words(float(result.data.get("freed") or 0))
        what = f"{len(removed)} generation{'s' if len(removed) != 1 else ''}"
        lines = [f"{result.host}: {verb} {what}, {freed}"]
        lines += [f"  {one['generation']}  {size_words(float(one['bytes']))}" for one in removed]
    lines += [f"  {name} stays: it is used" for name in used]
    return lines


@click.command(name="gc")
@click.argument("hosts")
@click.option("--name", metavar="ENV", help="Of this environment only.")
@click.option("--keep", type=click.IntRange(0), default=2, show_default=True,
              help="Older generations that stay.")  # fmt: skip
@place_options
@reach_options
def command(hosts: str, name: str | None, keep: int, **given: Any) -> int:
    """Remove generations that nobody needs from HOSTS, a pattern.

    Those that are half-made, whose name is gone, or that are older than the last few. What a
    process or a systemd unit uses stays. With --check nothing is removed.
    """
    where = {"conda": given.pop("conda"), "envs_dir": given.pop("envs_dir")}
    answers = ask(hosts, {"what": "gc", "name": name, "keep": keep, **where}, given)
    for host, result in answers.results.items():
        if given["as_json"]:
            click.echo(json.dumps({"type": "gc", "host": host, "status": result.status,
                                   **result.data}, default=str))  # fmt: skip
            continue
        for line in _told(result, given["check"]):
            click.echo(line)
    tell_troubles(answers)
    return answers.exit_code
