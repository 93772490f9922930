"""provision plan."""

from __future__ import annotations

from typing import Any

import click

from provision.cli.playoptions import play_options

__all__ = ["command"]


@click.command(name="plan")
@play_options
def command(**given: Any) -> int:
    """Show what apply would change, without changing it. Ends with 3 when something would."""
    from provision.cli.running import run_playbooks

    return run_playbooks("plan", given)
