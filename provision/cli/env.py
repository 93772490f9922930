"""provision env: its commands are files of `provision.cli.envs`, loaded when asked for."""

from __future__ import annotations

import importlib

import click

__all__ = ["COMMANDS", "command"]

COMMANDS = {
    "lint": "Say what of environment files will not travel, and fix it.",
    "lock": "Solve an environment file once and write down every package with its hash.",
    "capture": "Write down an environment of a host so that it can be rebuilt.",
    "replay": "Rebuild a captured environment, a lock or a file on hosts.",
    "diff": "Show how two environments, locks or files differ.",
    "list": "Show hosts' environments, with generation and age.",
    "history": "Show the generations of an environment.",
    "rollback": "Lead an environment back to an earlier generation.",
    "gc": "Remove generations that nobody needs.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"provision.cli.envs.{cmd_name}").command
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(name="env", cls=_Commands)
def command() -> None:
    """Conda environments: lint, lock, compare, capture, rebuild, roll back."""
