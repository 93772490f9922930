"""provision drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provision.cli.playoptions import play_options

__all__ = ["command"]

_FILE = click.Path(path_type=Path)


@click.command(name="drift")
@play_options
@click.option("--html", type=_FILE, metavar="FILE", help="Also one page to look at.")
@click.option("--markdown", type=_FILE, metavar="FILE", help="Also a short text for people.")
@click.option("--mail", type=_FILE, metavar="FILE", help="The same as a mail's source.")
@click.option("--prometheus", type=_FILE, metavar="FILE", help="Also metrics in a text file.")
@click.option(
    "--on-drift",
    metavar="COMMAND",
    help="Run this when something has drifted, with JSON on its input. No shell.",
)
@click.option(
    "--webhook",
    metavar="URL",
    envvar="PROVISION_WEBHOOK",
    show_envvar=True,
    help="Send the same JSON there.",
)
@click.option(
    "--accepted",
    type=_FILE,
    metavar="FILE",
    help="Deviations that are accepted; accepted-drift.yml where that exists.",
)
@click.option("--quiet", is_flag=True, help="Print nothing when all is in sync.")
@click.option("--fix", is_flag=True, help="Then apply what has drifted, and nothing else.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before --fix.")
def command(**given: Any) -> int:
    """Report what differs from PLAYBOOKS. Ends with 3 when something does."""
    from provision.cli.drifting import run_drift

    return run_drift(given)
