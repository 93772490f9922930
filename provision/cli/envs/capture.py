"""provision env capture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.envs.asking import place_options
from provision.cli.envs.common import channel_map, notice, source_options
from provision.cli.playoptions import reach_options
from provision.errors import InputError, Mark

if TYPE_CHECKING:
    from provision.conda.capture import Capture

__all__ = ["command"]

_SHOWN = 8


def _lines(found: Capture, target: Path) -> list[str]:
    lock = found.locks.locks[0]
    pip = f" and {len(lock.pip)} pip" if lock.pip else ""
    lines = [f"{target}: {found.name}, {len(lock.conda)} conda{pip} packages for {lock.platform}"]
    for item in found.unavailable:
        words = " ".join(word for word in (item.name, item.version, item.build) if word)
        lines.append(f"  cannot be rebuilt: {item.manager} {words}: {item.why}")
    for what, paths in (
        ("changed after installation", found.changed),
        ("owned by no package", found.unowned),
    ):
        lines += [f"  {what}: {path}" for path in paths[:_SHOWN]]
        if len(paths) > _SHOWN:
            lines.append(f"  {what}: {len(paths) - _SHOWN} more")
    lines += [f"  left out, looks like a secret: variable {name}" for name in found.secrets]
    lines += [f"  not looked up: {url}: {why}" for url, why in found.unchecked.items()]
    return lines


@click.command(name="capture")
@click.argument("source", metavar="HOST:ENV")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write it; by default a directory called like the environment.",
)
@click.option("--name", default="", help="Another name for it.")
@click.option("--sdists", is_flag=True, help="Take pip packages without a wheel, too.")
@source_options
@place_options
@reach_options
def command(source: str, target: Path | None, name: str, sdists: bool, **given: Any) -> int:
    """Write down the environment ENV of HOST so that it can be rebuilt elsewhere.

    No conda is started there. Four files: environment.yml, what was asked for;
    environment.lock.yml, every package with its hash; machine.json, what it lived on; and
    capture.json, what cannot be rebuilt, by name.
    """
    from provision.cli.envs.sides import host_env, read_env
    from provision.conda.capture import capture
    from provision.conda.files import write_whole
    from provision.conda.locking import Locking

    where = host_env(source)
    if where is None:
        raise InputError(f"{source!r} is not HOST:ENV")
    told = read_env(where, given, level="hashes", whole=True)
    how = Locking(
        [], channels=channel_map(given), index_url=given["index_url"], sdists=sdists, notice=notice
    )
    found = capture(told["env"], told["machine"], how, name)
    target = target or Path(found.name)
    try:
        for file, text in found.files(source, str(told["env"]["prefix"])).items():
            write_whole(target / file, text)
    except OSError as exc:
        raise InputError(
            "cannot write the capture", mark=Mark(str(target)), why=exc.strerror or ""
        ) from exc
    if given["as_json"]:
        report = found.report(source, str(told["env"]["prefix"]))
        click.echo(json.dumps({"type": "capture", "directory": str(target), **report}))
        return 0
    for line in _lines(found, target):
        click.echo(line)
    return 0
