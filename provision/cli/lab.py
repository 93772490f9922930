"""`provision lab`: throwaway Debian hosts on this machine."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from provision.lab import Lab

__all__ = ["command"]

_dir_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the lab lives. Default: $PROVISION_LAB_DIR, else /var/lib/provision/lab for root.",
)


def _lab(directory: Path | None) -> Lab:
    from provision.lab import Lab, default_directory

    def progress(line: str) -> None:
        click.echo(line, err=True)

    return Lab(directory or default_directory(), progress=progress)


@click.group()
def command() -> None:
    """Boot throwaway Debian hosts on this machine, to try playbooks on."""


def _number_or_names(value: str | None) -> int | tuple[str, ...]:
    if value is None:
        return ()
    if value.isdecimal():
        return int(value)
    return tuple(name.strip() for name in value.split(",") if name.strip())


@command.command()
@_dir_option
@click.option("--hosts", type=click.IntRange(1, 200), help="How many (default 3).")
@click.option(
    "--release",
    "releases",
    multiple=True,
    metavar="NAME",
    help="bookworm, trixie or bullseye; several are dealt out in turn.",
)
@click.option(
    "--no-python", metavar="N|NAMES", help="How many hosts, or which, have no Python at all."
)
@click.option(
    "--addresses-per-host",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="List each host under this many names, each with an address.",
)
@click.option("--mirror/--no-mirror", default=True, help="Serve packages on the bridge address.")
@click.option("--install", is_flag=True, help="Install missing Debian packages with apt-get.")
def up(
    directory: Path | None,
    hosts: int | None,
    releases: tuple[str, ...],
    no_python: str | None,
    addresses_per_host: int,
    mirror: bool,
    install: bool,
) -> None:
    """Boot what is missing; hosts that run are left alone."""
    from provision.lab import UpRequest

    lab = _lab(directory)
    request = UpRequest(
        hosts=hosts,
        releases=releases,
        without_python=_number_or_names(no_python),
        addresses_per_host=addresses_per_host,
        mirror=mirror,
        install=install,
    )
    state = lab.up(request)
    count = len(state.hosts)
    click.echo(f"{count} host{'s' if count != 1 else ''} up; inventory: {lab.layout.inventory}")


@command.command()
@_dir_option
def down(directory: Path | None) -> None:
    """Remove the lab and everything it made, also after a killed `up`."""
    _lab(directory).down()


@command.command()
@_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(directory: Path | None, as_json: bool) -> None:
    """Show the hosts. Ends with 1 when one of them is not running."""
    from provision.lab.status import lab_status, render_status

    report = lab_status(_lab(directory))
    if as_json:
        click.echo(json.dumps(report.as_data()))
    else:
        click.echo(render_status(report))
    sys.exit(0 if report.all_running else 1)


@command.command()
@_dir_option
@click.option("--list", "as_list", is_flag=True, help="As inventory programs are asked.")
@click.option("--host", "name", help="Variables of one host; --list tells them already.")
def inventory(directory: Path | None, as_list: bool, name: str | None) -> None:
    """Print the lab's inventory as JSON; `inventories/lab.yml` calls this."""
    from provision.errors import LabError
    from provision.lab.outputs import program_data

    lab = _lab(directory)
    state = lab.state()
    if state is None:
        raise LabError("there is no lab", hint="boot one: provision lab up")
    click.echo(json.dumps({} if name and not as_list else program_data(lab.layout, state)))


# As with ssh itself, what follows HOST belongs to the command.
@command.command(context_settings={"allow_interspersed_args": False})
@_dir_option
@click.option("-l", "--login", metavar="USER", help="root, lab or ops (default root).")
@click.argument("host")
@click.argument("cmd", nargs=-1, type=click.UNPROCESSED)
def ssh(directory: Path | None, login: str | None, host: str, cmd: tuple[str, ...]) -> None:
    """Log in to HOST, or run CMD there, with the lab's key and strict host keys."""
    import os

    from provision.lab.remote import ssh_arguments

    argv = ssh_arguments(_lab(directory), host, login=login or "", command=_shell_line(cmd))
    sys.stdout.flush()
    os.execvp(argv[0], argv)  # noqa: S606 - an argument list, no shell to go through


def _shell_line(words: tuple[str, ...]) -> str:
    """One word is a shell line of the user's own; several are quoted for him."""
    words = words[1:] if words[:1] == ("--",) else words
    return words[0] if len(words) == 1 else shlex.join(words)


@command.command("exec")
@_dir_option
@click.option("-f", "--forks", type=click.IntRange(1), default=10, show_default=True)
@click.option("-l", "--login", metavar="USER", help="root, lab or ops (default root).")
@click.argument("pattern")
@click.argument("cmd", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(
    directory: Path | None, forks: int, login: str | None, pattern: str, cmd: tuple[str, ...]
) -> None:
    """Run CMD on the hosts PATTERN names: `all`, names, globs, separated by commas.

    Put `--` before CMD. Ends with 1 when it failed on a host, 4 when one was unreachable.
    """
    from provision.lab.remote import exit_code, run_on_hosts

    codes = []
    for reply in run_on_hosts(
        _lab(directory), pattern, _shell_line(cmd), forks=forks, login=login or ""
    ):
        codes.append(reply.code)
        for line in reply.output.splitlines():
            click.echo(f"{reply.host} | {line}")
        if reply.code:
            click.echo(f"{reply.host} | exit code {reply.code}", err=True)
    sys.exit(exit_code(codes))


if __name__ == "__main__":
    command()
