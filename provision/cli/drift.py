"""provision drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from provision.cli.playoptions import play_options

__all__ = ["command"]


@click.command(name="drift")
@play_options
@click.option(
    "--accepted",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Deviations that are accepted; accepted-drift.yml where that exists.",
)
def command(**given: Any) -> int:
    """Report what differs from PLAYBOOKS. Ends with 3 when something does."""
    from provision.cli.drifting import run_drift

    return run_drift(given)
