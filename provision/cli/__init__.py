"""The command line: one file per command, loaded only when it is asked for.

`provision --help` must not import anything that connects, solves or renders, so commands
are found by name and their one-line summaries stand here.
"""

from __future__ import annotations

import importlib
import sys

import click

from provision import __version__
from provision.errors import ProvisionError

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "apply": "Bring hosts to the state a playbook describes.",
    "plan": "Show what apply would change, without changing it.",
    "drift": "Report what differs from the playbook, with evidence.",
    "env": "Lint, lock, compare, capture and rebuild conda environments.",
    "facts": "Show what is known of hosts.",
    "history": "Show runs of the past and what has changed between them.",
    "init": "Write a starting point for a project.",
    "inventory": "List hosts and groups and explain their variables.",
    "lab": "Boot throwaway Debian hosts on this machine.",
    "report": "Write reports of a run of the past.",
    "run": "Run one command on hosts.",
    "schema": "Print JSON Schemas for editors.",
    "ssh": "Log in to a host of the inventory.",
    "vault": "Encrypt and decrypt files and values.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"provision.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            from provision.diagnostics import did_you_mean

            hint = did_you_mean(name, COMMANDS)
            ctx.fail(f"no such command {name!r}." + (f" ({hint})" if hint else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provision")
def cli() -> None:
    """Bring GPU nodes to a described state over SSH, and tell when they drift."""


def main() -> None:
    """Entry point: runs the command and turns errors into messages and exit codes."""
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as exc:
        exc.show()
        sys.exit(2)
    except ProvisionError as exc:
        from provision.diagnostics import render_error

        click.echo(render_error(exc), err=True)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has enough; die as a Unix filter does.
        sys.stderr.close()
        sys.exit(141)
