"""provision drift."""

from __future__ import annotations

from typing import Any

import click

from provision.cli.playoptions import play_options

__all__ = ["command"]


@click.command(name="drift")
@play_options
def command(**given: Any) -> int:
    """Report what differs from PLAYBOOKS. Ends with 3 when something does."""
    from provision.cli.running import run_playbooks

    return run_playbooks("drift", given)
