"""provision env replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from provision.cli.envs.common import source_options
from provision.cli.playoptions import NO_PLAYBOOK, reach_options
from provision.errors import InputError, Mark

__all__ = ["command"]


def _task(source: Path, without: bool) -> dict[str, Any]:
    """What `conda_env` is told of a capture, a lock, or a file."""
    from provision.conda.capture import FILE, LOCK, REPORT
    from provision.conda.envfile import EnvironmentFile
    from provision.conda.forms import read_input

    if not source.is_dir():
        found = read_input(source)
        key = "file" if isinstance(found, EnvironmentFile) else "lock"
        return {key: str(source.absolute())}
    if not (source / LOCK).exists():
        raise InputError(f"{source} is no capture", why=f"it has no {LOCK}")
    lost = _unavailable(source / REPORT)
    if lost and not without:
        raise InputError(
            f"{len(lost)} packages of the capture cannot be had", mark=Mark(str(source / REPORT)),
            why="\n".join(lost), hint="--without-unavailable rebuilds the rest",
        )  # fmt: skip
    task = {"lock": str((source / LOCK).absolute())}
    return {**task, "file": str((source / FILE).absolute())} if (source / FILE).exists() else task


def _unavailable(report: Path) -> list[str]:
    try:
        said = json.loads(report.read_text(encoding="utf-8"))
        return [
            f"{item['manager']} {item['name']} {item['version']}: {item['why']}"
            for item in said["unavailable"]
        ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError("cannot read the capture", mark=Mark(str(report)), why=str(exc)) from exc


@click.command(name="replay")
@click.argument("source", metavar="DIR|FILE", type=click.Path(exists=True, path_type=Path))
@click.argument("hosts")
@click.option("--name", help="Another name for it.")
@click.option("--conda", default="/opt/miniconda3", show_default=True, metavar="PREFIX")
@click.option("--envs-dir", metavar="DIR", help="Where environments lie on the host.")
@click.option("--verify", metavar="COMMAND", help="Must succeed in the new environment.")
@click.option("--cuda", metavar="VERSION", help="What a node runs that has no driver yet.")
@click.option(
    "--accept-defaults-terms", is_flag=True, help="The vendor's terms for `defaults` are accepted."
)
@click.option("--without-unavailable", is_flag=True, help="Rebuild what can be rebuilt.")
@source_options
@reach_options
def command(source: Path, hosts: str, without_unavailable: bool, **given: Any) -> int:
    """Rebuild DIR, a capture, or FILE, a lock or an environment file, on HOSTS, a pattern.

    It is built beside what runs there, checked, and then takes the name, as `conda_env` does.
    """
    from provision.cli.envs.common import channel_map
    from provision.cli.running import execute, make_run

    task = _task(source, without_unavailable)
    channel_map(given)  # a mistake is told before anything is connected
    mirrors = dict(text.rpartition("=")[::2] for text in given.pop("mirrors"))
    said = {key: given.pop(key) for key in (
        "name", "conda", "envs_dir", "verify", "cuda", "accept_defaults_terms", "channel_alias",
        "index_url",
    )}  # fmt: skip
    task |= {key: value for key, value in said.items() if value}
    if mirrors:
        task["mirrors"] = mirrors
    play = {"name": "replay", "hosts": hosts, "gather_facts": False, "tasks": [{"conda_env": task}]}
    run = make_run("apply", {**NO_PLAYBOOK, **given}, text=json.dumps([play]))
    return execute(run)
