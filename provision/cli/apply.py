"""provision apply."""

from __future__ import annotations

from typing import Any

import click

from provision.cli.playoptions import play_options

__all__ = ["command"]


@click.command(name="apply")
@play_options
def command(**given: Any) -> int:
    """Bring hosts to the state that PLAYBOOKS describe."""
    from provision.cli.running import run_playbooks

    return run_playbooks("apply", given)
